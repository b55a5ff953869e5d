/**
 * Time and memory of a step of every method beside PLCA's, each alone on all cores, in turn with PLCA:
 *
 *     deno task bench method-steps [LIST|all [STEPS [ROUNDS]]]
 *
 * LIST: names of recipes/methods, separated by commas. What is measured is added to
 * bench/results/runs/method_steps.json, from which the table of methods takes its time and memory too.
 */
import { ownMethods, titleOf } from "./method_recipes.ts";
import type { MeasuredSteps } from "./method_steps_child.ts";
import { runScript } from "./processes.ts";
import { commit, record } from "./record.ts";
import { median, medianAndRange } from "./statistics.ts";

const REFERENCE = "plca", STEPS = 15, ROUNDS = 3;

/** What was measured of a method, a value for each round. */
export interface KeptSteps {
  /** Of a step. */
  readonly seconds: readonly number[];
  readonly peakBytes: readonly number[];
  /** The same of PLCA, in the same round. */
  readonly reference: { readonly seconds: readonly number[]; readonly peakBytes: readonly number[] };
  /** Of each phase after its warm-up. */
  readonly steps: number;
  readonly date: string;
  /** The version that was measured. */
  readonly commit: string;
}

const FILE = new URL("results/runs/method_steps.json", import.meta.url);

/** All that was measured, by the recipe's name; empty before the first measurement. */
export async function keptSteps(): Promise<Record<string, KeptSteps>> {
  try {
    return JSON.parse(await Deno.readTextFile(FILE));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return {};
  }
}

/** A method's values over PLCA's, round by round. */
export function ratios(kept: KeptSteps, cost: "seconds" | "peakBytes"): number[] {
  return kept[cost].map((value, round) => value / kept.reference[cost][round]!);
}

/** Measures the methods and writes the section. */
export async function methodSteps([list = "all", steps, rounds]: readonly string[]): Promise<void> {
  const known = ownMethods().map(({ name }) => name).filter((name) => name !== REFERENCE);
  const names = list === "all" ? known : list.split(",");
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`${unknown.join(", ")}: expected some of ${known.join(", ")}`);
  const all = Number(rounds ?? ROUNDS), earlier = await keptSteps();
  const found = new Map(names.map((name) => [name, { mine: [], its: [] } as Rounds]));
  for (let round = 1; round <= all; round++) {
    console.log(`round ${round} of ${all}`);
    await measureRound(found, Number(steps ?? STEPS));
    // What is measured stays when a later round is stopped.
    await write({ ...earlier, ...await keptOf(found, Number(steps ?? STEPS)) });
  }
}

/** Two methods at a time with a run of PLCA between them, which both are compared with. */
async function measureRound(found: ReadonlyMap<string, Rounds>, steps: number): Promise<void> {
  const names = [...found.keys()];
  for (let k = 0; k < names.length; k += 2) {
    const [first, second] = names.slice(k, k + 2) as [string, string?];
    const mine = await runSteps(first, steps), its = await runSteps(REFERENCE, steps);
    const pair = [[first, mine] as const];
    if (second !== undefined) pair.push([second, await runSteps(second, steps)]);
    for (const [name, run] of pair) {
      found.get(name)!.mine.push(run);
      found.get(name)!.its.push(its);
      const times = (run.seconds / its.seconds).toFixed(2);
      console.log(`${name}: ${run.seconds.toFixed(3)} s, ${times} of PLCA's`);
    }
  }
}

async function keptOf(
  found: ReadonlyMap<string, Rounds>,
  steps: number,
): Promise<Record<string, KeptSteps>> {
  const at = { steps, date: new Date().toISOString().slice(0, 10), commit: await commit() };
  return Object.fromEntries(
    [...found].map(([name, { mine, its }]) => [name, { ...listed(mine), reference: listed(its), ...at }]),
  );
}

interface Rounds {
  readonly mine: MeasuredSteps[];
  readonly its: MeasuredSteps[];
}

async function runSteps(method: string, steps: number): Promise<MeasuredSteps> {
  return await runScript("method_steps_child.ts", [method, `${steps}`], ["write"]) as MeasuredSteps;
}

function listed(runs: readonly MeasuredSteps[]) {
  return {
    seconds: runs.map(({ seconds }) => Number(seconds.toPrecision(4))),
    peakBytes: runs.map(({ peakBytes }) => peakBytes),
  };
}

/** Keeps what was measured and draws the section. */
async function write(all: Readonly<Record<string, KeptSteps>>): Promise<void> {
  const kept = Object.fromEntries(Object.entries(all).sort(([a], [b]) => a.localeCompare(b)));
  await Deno.writeTextFile(FILE, `${JSON.stringify(kept, null, 1)}\n`);
  const titles = new Map(ownMethods().map((recipe) => [recipe.name, titleOf(recipe)]));
  const rows = Object.entries(kept).map(([name, one]) => ({ name, one, times: ratios(one, "seconds") }));
  const steps = [...new Set(Object.values(kept).map(({ steps }) => steps))].join(" or ");
  const commits = [...new Set(Object.values(kept).map(({ commit }) => commit))].join(", ");
  await record("method_steps", {
    title: "A step of every method beside PLCA's",
    text: [
      "On `street`, each method alone in a process of its own on all cores, and a run of PLCA between two of them, which both are " +
      `compared with: ratios are of one round; median (of two rounds the higher) and range over the rounds. ${steps} steps of every phase after three; of ` +
      "several phases the mean by their steps in the whole method, as `plca compare` counts. Jobs, validation and checkpoints are " +
      "left out of the time. Memory is the highest resident set of the process, jobs included, on 40 images of each domain; " +
      "what was loaded before the first step is part of it.",
      `Measured with plca ${commits}.`,
    ],
    columns: ["method", "s", "PLCA s", "time", "GB", "PLCA GB", "memory"],
    rows: rows.toSorted((a, b) => median(a.times) - median(b.times)).map(({ name, one, times }) => [
      titles.get(name) ?? name,
      median(one.seconds).toFixed(3),
      median(one.reference.seconds).toFixed(3),
      medianAndRange(times, 2),
      (median(one.peakBytes) / 1e9).toFixed(2),
      (median(one.reference.peakBytes) / 1e9).toFixed(2),
      medianAndRange(ratios(one, "peakBytes"), 2),
    ]),
    commands: ["deno task bench method-steps"],
  });
}
