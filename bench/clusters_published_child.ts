/**
 * One update of gtav_to_cityscapes_8 by several processes, on random images, one of each domain in each process:
 * `clusters_published_child.ts CROP FOLDER`. Every process writes what it measured as JSON into FOLDER/RANK.json.
 */
import { resourceUsage } from "node:process";
import { selectBackend } from "../backends/select.ts";
import { heapMemory } from "../backends/wasm/heap.ts";
import { heapRoom } from "../backends/wasm/room.ts";
import { launchOf, Mpi, openLibrary } from "../processes/mod.ts";
import { MpiWorld } from "../processes/world.ts";
import { trainStep } from "../train/step.ts";
import { publishedUpdate } from "./training_step.ts";

/** What a process measured. */
export interface PublishedShare {
  readonly seconds: number;
  /** Of them, waiting for other processes. */
  readonly waited: number;
  /** Gigabytes of the highest resident set, of the heap, and of tensors outside of it at the most. */
  readonly peak: number;
  readonly heap: number;
  readonly outside: number;
  /** Gigabytes that the system has moved to its disk at the end. */
  readonly swapped: number;
  /** The objective's value, the same in all. */
  readonly total: number;
}

/** Seconds that a process waits for the others: they share the cores. */
const TIMEOUT = 7200;

if (import.meta.main) {
  const [crop, folder] = Deno.args;
  const env = (name: string) => Deno.env.get(name);
  const mpi = new Mpi(openLibrary(env("PLCA_MPI")), { launch: launchOf(env)!, timeout: TIMEOUT });
  const world = new MpiWorld(mpi);
  const threads = Math.max(1, Math.floor(navigator.hardwareConcurrency / world.size));
  await selectBackend("native", { threads });
  const { run, passes } = await publishedUpdate({
    recipe: "gtav_to_cityscapes_8",
    crop: Number(crop),
    batch: 1,
    passes: 1,
    checkpointing: true,
    seed: world.rank,
  });
  const waited = world.waited(), began = performance.now();
  const { total } = await trainStep(run, { step: 0, steps: 100, multiplier: 1, passes, world });
  const share: PublishedShare = {
    seconds: (performance.now() - began) / 1000,
    waited: world.waited() - waited,
    peak: 1024 * resourceUsage().maxRSS / 1e9,
    heap: heapMemory().buffer.byteLength / 1e9,
    outside: heapRoom().moved.outsidePeak / 1e9,
    swapped: 1024 * Number(/VmSwap:\s*(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? 0) /
      1e9,
    total,
  };
  await Deno.writeTextFile(`${folder}/${world.rank}.json`, JSON.stringify(share));
  mpi.finalize();
  // The native library's threads would keep the process alive.
  Deno.exit(0);
}
