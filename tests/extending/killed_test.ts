/**
 * The worked extensions of docs/extending, as a user runs them: each is killed in the middle of what it adds and goes on, and
 * every loss and the weights are those of a run that was left alone, bit for bit.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onlyInFull } from "../full.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const TASK = ["task", "--quiet", "--config", join(project, "deno.json"), "plca"];

/** Small enough for a second a step. */
const SMALL = [
  "training.log_every=1",
  "training.checkpoint_every=2",
  "training.batch=2",
  "training.validate_every=0",
  "input.crop=[48, 64]",
  "data.val.count=2",
  "data.target.count=8",
  "backend=native",
].flatMap((set) => ["--set", set]);

const STEPS = ["--set", "training.steps=6", "--set", "baseline="];
const PHASES = [0, 1, 2].flatMap((k) => ["--set", `phases[${k}].training.steps=4`]);

interface Proof {
  readonly name: string;
  readonly sets: readonly string[];
  /** When the process is killed: the first time that one of these is true of the run folder, then the next. */
  readonly kills: readonly ((run: string) => boolean)[];
}

const proofs: readonly Proof[] = [
  // After a checkpoint at step 2, in the middle of the steps; for the opponent of every fifth step, before and after it.
  { name: "class_mix", sets: STEPS, kills: [atStep(3), atStep(5)] },
  { name: "translator", sets: STEPS, kills: [atStep(3), atStep(5)] },
  { name: "labelled_share", sets: STEPS, kills: [atStep(3)] },
  { name: "feature_distance", sets: STEPS, kills: [atStep(3)] },
  {
    name: "pseudo_labels",
    sets: PHASES,
    kills: [
      // In the first phase, in the first job, and in the round after it.
      atStep(3, "association"),
      (run) => exists(`${run}/phases/round-1/jobs/labels-1/labels/000003.png`),
      atStep(3, "round-1"),
      (run) => exists(`${run}/jobs/labels-2/labels/000003.png`),
    ],
  },
];

for (const { name, sets, kills } of proofs) {
  onlyInFull(`${name}: killed in its middle and resumed, it is the run that was left alone`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const recipe = join(project, "docs/extending", `${name}.yaml`);
      const guide = `${folder}/guide/checkpoints/last.safetensors`;
      const more: string[] = [...SMALL, ...sets];
      if (name === "feature_distance") {
        await finish(["train", "street", "--run", `${folder}/guide`, ...SMALL, ...STEPS]);
        more.push("--set", `networks.guide.weights=${guide}`);
      }
      const [whole, cut] = [`${folder}/whole`, `${folder}/cut`];
      await finish(["train", recipe, "--run", whole, ...more]);
      await kill(["train", recipe, "--run", cut, ...more], () => kills[0]!(cut));
      for (const next of kills.slice(1)) await kill(["train", "--resume", cut], () => next(cut));
      await finish(["train", "--resume", cut]);
      assert.deepEqual(steps(cut), steps(whole));
      for (const phase of ["", "phases/association/", "phases/round-1/"]) {
        const [one, other] = [whole, cut].map((run) => `${run}/${phase}checkpoints/last.safetensors`);
        if (!exists(one!)) continue;
        assert.ok(equal(await Deno.readFile(one!), await Deno.readFile(other!)), `${phase}: other weights`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

function command(args: readonly string[]) {
  return new Deno.Command(Deno.execPath(), {
    args: [...TASK, ...args, "--quiet"],
    stdout: "piped",
    stderr: "piped",
  });
}

async function finish(args: readonly string[]): Promise<void> {
  const { success, stderr } = await command(args).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** SIGKILL to the whole group: `deno task` is one process, the training another. */
async function kill(args: readonly string[], due: () => boolean): Promise<void> {
  const shell = new Deno.Command("setsid", {
    args: [Deno.execPath(), ...TASK, ...args, "--quiet"],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const output = shell.stderr.text();
  let over = false;
  const ended = shell.status.then(() => over = true);
  while (!due() && !over) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(!over, `it ended before it could be killed: ${over ? await output : ""}`);
  Deno.kill(-shell.pid, "SIGKILL");
  await ended;
  await output;
}

/** Once the log has a step. */
function atStep(step: number, phase?: string): (run: string) => boolean {
  return (run) =>
    exists(`${run}/events.jsonl`) && [...steps(run).keys()].some((key) => {
      const [ofPhase, ofStep] = key.split(" ");
      return Number(ofStep) >= step && (phase === undefined || ofPhase === phase);
    });
}

/** Losses and learning rates by phase and step; of a step that was made twice, the later. */
function steps(run: string): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const line of Deno.readTextFileSync(`${run}/events.jsonl`).split("\n")) {
    // The last line of a process that was killed may be half a line.
    const event = parsed(line);
    if (event?.type !== "step") continue;
    const { time: _, rate: __, ...values } = event;
    found.set(`${event.phase} ${event.step}`, values);
  }
  return new Map([...found].sort(([a], [b]) => a < b ? -1 : 1));
}

interface Line {
  readonly type: string;
  readonly time: string;
  readonly rate: number;
  readonly phase: string;
  readonly step: number;
}

function parsed(line: string): Line | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, k) => byte === b[k]);
}
