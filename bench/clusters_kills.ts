/**
 * Random processes of random jobs are killed at random moments, and the run goes on:
 *
 *     deno task bench clusters kills [COUNT]
 *
 * Think of a machine that goes away: nobody is told, and what its process was doing stays half done. So the kill is SIGKILL, at a
 * moment drawn from the start of a job, from its steps, or from within the writing of a checkpoint.
 */
import { diskFiles } from "../datasets/files.ts";
import { Random } from "../core/random.ts";
import { messageOf } from "../core/words.ts";
import { readCheckpoint } from "../train/checkpoint.ts";
import { childrenOf, type JobOutcome, runJob, startJob, stepOf } from "../tests/processes/launching.ts";
import { recipeText } from "../tests/processes/recipes.ts";
import { record } from "./record.ts";
import { median } from "./statistics.ts";

const STEPS = 10;

/** Seconds after which a job that lost a process counts as hung. */
const PATIENCE = 60;

/** When a process is killed. */
const MOMENTS = ["while it starts", "during the steps", "while a checkpoint is written"] as const;
type Moment = typeof MOMENTS[number];

/** What became of an attempt. */
interface Killed {
  readonly moment: Moment;
  readonly processes: number;
  readonly rank: number;
  /** From the kill to the end of the job. */
  readonly seconds: number;
  /** Whether half a checkpoint lay beside the whole ones. */
  readonly inWrite: boolean;
  /** Computed twice. */
  readonly again: number;
}

/** Kills, resumes, compares, and writes the section. */
export async function kills([count = "30"]: readonly string[]): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "plca-kills-" });
  const found: Killed[] = [], lost: string[] = [];
  try {
    const training = { steps: STEPS, batch: 6, validate_every: 0, log_every: 1, checkpoint_every: 1 };
    // Its checkpoints take a while to write.
    const model = { options: { layers: [1, 1, 1, 1], width: 0.25 } };
    const recipe = recipeText("plca", { name: "killed", training, model });
    await Deno.writeTextFile(`${folder}/killed.yaml`, recipe);
    const whole = new Map<number, Whole>();
    for (const processes of [2, 3]) whole.set(processes, await undisturbed(folder, processes));
    for (let attempt = 0; found.length + lost.length < Number(count); attempt++) {
      const tried = found.length + lost.length;
      const processes = 2 + tried % 2, moment = MOMENTS[Math.floor(tried / 2) % MOMENTS.length]!;
      try {
        const one = await killed({ folder, attempt, processes, moment, whole: whole.get(processes)! });
        // What was over before anything was killed is tried again.
        if (one !== undefined) found.push(one);
        console.log(JSON.stringify(one ?? "late"));
      } catch (error) {
        lost.push(`attempt ${tried + 1} (${moment}, ${processes} processes): ${messageOf(error)}`);
        console.log(lost.at(-1)!);
      }
    }
    await write(found, { lost, count });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A run that nothing happened to. */
interface Whole {
  readonly weights: Uint8Array;
  readonly seconds: number;
}

function line(words: readonly string[]): string[] {
  return ["cli/main.ts", "train", ...words, "--quiet"];
}

function succeeded({ code, stderr, stdout }: JobOutcome): void {
  if (code !== 0) throw new Error(`status ${code}\n${stderr}${stdout}`);
}

async function undisturbed(folder: string, processes: number): Promise<Whole> {
  const run = `whole-${processes}`;
  const outcome = await runJob({ processes, args: line(["killed.yaml", "--run", run]), cwd: folder });
  succeeded(outcome);
  return { weights: await weightsOf(`${folder}/${run}`), seconds: outcome.seconds };
}

function weightsOf(run: string): Promise<Uint8Array> {
  return Deno.readFile(`${run}/checkpoints/last.safetensors`);
}

interface Attempt {
  readonly folder: string;
  readonly attempt: number;
  readonly processes: number;
  readonly moment: Moment;
  readonly whole: Whole;
}

/** @returns undefined when the job was over before anything was killed @throws Error when the run did not come through */
async function killed(
  { folder, attempt, processes, moment, whole }: Attempt,
): Promise<Killed | undefined> {
  const random = Random.stream(attempt, "clusters/kills"), name = `run-${attempt}`, run = `${folder}/${name}`;
  const job = startJob({ processes, args: line(["killed.yaml", "--run", name]), cwd: folder });
  let over = false;
  job.ended.then(() => over = true);
  // The first one writes; at other moments any may go.
  const rank = moment === MOMENTS[2] && random.integer(0, 3) > 0 ? 0 : random.integer(0, processes - 1);
  const ranks = await reached(job.pid, { run, moment, random, processes, whole, over: () => over });
  if (over) return undefined;
  const began = performance.now();
  kill(ranks[rank]!);
  const ended = await Promise.race([job.ended, sleep(1000 * PATIENCE)]);
  const seconds = (performance.now() - began) / 1000;
  if (ended === undefined) {
    job.kill("SIGKILL");
    throw new Error(`hung: not over ${PATIENCE} s after rank ${rank} was killed`);
  }
  await sleep(200);
  const left = ranks.filter(isThere);
  if (left.length > 0) throw new Error(`processes ${left.join(", ")} are still there`);
  const inWrite = await exists(`${run}/checkpoints/last.safetensors.part`);
  const before = stepOf(`${run}/events.jsonl`), saved = await requireWhole(run);
  const words = await exists(`${run}/config.yaml`) ? ["--resume", name] : ["killed.yaml", "--run", name];
  succeeded(await runJob({ processes, args: line(words), cwd: folder }));
  const weights = await weightsOf(run);
  const alike = weights.length === whole.weights.length &&
    weights.every((byte, k) => byte === whole.weights[k]);
  if (!alike) throw new Error("it ended with other weights");
  await Deno.remove(run, { recursive: true });
  return { moment, processes, rank, seconds, inWrite, again: before - saved };
}

interface Wanted extends Pick<Attempt, "moment" | "processes" | "whole"> {
  readonly run: string;
  readonly random: Random;
  readonly over: () => boolean;
}

/** Waits for the moment. @returns the processes of the job by rank */
async function reached(
  launcher: number,
  { run, moment, random, processes, whole, over }: Wanted,
): Promise<number[]> {
  let ranks: number[] = [];
  const began = performance.now();
  while (!over() && ranks.length < processes) {
    const [proxy] = await childrenOf(launcher);
    ranks = proxy === undefined ? [] : await childrenOf(proxy);
    await sleep(10);
  }
  const log = `${run}/events.jsonl`;
  if (moment === MOMENTS[0]) {
    const until = random.uniform(0, 600 * whole.seconds);
    while (!over() && performance.now() - began < until && stepOf(log) === 0) await sleep(10);
    return ranks;
  }
  const step = random.integer(1, STEPS - 1);
  while (!over() && stepOf(log) < step) await sleep(10);
  if (moment === MOMENTS[1]) await sleep(random.uniform(0, 150));
  else if (!over()) await writing(`${run}/checkpoints`, over);
  return ranks;
}

/** Waits until something is being written in a folder. */
async function writing(folder: string, over: () => boolean): Promise<void> {
  const watcher = Deno.watchFs(folder);
  // Where the job ends before it writes again, nothing more comes.
  const timer = setInterval(() => over() && watcher.close(), 100);
  for await (const { paths } of watcher) if (paths.some((path) => path.endsWith(".part"))) break;
  clearInterval(timer);
}

/** Every checkpoint that has its name can be read, checksum included. @returns the step of the newest; 0 without one */
async function requireWhole(run: string): Promise<number> {
  const folder = `${run}/checkpoints`;
  if (!await exists(folder)) return 0;
  let step = 0;
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".safetensors")) continue;
    const { state } = await readCheckpoint(`${folder}/${name}`, diskFiles());
    if (name === "last.safetensors") step = state!.step;
  }
  return step;
}

