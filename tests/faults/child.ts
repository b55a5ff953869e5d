/** plca as a process of its own, and the small run that faults are injected into. */
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

const MAIN = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));

/** Those of the task `plca`. */
const PERMISSIONS = config.tasks.plca.split(" ").filter((word) => /^--(allow-|no-prompt$)/.test(word));

/** Steps of {@linkcode RECIPE}. */
export const STEPS = 24;

/** Every step writes a checkpoint, all of which are kept: writing is where a crash hurts. */
export const RECIPE = `extends: street
name: tiny
backend: native
data:
  source: { type: street, domain: day, split: train, width: 40, height: 32, count: 8 }
  target: { type: street, domain: dusk, split: train, width: 40, height: 32, count: 8 }
  val: { type: street, domain: dusk, split: val, width: 40, height: 32, count: 2 }
  test: null
input: { crop: 32, workers: 1 }
model: { options: { width: 0.125 } }
training: { steps: ${STEPS}, batch: 1, accumulation: 2, validate_every: 5, checkpoint_every: 1, log_every: 1 }
baseline: null
`;

/** How a process ended. */
export interface Ended {
  /** 128 and more: by a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process under way. */
export interface Child {
  kill(signal: Deno.Signal): void;
  /** Resolves when standard output has a line that matches; rejects when the process ends before. */
  line(pattern: RegExp): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** What Deno is called with to run `plca` as its task does. @param preload a module that is run before everything else */
export function denoArguments(args: readonly string[], preload?: URL): string[] {
  return [
    "run",
    "--quiet",
    "--no-check",
    "--unstable-webgpu",
    ...PERMISSIONS,
    ...(preload ? [`--preload=${fileURLToPath(preload)}`] : []),
    MAIN,
    ...args,
  ];
}

/** Starts `plca` in `cwd`. @param preload a module that is run before everything else */
export function start(args: readonly string[], cwd: string, preload?: URL): Child {
  const process = new Deno.Command(Deno.execPath(), {
    args: denoArguments(args, preload),
    cwd,
    env: { INIT_CWD: cwd, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let stdout = "", over = false;
  const waiting = new Set<() => void>();
  const wake = () => waiting.forEach((look) => look());
  const read = (async () => {
    for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
      stdout += text;
      wake();
    }
    over = true;
    wake();
  })();
  const errors = new Response(process.stderr).text();
  const ended = (async () => {
    const [{ code }, stderr] = await Promise.all([process.status, errors, read]);
    return { code, stdout, stderr };
  })();
  return {
    ended,
    kill(signal) {
      try {
        process.kill(signal);
      } catch (error) {
        // It ended before.
        if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
      }
    },
    line(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const look = () => {
        if (stdout.split("\n").some((line) => pattern.test(line))) resolve();
        else if (over) reject(new Error(`the process ended before it wrote ${pattern}:\n${stdout}`));
        else return;
        waiting.delete(look);
      };
      waiting.add(look);
      look();
      return promise;
    },
  };
}

/** Runs `plca` to its end. */
export function plca(args: readonly string[], cwd: string, preload?: URL): Promise<Ended> {
  return start(args, cwd, preload).ended;
}

/** A new folder with the recipe in it, removed after `body`. */
export async function inFolder<T>(body: (folder: string) => Promise<T>, recipe = RECIPE): Promise<T> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "plca-faults-" }));
  try {
    await Deno.writeTextFile(`${folder}/tiny.yaml`, recipe);
    return await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a run ends with: its weights and what they are worth. */
export interface Outcome {
  readonly weights: Uint8Array;
  readonly evaluation: string;
}

/** Reads the end of a run. */
export async function outcome(run: string): Promise<Outcome> {
  return {
    weights: await Deno.readFile(`${run}/checkpoints/last.safetensors`),
    evaluation: await Deno.readTextFile(`${run}/evaluation.json`),
  };
}

/** Whether two runs ended bit for bit alike. */
export function alike(a: Outcome, b: Outcome): boolean {
  return a.evaluation === b.evaluation && a.weights.length === b.weights.length &&
    a.weights.every((byte, k) => byte === b.weights[k]);
}

/** The last step that a run tells of in its log, and the steps it went on from. */
export async function logged(run: string): Promise<{ readonly last: number; readonly resumed: number[] }> {
  const text = await Deno.readTextFile(`${run}/events.jsonl`);
  let last = 0;
  const resumed: number[] = [];
  for (const line of text.split("\n").slice(0, -1)) {
    const event = JSON.parse(line);
    if (event.type === "step") last = Math.max(last, event.step);
    if (event.type === "resume") resumed.push(event.step);
  }
  return { last, resumed };
}
