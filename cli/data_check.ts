/**
 * `plca data check`: reads every image and label of a recipe's datasets before a training does, and lists
 * everything that is broken, missing or doubtful. No plugin file of the recipe is run. Whether labels are
 * looked at depends on the dataset: source and val need them, the target's are looked at only where every
 * image has some.
 */
import { DATASETS } from "../config/recipe.ts";
import { DataError, formatPath, UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { DatasetPlan, TakenFiles } from "../core/plugin.ts";
import type { Input, InputDataset } from "../datasets/input.ts";
import { type Fault, faultOf, inspections } from "../datasets/inspection.ts";
import { type DatasetSummary, summarizer } from "../datasets/summary.ts";
import type { CommandOf } from "./grammar.ts";
import { describeDataset } from "./describe_dataset.ts";
import type { Host } from "./host.ts";
import { showImage, withInput } from "./input.ts";
import { planUnrun } from "./recipes.ts";

/**
 * Runs `plca data check`. @returns the exit status: 0, 2 when something is broken, 130 when interrupted
 * @throws UserError when the recipe has no such dataset
 */
export async function dataCheckCommand(host: Host, args: CommandOf<"data check">): Promise<number> {
  const plan = await planUnrun(host, { path: args.recipe, overrides: args.set });
  const present = DATASETS.filter((name) => datasetOf(plan, name) !== undefined);
  const absent = args.split.find((name) => !present.includes(name));
  if (absent) throw new UserError(`the recipe has no ${absent} dataset; it has ${present.join(", ")}`);
  const chosen = chosenOf(plan, args.split);
  const inspected = await withInput(host, plan, async (input, signal) => {
    const checked: CheckedDataset[] = [];
    for (const one of chosen) {
      if (signal.aborted) continue;
      const check = await checkDataset({ host, plan, input, signal }, one, args.limit);
      if (check && !args.json) host.stdout.write(`${describeDataset(check)}\n\n`);
      if (check) checked.push(check);
    }
    return signal.aborted ? undefined : checked;
  });
  if (inspected === undefined) {
    host.stderr.write("Interrupted before every image was looked at.\n");
    return 130;
  }
  const broken = inspected.filter(({ summary }) => summary.faults.length > 0).map(({ name }) => name);
  if (args.json) {
    const datasets = Object.fromEntries(inspected.map(({ name, ...rest }) => [name, rest]));
    host.stdout.write(`${JSON.stringify({ recipe: plan.name, broken, datasets }, null, 2)}\n`);
  } else {
    const verdict = broken.length === 0 ? "Nothing is broken." : `Broken: ${broken.join(", ")}.`;
    const hinted = inspected.filter(({ hint, summary }) => hint !== undefined || summary.hints !== undefined)
      .map(({ name }) => name);
    host.stdout.write(`${verdict}${hinted.length === 0 ? "" : ` With a hint: ${hinted.join(", ")}.`}\n`);
  }
  return broken.length === 0 ? 0 : 2;
}

/** A dataset of the recipe and what was found. */
export interface CheckedDataset {
  readonly name: string;
  /** The plugin's name. */
  readonly type: string;
  readonly summary: DatasetSummary;
  /** Why labels were not looked at. */
  readonly unlabelled?: string;
  /** What was passed over of the folders and lists it was given; absent: nothing. */
  readonly files?: readonly TakenFiles[];
  /** What may be wrong although nothing is broken. */
  readonly hint?: string;
}

/** The plan of a dataset of `data` by its key; undefined when the recipe has none. */
function datasetOf({ data }: RunPlan, name: (typeof DATASETS)[number]): DatasetPlan | undefined {
  return name === "source" || name === "target" ? data[name] : data.splits[name];
}

/** What checking a dataset needs. */
interface Checking {
  readonly host: Host;
  readonly plan: RunPlan;
  readonly input: Input;
  readonly signal: AbortSignal;
}

/** A dataset to check. */
interface Chosen {
  readonly name: string;
  /** Where the recipe has it. */
  readonly at: string;
  readonly dataset: DatasetPlan;
  /**
   * What is expected of labels. `needed`: training or validation uses them; `read`: they are looked at;
   * `whole`: they are looked at where every image has some.
   */
  readonly labels: "needed" | "read" | "whole";
}

/**
 * The datasets of `data`, and those that streams have of their own; with `split` only those that it names.
 */
function chosenOf(plan: RunPlan, split: readonly string[]): Chosen[] {
  const named = DATASETS.flatMap((name): Chosen[] => {
    const dataset = datasetOf(plan, name);
    if (dataset === undefined || (split.length > 0 && !split.includes(name))) return [];
    const labels = name === "target" ? "whole" : name === "test" ? "read" : "needed";
    return [{ name, at: `data.${name}`, dataset, labels }];
  });
  if (split.length > 0) return named;
  // Phases share what the recipe says of a stream: such are of one place.
  const streams = new Map<string, Chosen>();
  for (const phase of plan.phases) {
    for (const stream of phase.streams) {
      if (!("dataset" in stream) || stream.at[0] !== "streams" || streams.has(stream.origin)) continue;
      const at = formatPath(stream.at);
      const name = [...streams.values()].some((other) => other.name === at) ? `${at} of ${phase.name}` : at;
      const labels = stream.labels ? "needed" : "whole";
      streams.set(stream.origin, { name, at, dataset: stream.dataset, labels });
    }
  }
  return [...named, ...streams.values()];
}

/**
 * Looks at every image of a dataset. A dataset that cannot be opened is a finding, not an error.
 * @returns undefined when it was interrupted, or, after a line that says so, when a plugin file would have
 *   to be run
 */
async function checkDataset(
  { host, plan, input, signal }: Checking,
  { name, at, dataset, labels: wanted }: Chosen,
  limit: number | undefined,
): Promise<CheckedDataset | undefined> {
  const type = plan.data.origins?.get(dataset)?.plugin.name ?? "dataset";
  const missing: DataError[] = [];
  let opened: Opened;
  try {
    opened = await openToCheck(input, { dataset, missing, whole: wanted === "whole" });
  } catch (error) {
    if (error instanceof UserError && !(error instanceof DataError) && at.startsWith("streams")) {
      host.stderr.write(`${name}: not looked at, for ${error.message}\n`);
      return undefined;
    }
    if (!(error instanceof DataError)) throw error;
    const known = [faultOf(error)];
    return {
      name,
      type,
      summary: summarizer({ space: dataset.labelSpace, labels: false, known }).summary(0),
    };
  }
  const { images, unlabelled } = opened;
  const labels = unlabelled === undefined;
  const known = missing.map((error): Fault => {
    const fault = faultOf(error);
    return fault.kind === "competing" ? fault : { ...fault, kind: "missing" };
  });
  if (!labels && wanted === "needed") {
    known.push({ file: at, message: `it needs labels, but ${unlabelled}`, kind: "unreadable" });
  }
  const { add, summary } = summarizer({ space: dataset.labelSpace, labels, known });
  const of = Math.min(images.length, limit ?? Infinity);
  let done = 0;
  const range = { labels, space: dataset.labelSpace, signal, ...(limit === undefined ? {} : { limit }) };
  for await (const facts of inspections(images, range)) {
    add(facts);
    showImage(host, name, { done: ++done, of });
  }
  if (signal.aborted) return undefined;
  const all = summary(images.length);
  const hint = hintOf(dataset, all);
  return {
    name,
    type,
    summary: all,
    ...(images.taken ? { files: images.taken } : {}),
    ...(labels ? {} : { unlabelled }),
    ...(hint ? { hint } : {}),
  };
}

/**
 * What it may mean that classes which such pictures always show never occur; undefined when one of them does.
 */
function hintOf({ absence }: DatasetPlan, { labels }: DatasetSummary): string | undefined {
  if (absence === undefined || labels === undefined || labels.images === 0) return undefined;
  return absence.classes.some((id) => labels.classes[id]!.pixels > 0) ? undefined : absence.meaning;
}

/** A dataset that was opened to be checked. */
interface Opened {
  readonly images: InputDataset;
  /** Why labels are not looked at. */
  readonly unlabelled?: string;
}

/**
 * Opens a dataset; missing files go into `missing`.
 * @param wanted `whole`: labels are not needed, and looked at only where every image has some
 */
async function openToCheck(
  input: Input,
  { dataset, missing, whole }: {
    readonly dataset: DatasetPlan;
    readonly missing: DataError[];
    readonly whole: boolean;
  },
): Promise<Opened> {
  const onMissing = (absent: readonly DataError[]) => {
    // One by one: there may be more than a call takes arguments.
    for (const error of absent) missing.push(error);
  };
  if (!whole) {
    const images = await input.open(dataset, { onMissing });
    return { images, ...(images.unlabelled === undefined ? {} : { unlabelled: images.unlabelled }) };
  }
  try {
    const images = await input.open(dataset);
    if (images.unlabelled === undefined) return { images };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
  }
  const images = await input.open(dataset, { labels: false, onMissing });
  return { images, unlabelled: "not every image has labels" };
}
