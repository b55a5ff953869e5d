/**
 * The methods side by side, from what `plca compare --json` printed of finished runs; trains nothing:
 *
 *     deno task bench methods FILE
 */
import { LABEL_FREE } from "../core/label_free.ts";
import type { ComparedMethod, MethodRun } from "../report/comparison.ts";
import { spread } from "../report/means.ts";
import { record } from "./record.ts";
import { mean, median } from "./statistics.ts";

/** What all others are compared with. */
const PLAIN = "source_only", REFERENCE = "plca";

/** Reads the file and writes the section. */
export async function methods([file]: readonly string[]): Promise<void> {
  if (file === undefined) throw new Error("expected the file that plca compare --json wrote");
  const all: readonly ComparedMethod[] = JSON.parse(await Deno.readTextFile(file));
  const done = all.filter(({ runs }) => runs.length > 0);
  const [plain, reference] = [PLAIN, REFERENCE].map((name) => done.find((method) => method.name === name));
  const score = ({ runs }: ComparedMethod) =>
    mean(runs.map(({ evaluation }) => 100 * (evaluation.miou ?? 0)));
  const below = plain ? done.filter((method) => method !== plain && score(method) < score(plain)) : [];
  const runs = done.flatMap((method) => method.runs);
  await record("methods", {
    title: "The methods on drawn streets, day to dusk",
    text: [
      "Percent mIoU on the target's val split: same network, data, evaluation and seeds for all, and the base recipe's steps or what a method's phases make of them; every method as its " +
      "recipe in recipes/methods has it, with the published weights of its terms, which image sizes and networks of other " +
      "kinds set: nothing was retuned. `last`: after the last step, mean and sample deviation over seeds; `best`: the " +
      "highest validation in one pass, chosen by labels; `time` and `memory`: a step's time (of several phases the mean, jobs left out) and the process's peak as " +
      "multiples of PLCA's, several trainings at a time.",
      ...missing(done),
      below.length === 0
        ? "Every method is above source-only in the mean."
        : `Below source-only in the mean: ${
          below.map((method) => `${titleOf(method)} (${(score(method) - score(plain!)).toFixed(1)})`).join(
            ", ",
          )
        }.`,
      `Which snapshot (docs/evaluation.md): over all ${runs.length} runs, the mean of the mIoU of the pick less that of the ` +
      `last snapshot, in points, among the validations of a run's last phase (where that has one alone, nothing is chosen): ${
        ["best", ...LABEL_FREE.map(({ name }) => name)].flatMap((name) => gain(runs, name)).join("; ")
      }.`,
    ],
    columns: [
      "method",
      "kind",
      "last",
      "best",
      "seeds",
      "time",
      "memory",
      ...LABEL_FREE.map(({ title }) => `by ${title}`),
    ],
    rows: done.toSorted((a, b) => score(b) - score(a)).map((method) => [
      titleOf(method),
      method.method?.kind ?? "-",
      spread(method.runs.map(({ evaluation }) => evaluation.miou)),
      picked(method.runs, "best"),
      String(method.runs.length),
      ratio(method, reference, ({ secondsPerStep }) => secondsPerStep),
      ratio(method, reference, ({ peakBytes }) => peakBytes),
      ...LABEL_FREE.map(({ name }) => picked(method.runs, name)),
    ]),
    commands: [
      "deno task plca compare street --seeds LIST --jobs 2 --out FOLDER",
      "deno task plca compare street --seeds LIST --out FOLDER --json > FILE # the same seeds and methods: nothing is trained",
      "deno task bench methods FILE",
    ],
  });
}

/** Recipes of methods that were not trained, said in a sentence; nothing when all were. */
function missing(done: readonly ComparedMethod[]): string[] {
  const folder = new URL("../recipes/methods/", import.meta.url);
  const names = [...Deno.readDirSync(folder)].flatMap(({ name }) => /^(.*)\.yaml$/.exec(name)?.[1] ?? []);
  const absent = names.filter((name) => !done.some((method) => method.name === name)).sort();
  return absent.length === 0 ? [] : [`Not trained yet: ${absent.join(", ")}.`];
}

function titleOf({ name, method }: ComparedMethod): string {
  return `${method?.title ?? name}${method?.unofficial ? " (unofficial)" : ""}`;
}

function picked(runs: readonly MethodRun[], name: string): string {
  const known = runs.flatMap(({ picks }) => picks[name] ?? []);
  return known.length === 0 ? "-" : (100 * mean(known)).toFixed(1);
}

function gain(runs: readonly MethodRun[], name: string): string[] {
  const gains = runs.flatMap(({ picks: { last, [name]: pick } }) =>
    last === undefined || pick === undefined ? [] : [100 * (pick - last)]
  );
  if (gains.length === 0) return [];
  const title = LABEL_FREE.find((measure) => measure.name === name)?.title ?? "labels";
  return [`${title} ${mean(gains) < 0 ? "" : "+"}${mean(gains).toFixed(2)}`];
}

function ratio(
  method: ComparedMethod,
  reference: ComparedMethod | undefined,
  of: (run: MethodRun) => number | undefined,
): string {
  const [mine, its] = [method, reference].map((one) => one?.runs.flatMap((run) => of(run) ?? []) ?? []);
  return mine!.length === 0 || its!.length === 0 ? "-" : (median(mine!) / median(its!)).toFixed(2);
}
