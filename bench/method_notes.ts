/** What the table of methods says of itself in sentences: what stands against source-only, and the paper's order. */
import { LABEL_FREE } from "../core/label_free.ts";
import type { RunPlan } from "../core/plan.ts";
import { PAPER_TABLES, paperRow } from "../report/paper.ts";
import type { MethodRecipe } from "./method_recipes.ts";
import type { KeptRun } from "./method_runs.ts";
import { mean } from "./statistics.ts";

/** A method with its runs. */
export interface Method {
  readonly name: string;
  readonly title: string;
  readonly kind: string;
  /** Its row in the paper's tables; absent: none. */
  readonly paper?: string | undefined;
  /** What its recipe makes of the data recipe. */
  readonly plan: RunPlan;
  readonly runs: readonly KeptRun[];
}

/** The mean over its runs, in percent. */
export function score({ runs }: Method): number {
  return mean(runs.map(percent));
}

/** Recipes of methods that were not trained, said in a sentence; nothing when all were. */
export function missing(done: readonly Method[], recipes: readonly MethodRecipe[]): string[] {
  const absent = recipes.map(({ name }) => name).filter((name) =>
    !done.some((method) => method.name === name)
  );
  return absent.length === 0 ? [] : [`Not trained yet: ${absent.join(", ")}.`];
}

/**
 * Which methods do not beat the plain one on every seed that both have, and on how many they do; nothing
 * without the plain one.
 */
export function besidePlain(all: readonly Method[], plain: Method | undefined): string[] {
  if (plain === undefined) return [];
  const others = all.filter((method) => method !== plain);
  const weak = others.flatMap((method) => {
    const gains = differences(method, plain), won = gains.filter((gain) => gain > 0).length;
    if (won === gains.length) return [];
    return [`${method.title} (on ${won} of ${gains.length}, ${signed(mean(gains))} in the mean)`];
  });
  const lovasz = ({ plan }: Method) =>
    plan.phases.some(({ losses }) => losses.some(({ name }) => name === "lovasz-softmax"));
  const without = others.filter((method) => !lovasz(method)).length;
  return [
    (weak.length === 0
      ? `Every method is above ${plain.title} on every seed that both have.`
      : `Above ${plain.title} on every seed that both have are all but ${weak.join(", ")}.`) +
    (lovasz(plain) && without > 0
      ? ` ${plain.title} and PLCA with what builds on it keep the base recipe's Lovász-Softmax on the source; ${without} methods, ` +
        "those of other authors, have none, as published: they learn from the source by cross-entropy alone (CLAN: a focal one)."
      : ""),
  ];
}

/**
 * All pairs of methods with a row in the paper's Table 2 that stand the other way round here, sorted by how
 * sure that is; nothing where no two have one.
 */
export function againstPaper(all: readonly Method[]): string[] {
  const known = all.flatMap((method) => {
    const printed = Number(paperRow(PAPER_TABLES[0], method.paper)?.cells["mIoU"]);
    return Number.isNaN(printed) ? [] : [{ method, printed }];
  });
  if (known.length < 2) return [];
  const pairs = known.flatMap((one) => known.map((other) => [one, other] as const))
    .filter(([one, other]) => one.printed > other.printed);
  const turned = pairs.flatMap(([{ method: above }, { method: below }]) => {
    const gap = score(below) - score(above);
    if (gap <= 0) return [];
    const every = differences(below, above).every((difference) => difference > 0);
    const sure = gap > deviation(above) + deviation(below) ? 0 : every ? 1 : 2;
    return [{ above: above.title, text: `${below.title} by ${gap.toFixed(1)}`, sure }];
  });
  const group = (sure: number) => {
    const some = Map.groupBy(turned.filter((pair) => pair.sure === sure), ({ above }) => above);
    const texts = [...some].map(([above, list]) =>
      `${above} below ${list.map(({ text }) => text).join(", ")}`
    );
    return texts.length === 0 ? "none" : texts.join("; ");
  };
  return [
    `The paper's order (Table 2, GTAV to Cityscapes; the methods that have a row there): of its ${pairs.length} pairs ` +
    `${turned.length} stand the other way round here. By more than the sum of both sample deviations: ${
      group(0)
    }. ` +
    `By less, but on every seed: ${group(1)}. By less, and not on every seed: ${group(2)}.`,
  ];
}

/** What each chooser gains over the last snapshot, said in a sentence. */
export function snapshots(all: readonly Method[]): string {
  const count = all.flatMap(({ runs }) => runs).length;
  const choosing = all.filter(({ plan }) => {
    const { steps, validateEvery } = plan.phases.at(-1)!.training;
    return validateEvery > 0 && steps > validateEvery;
  }).flatMap(({ runs }) => runs);
  const gains = ["best", ...LABEL_FREE.map(({ name }) => name)].flatMap((name) => gain(choosing, name));
  return `Which snapshot (docs/evaluation.md): over the ${choosing.length} of ${count} runs whose last phase has more ` +
    "than one validation, the mean of the mIoU of the pick less that of the last snapshot, in points, among the validations of " +
    `that phase: ${gains.join("; ")}.`;
}

function gain(runs: readonly KeptRun[], name: string): string[] {
  const gains = runs.flatMap(({ picks: { last, [name]: pick } }) =>
    last === undefined || pick === undefined ? [] : [100 * (pick - last)]
  );
  if (gains.length === 0) return [];
  return [
    `${LABEL_FREE.find((measure) => measure.name === name)?.title ?? "labels"} ${signed(mean(gains), 2)}`,
  ];
}

/** On each seed that both have, in points. */
function differences(one: Method, other: Method): number[] {
  return one.runs.flatMap((run) => {
    const its = other.runs.find(({ seed }) => seed === run.seed);
    return its === undefined ? [] : [percent(run) - percent(its)];
  });
}

/** The sample deviation over the runs; 0 of one. */
function deviation(method: Method): number {
  const middle = score(method), { runs } = method;
  if (runs.length < 2) return 0;
  return Math.sqrt(runs.reduce((sum, run) => sum + (percent(run) - middle) ** 2, 0) / (runs.length - 1));
}

function percent({ miou }: KeptRun): number {
  return 100 * (miou ?? 0);
}

function signed(value: number, digits = 1): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(digits)}`;
}
