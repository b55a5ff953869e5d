/**
 * Updates of gtav_to_cityscapes as published, on random images, in a process of its own; prints what they
 * took as JSON.
 *
 *     [CROP BATCH PASSES UPDATES [checkpointing]]
 */
import { resourceUsage } from "node:process";
import { selectBackend } from "../backends/select.ts";
import { heapMemory } from "../backends/wasm/heap.ts";
import { heapRoom } from "../backends/wasm/room.ts";
import type { MovedMemory } from "../core/memory.ts";
import { trainStep } from "../train/step.ts";
import { publishedUpdate } from "./training_step.ts";

/** What a child prints. */
export interface Published {
  /** Of every update. */
  readonly seconds: readonly number[];
  /** Gigabytes of the highest resident set, and of the heap. */
  readonly peak: number;
  readonly heap: number;
  readonly moved: MovedMemory;
  /** The objective's value in every update. */
  readonly totals: readonly number[];
}

if (import.meta.main) {
  const [crop = "730", batch = "4", passes = "2", updates = "1", checkpointing] = Deno.args;
  await selectBackend("native");
  const sides = { crop: Number(crop), batch: Number(batch), passes: Number(passes) };
  const update = await publishedUpdate({ ...sides, checkpointing: checkpointing !== undefined });
  const seconds: number[] = [], totals: number[] = [];
  for (let step = 0; step < Number(updates); step++) {
    const started = performance.now();
    const { total } = await trainStep(update.run, {
      step,
      steps: 100,
      multiplier: 1,
      passes: update.passes,
      stages: { over: (stage) => console.error(stage, ((performance.now() - started) / 1000).toFixed(1)) },
    });
    seconds.push((performance.now() - started) / 1000);
    totals.push(total);
  }
  const found: Published = {
    seconds,
    peak: 1024 * resourceUsage().maxRSS / 1e9,
    heap: heapMemory().buffer.byteLength / 1e9,
    moved: heapRoom().moved,
    totals,
  };
  console.log(JSON.stringify(found));
  Deno.exit(0);
}
