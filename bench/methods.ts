/**
 * The methods side by side, from runs that `plca compare` finished; trains nothing:
 *
 *     deno task bench methods street|camvid_day_to_dusk [FOLDER]
 *
 * FOLDER is what `plca compare --out` wrote. Its runs are added to bench/results/runs, so that the table can
 * be made in pieces.
 */
import { LABEL_FREE } from "../core/label_free.ts";
import { spread } from "../report/means.ts";
import { keepRuns, type KeptRun } from "./method_runs.ts";
import { record } from "./record.ts";
import { mean, median } from "./statistics.ts";

/** What all others are compared with. */
const PLAIN = "source_only", REFERENCE = "plca";

/** The data recipes. */
const TABLES = {
  street: { id: "methods", title: "The methods on drawn streets, day to dusk", options: "" },
  camvid_day_to_dusk: {
    id: "methods_camvid",
    title: "The methods on CamVid, day to dusk",
    options: " --set data.root=CAMVID",
  },
} as const;

/** A method with its runs. */
interface Method {
  readonly name: string;
  readonly title: string;
  readonly kind: string;
  readonly runs: readonly KeptRun[];
}

/** Adds the folder's runs to those that are kept, and writes the section. */
export async function methods([data = "", folder]: readonly string[]): Promise<void> {
  if (!isTable(data)) {
    throw new Error(`expected one of ${Object.keys(TABLES).join(", ")}, and perhaps a folder`);
  }
  const { runs } = await keepRuns(data, folder);
  const { id, title, options } = TABLES[data];
  const all = methodsOf(runs);
  const [plain, reference] = [PLAIN, REFERENCE].map((name) => all.find((method) => method.name === name));
  await record(id, {
    title,
    text: [
      READING,
      ...missing(all),
      ...belowPlain(all, plain),
      `Which snapshot (docs/evaluation.md): over all ${runs.length} runs, the mean of the mIoU of the pick less that of the ` +
      `last snapshot, in points, among the validations of a run's last phase (where that has one alone, nothing is chosen): ${
        ["best", ...LABEL_FREE.map(({ name }) => name)].flatMap((name) => gain(runs, name)).join("; ")
      }.`,
      `The runs were made with plca ${[...new Set(runs.map(({ commit }) => commit))].join(", ")}, ` +
      `${dates(runs)}.`,
    ],
    columns: [
      ...["method", "kind", "last", "best", "seeds", "time", "memory"],
      ...LABEL_FREE.map(({ title }) => `by ${title}`),
    ],
    rows: all.toSorted((a, b) => score(b) - score(a)).map((method) => [
      method.title,
      method.kind,
      spread(method.runs.map(({ miou }) => miou)),
      picked(method.runs, "best"),
      method.runs.map(({ seed }) => seed).join(", "),
      ratio(method, reference, "time"),
      ratio(method, reference, "memory"),
      ...LABEL_FREE.map(({ name }) => picked(method.runs, name)),
    ]),
    commands: [
      `deno task plca compare ${data}${options} --methods LIST --seeds LIST --jobs 2 --out FOLDER`,
      `deno task bench methods ${data} FOLDER`,
    ],
  });
}

const READING =
  "Percent mIoU on the target's val split: same network, data, evaluation and seeds for all, and the base recipe's steps or " +
  "what a method's phases make of them; every method as its recipe in recipes/methods has it, with the published weights of " +
  "its terms, which image sizes and networks of other kinds set: nothing was retuned. `last`: after the last step, mean and " +
  "sample deviation over seeds; `best`: the highest validation in one pass, chosen by labels; `time` and `memory`: a step's " +
  "time (of several phases the mean, jobs left out) and the process's peak as multiples of PLCA's, medians over seeds, " +
  "several trainings at a time; -: other work ran beside.";

function isTable(data: string): data is keyof typeof TABLES {
  return Object.hasOwn(TABLES, data);
}

function methodsOf(runs: readonly KeptRun[]): Method[] {
  return [...Map.groupBy(runs, ({ name }) => name)].map(([name, runs]) => {
    const { title = name, unofficial = false, kind = "-" } = runs[0]!.method ?? {};
    return { name, title: unofficial ? `${title} (unofficial)` : title, kind, runs };
  });
}

/** In percent. */
function score({ runs }: Method): number {
  return mean(runs.map(({ miou }) => 100 * (miou ?? 0)));
}

/** Recipes of methods that were not trained, said in a sentence; nothing when all were. */
function missing(done: readonly Method[]): string[] {
  const folder = new URL("../recipes/methods/", import.meta.url);
  const names = [...Deno.readDirSync(folder)].flatMap(({ name }) => /^(.*)\.yaml$/.exec(name)?.[1] ?? []);
  const absent = names.filter((name) => !done.some((method) => method.name === name)).sort();
  return absent.length === 0 ? [] : [`Not trained yet: ${absent.join(", ")}.`];
}

/**
 * Which methods do not beat the plain one on the seeds that both have, said in a sentence; nothing without
 * the plain one.
 */
function belowPlain(all: readonly Method[], plain: Method | undefined): string[] {
  if (plain === undefined) return [];
  const below = all.flatMap((method) => {
    const differences = method.runs.flatMap(({ seed, miou }) => {
      const its = plain.runs.find((run) => run.seed === seed);
      return its === undefined || method === plain ? [] : [100 * ((miou ?? 0) - (its.miou ?? 0))];
    });
    const difference = differences.length === 0 ? 0 : mean(differences);
    return difference < 0 ? [`${method.title} (${difference.toFixed(1)})`] : [];
  });
  return [
    below.length === 0
      ? "Every method is above source-only in the mean over the seeds that both have."
      : `Below source-only in the mean over the seeds that both have: ${below.join(", ")}.`,
  ];
}

function dates(runs: readonly KeptRun[]): string {
  const days = runs.map(({ date }) => date).sort();
  return days[0] === days.at(-1) ? `on ${days[0]}` : `from ${days[0]} to ${days.at(-1)}`;
}

function picked(runs: readonly KeptRun[], name: string): string {
  const known = runs.flatMap(({ picks }) => picks[name] ?? []);
  return known.length === 0 ? "-" : (100 * mean(known)).toFixed(1);
}

function gain(runs: readonly KeptRun[], name: string): string[] {
  const gains = runs.flatMap(({ picks: { last, [name]: pick } }) =>
    last === undefined || pick === undefined ? [] : [100 * (pick - last)]
  );
  if (gains.length === 0) return [];
  const title = LABEL_FREE.find((measure) => measure.name === name)?.title ?? "labels";
  return [`${title} ${mean(gains) < 0 ? "" : "+"}${mean(gains).toFixed(2)}`];
}

const COSTS = {
  time: ({ secondsPerStep }: KeptRun) => secondsPerStep,
  memory: ({ peakBytes }: KeptRun) => peakBytes,
} as const;

function ratio(method: Method, reference: Method | undefined, cost: keyof typeof COSTS): string {
  const [mine, its] = [method, reference].map((one) =>
    one?.runs.flatMap((run) => COSTS[cost](run) ?? []) ?? []
  );
  if (mine!.length > 0 && its!.length > 0) return (median(mine!) / median(its!)).toFixed(2);
  const told = method.runs.flatMap(({ ofReference }) => ofReference?.[cost] ?? []);
  return told.length === 0 ? "-" : median(told).toFixed(2);
}