async function write(
  found: readonly Killed[],
  { lost, count }: { readonly lost: readonly string[]; readonly count: string },
): Promise<void> {
  const rows = MOMENTS.map((moment) => {
    const these = found.filter((one) => one.moment === moment), seconds = these.map((one) => one.seconds);
    return [
      moment,
      String(these.length + lost.filter((text) => text.includes(moment)).length),
      String(these.length),
      [0, 1, 2].map((rank) => these.filter((one) => one.rank === rank).length).join(", "),
      String(these.filter(({ inWrite }) => inWrite).length),
      `${median(seconds).toFixed(2)} (${Math.max(...seconds).toFixed(2)})`,
      String(Math.max(...these.map(({ again }) => again))),
    ];
  });
  await record("clusters_kills", {
    title: "Killed processes",
    text: [
      `SIGKILL of a random process of a job of 2 or 3 by turns, ${count} times: ${STEPS} steps of a small network on drawn ` +
      "streets, `native`, a checkpoint after every step. Survived: the launcher ended the others, none was left, every " +
      "checkpoint in the folder was whole by its checksum, and the run, resumed by as many processes, ended with the " +
      "weights of an undisturbed one, byte for byte. Seconds from the kill to the end of the job: median (most). Steps " +
      "again: computed twice, at the most in one attempt.",
      ...lost.map((text) => `Lost: ${text.split("\n")[0]}`),
    ],
    columns: [
      "killed",
      "tried",
      "survived",
      "of rank 0, 1, 2",
      "half a checkpoint left",
      "s to the end",
      "steps again",
    ],
    rows,
    commands: [`deno task bench clusters kills${count === "30" ? "" : ` ${count}`}`],
  });
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    // It ended just now.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function isThere(pid: number): boolean {
  return isFile(`/proc/${pid}/stat`);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function sleep(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, undefined));
}
