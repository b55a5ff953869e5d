/** The data of a phase: the domains' datasets, and the batches that they are read in. */
import type { PlannedLoss, RunPlan } from "../core/plan.ts";
import type { Input, InputDataset } from "../datasets/input.ts";
import { trainLoader } from "../datasets/loader.ts";
import type { Batches } from "./pass.ts";

/** The datasets that an objective trains on, and the one it is validated on. @throws DataError */
export async function openDomains({ data }: RunPlan, losses: readonly PlannedLoss[], input: Input) {
  const needsTarget = losses.some((loss) => loss.plan.needs.target !== false);
  const source = await input.open(data.source);
  return {
    source,
    draw: await input.sourceDraw(source),
    target: needsTarget ? await input.open(data.target, { labels: false }) : undefined,
    validation: data.splits.val && await input.open(data.splits.val),
  };
}

/** The batches of one pass. @throws DataError */
export async function nextBatches({ source, target }: Loaders): Promise<Batches> {
  const waiting = target?.next();
  // A failure of the source must not leave this one unhandled.
  waiting?.catch(() => {});
  const labelled = await source.next();
  return { source: labelled, ...(waiting ? { target: await waiting } : {}) };
}

/** Ends what is read ahead. */
export function close({ source, target }: Loaders): void {
  source.close();
  target?.close();
}

type Loader = ReturnType<typeof trainLoader>;

/** Where batches come from. */
export interface Loaders {
  readonly source: Loader;
  readonly target?: Loader;
}

/** What loaders are opened for. */
export interface Domains {
  readonly source: InputDataset;
  readonly draw: Awaited<ReturnType<Input["sourceDraw"]>>;
  readonly target: InputDataset | undefined;
  /** Batches of each that an earlier process has used. */
  readonly skip: number;
}

/** What decides on a domain's batches. */
export function loaderOptions(plan: RunPlan, stream: "source" | "target") {
  return {
    transforms: plan.input.training,
    normalization: plan.input.normalization,
    batch: plan.training.batch,
    seed: plan.seed,
    ignoreLabel: plan.labelSpace.ignore,
    stream,
    labels: stream === "source",
  };
}

/** Begins to read. @throws UserError when a dataset is empty */
export function openLoaders(plan: RunPlan, { source, draw, target, skip }: Domains): Loaders {
  const common = {
    skip,
    // A step takes all its batches before it computes, so the next step's must be on their way by then.
    ahead: Math.max(2, plan.training.accumulation),
  };
  return {
    source: trainLoader(source, { ...loaderOptions(plan, "source"), ...common, draw }),
    ...(target ? { target: trainLoader(target, { ...loaderOptions(plan, "target"), ...common }) } : {}),
  };
}
