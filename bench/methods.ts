/**
 * The methods side by side, from runs that `plca compare` finished; trains nothing:
 *
 *     deno task bench methods street|camvid_day_to_dusk [FOLDER]
 *
 * FOLDER is what `plca compare --out` wrote. Its runs are added to bench/results/runs, so that the table can
 * be made in pieces. Time and memory are those of `bench method-steps` where it has measured them.
 */
import { LABEL_FREE } from "../core/label_free.ts";
import { shortClasses, spread } from "../report/means.ts";
import { againstPaper, besidePlain, type Method, missing, score, snapshots } from "./method_notes.ts";
import { ownMethods, planOn, titleOf } from "./method_recipes.ts";
import { keepRuns, type KeptRun } from "./method_runs.ts";
import { type KeptSteps, keptSteps, ratios } from "./method_steps.ts";
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

/** Adds the folder's runs to those that are kept, and writes the sections. */
export async function methods([data = "", folder]: readonly string[]): Promise<void> {
  if (!isTable(data)) {
    throw new Error(`expected one of ${Object.keys(TABLES).join(", ")}, and perhaps a folder`);
  }
  const { runs, classes } = await keepRuns(data, folder);
  const { id, title, options } = TABLES[data];
  const all = (await methodsOf(data, runs)).sort((a, b) => score(b) - score(a));
  const [plain, reference] = [PLAIN, REFERENCE].map((name) => all.find((method) => method.name === name));
  const steps = data === "street" ? await keptSteps() : {};
  const commands = [
    `deno task plca compare ${data}${options} --methods LIST --seeds LIST --jobs 2 --out FOLDER`,
    `deno task bench methods ${data} FOLDER`,
  ];
  await record(id, {
    title,
    text: [
      READING,
      ...missing(all, ownMethods()),
      ...besidePlain(all, plain),
      ...againstPaper(all),
      snapshots(all),
      `The runs were made with plca ${[...new Set(runs.map(({ commit }) => commit))].join(", ")}, ` +
      `${dates(runs)}.`,
    ],
    columns: [
      ...["method", "kind", "last", "best", "seeds", "time", "memory"],
      ...LABEL_FREE.map(({ title }) => `by ${title}`),
    ],
    rows: all.map((method) => [
      method.title,
      method.kind,
      spread(method.runs.map(({ miou }) => miou)),
      picked(method.runs, "best"),
      method.runs.map(({ seed }) => seed).join(", "),
      ratio(method, reference, "time", steps[method.name]),
      ratio(method, reference, "memory", steps[method.name]),
      ...LABEL_FREE.map(({ name }) => picked(method.runs, name)),
    ]),
    commands,
  });
  await record(`${id}_classes`, {
    title: `${title}: by class`,
    text: ["The same runs: percent IoU of every class, the mean over seeds, and the mean of the classes."],
    columns: ["method", ...shortClasses(classes), "mIoU"],
    rows: all.map((method) => [
      method.title,
      ...classes.map((_, k) => meanIou(method.runs, k)),
      score(method).toFixed(1),
    ]),
    commands,
  });
}

const READING =
  "Percent mIoU on the target's val split: same network, data, evaluation and seeds for all, and the base recipe's steps or " +
  "what a method's phases make of them; every method as its recipe in recipes/methods has it, with the published weights of " +
  "its terms, which image sizes and networks of other kinds set: nothing was retuned. `last`: after the last step, mean and " +
  "sample deviation over seeds; `best`: the highest validation in one pass, chosen by labels; `time` and `memory`: a step's " +
  "time (of several phases the mean, jobs left out) and the process's peak as multiples of PLCA's, as `bench method-steps` " +
  "measured each method alone (its section), else medians over these runs, several trainings at a time; -: other work ran " +
  "beside.";

function isTable(data: string): data is keyof typeof TABLES {
  return Object.hasOwn(TABLES, data);
}

async function methodsOf(data: string, runs: readonly KeptRun[]): Promise<Method[]> {
  const recipes = new Map(ownMethods().map((recipe) => [recipe.name, recipe]));
  const named = [...Map.groupBy(runs, ({ name }) => name)];
  return await Promise.all(named.map(async ([name, runs]): Promise<Method> => {
    const { title = name, unofficial = false, kind = "-" } = recipes.get(name) ?? runs[0]!.method ?? {};
    return {
      name,
      title: titleOf({ title, unofficial }),
      kind,
      paper: recipes.get(name)?.paper,
      plan: await planOn(data, name),
      runs,
    };
  }));
}

function dates(runs: readonly KeptRun[]): string {
  const days = runs.map(({ date }) => date).sort();
  return days[0] === days.at(-1) ? `on ${days[0]}` : `from ${days[0]} to ${days.at(-1)}`;
}

function picked(runs: readonly KeptRun[], name: string): string {
  const known = runs.flatMap(({ picks }) => picks[name] ?? []);
  return known.length === 0 ? "-" : (100 * mean(known)).toFixed(1);
}

function meanIou(runs: readonly KeptRun[], k: number): string {
  const known = runs.flatMap(({ iou }) => iou[k] ?? []);
  return known.length === 0 ? "-" : (100 * mean(known)).toFixed(1);
}

const COSTS = {
  time: ({ secondsPerStep }: KeptRun) => secondsPerStep,
  memory: ({ peakBytes }: KeptRun) => peakBytes,
} as const;

/** What is measured alone comes first, then what these runs tell. @param alone absent: not measured so */
function ratio(
  method: Method,
  reference: Method | undefined,
  cost: keyof typeof COSTS,
  alone: KeptSteps | undefined,
): string {
  if (alone !== undefined) return median(ratios(alone, cost === "time" ? "seconds" : "peakBytes")).toFixed(2);
  const [mine, its] = [method, reference].map((one) =>
    one?.runs.flatMap((run) => COSTS[cost](run) ?? []) ?? []
  );
  if (mine!.length > 0 && its!.length > 0) return (median(mine!) / median(its!)).toFixed(2);
  const told = method.runs.flatMap(({ ofReference }) => ofReference?.[cost] ?? []);
  return told.length === 0 ? "-" : median(told).toFixed(2);
}
