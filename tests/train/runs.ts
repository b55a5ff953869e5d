/** Whole runs of the tiny network, and what they leave. */
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import type { TrainEvent } from "../../core/events.ts";
import type { RunPlan } from "../../core/plan.ts";
import type { FileReader } from "../../core/plugin.ts";
import { decodeSafetensors } from "../../weights/safetensors.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import type { CheckpointState } from "../../train/checkpoint.ts";
import { train, type TrainResult } from "../../train/mod.ts";
import { plainFiles } from "./fakes.ts";

/** Where a test's run lies. */
export interface Folder {
  readonly path: string;
  exists(name: string): boolean;
  state(name: string): CheckpointState;
  tensors(name: string): Map<string, readonly number[]>;
}

/** A test on the native backend with the path of a new folder. */
export function pathTest(name: string, run: (path: string) => Promise<void>): void {
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false }, async () => {
    await selectBackend("native");
    const path = await Deno.makeTempDir();
    try {
      await run(path);
    } finally {
      await Deno.remove(path, { recursive: true });
    }
  });
}

/** The same with what a test asks of the folder. */
export function test(name: string, run: (folder: Folder) => Promise<void>): void {
  pathTest(name, (path) => {
    const at = (name: string) => `${path}/${name}`;
    const read = (name: string) => decodeSafetensors(Deno.readFileSync(at(name)), name);
    return run({
      path,
      exists: (name) => {
        try {
          return Deno.statSync(at(name)).isFile;
        } catch {
          return false;
        }
      },
      state: (name) => JSON.parse(read(name).metadata["state"]!),
      tensors: (name) =>
        new Map([...read(name).tensors].map(([key, tensor]) => [key, [...toFloat32(tensor)]])),
    });
  });
}

/** An error's message with a folder and lines of recipes left out, which differ from place to place. */
export function placeless(error: unknown, folder: string): string {
  assert.ok(error instanceof Error);
  return error.message.replaceAll(`${folder}/`, "").replace(/(\.yaml):\d+:\d+/g, "$1");
}

/** What a run said, and its switch. */
export interface Told {
  readonly events: TrainEvent[];
  readonly control: AbortController;
}

/** Trains into `run` below the folder. */
export async function run(
  plan: RunPlan,
  folder: Folder,
  onEvent: (event: TrainEvent, told: Told) => void = () => {},
  files: FileReader = plainFiles,
) {
  const told: Told = { events: [], control: new AbortController() };
  const result = await train(plan, {
    runDir: `${folder.path}/run`,
    signal: told.control.signal,
    files,
    onEvent: (event) => {
      told.events.push(event);
      onEvent(event, told);
    },
  });
  return { ...told, result };
}

/** The log. */
export function lines(folder: Folder): TrainEvent[] {
  return Deno.readTextFileSync(`${folder.path}/run/events.jsonl`).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
}

/** The events as one short text each. */
export function outline(events: readonly TrainEvent[]): string[] {
  return events.map((event) => {
    const step = "step" in event ? ` ${event.step}` : "";
    const file = event.type === "checkpoint" ? ` ${event.path.split("/").at(-1)}` : "";
    return `${event.type}${step}${file}`;
  });
}

/** What a part of a run said, and how it ended. */
export interface Gone {
  readonly events: readonly TrainEvent[];
  readonly result: TrainResult;
}

/** Goes on with what lies in the folder. @param stopAt told of every event; true interrupts */
export async function go(
  folder: string,
  chosen: RunPlan,
  stopAt: (event: TrainEvent) => boolean = () => false,
  files: FileReader = plainFiles,
): Promise<Gone> {
  const events: TrainEvent[] = [];
  const control = new AbortController();
  const result = await train(chosen, {
    runDir: `${folder}/run`,
    resume: true,
    signal: control.signal,
    files,
    onEvent(event) {
      events.push(event);
      if (stopAt(event)) control.abort();
    },
  });
  return { events, result };
}

/** Stops a run at each of these, as `phase step`, one after the other, and goes on. */
export async function stopped(folder: string, plan: RunPlan, stops: readonly string[]): Promise<Gone> {
  const stopAt = (stop: string) => (event: TrainEvent) =>
    event.type === "step" && `${event.phase} ${event.step}` === stop;
  const events: TrainEvent[] = [];
  for (const stop of stops) {
    const told = await go(folder, plan, stopAt(stop));
    events.push(...told.events);
    assert.equal(told.result.interrupted, true, stop);
  }
  const last = await go(folder, plan);
  assert.equal(last.result.interrupted, false);
  return { events: [...events, ...last.events], result: last.result };
}

/** What later values follow from: everything but rates and paths. */
export function valuesOfEvents(events: readonly TrainEvent[]): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const event of events) {
    if (event.type === "step") {
      const { rate: _, ...rest } = event;
      found.set(`${event.phase} step ${event.step}`, rest);
    } else if (event.type === "validation") found.set(`${event.phase} validation ${event.step}`, event);
  }
  return found;
}

/** The whole run, in one piece. */
export async function undisturbed(chosen: RunPlan): Promise<Gone & { readonly weights: Uint8Array }> {
  const folder = await Deno.makeTempDir();
  const told = await go(folder, chosen);
  const weights = await Deno.readFile(`${folder}/run/checkpoints/last.safetensors`);
  await Deno.remove(folder, { recursive: true });
  return { ...told, weights };
}
