/**
 * A worker's side: opens datasets through the built-in plugins and does one job after the other, in the order
 * in which they came, so that the batch that is needed first is ready first.
 */
import { DataError } from "../../core/errors.ts";
import type { Dataset } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { batchMaker } from "../batch.ts";
import { evaluationMaker } from "../evaluation.ts";
import { diskFiles } from "../files.ts";
import { inspectionMaker } from "../inspection.ts";
import type { Maker } from "../maker.ts";
import { datasets } from "../mod.ts";
import { toPlain } from "./errors.ts";
import type { DatasetRecipe, MakerRecipe, Order, ProductKind, Products, Reply } from "./protocol.ts";

/** How the worker answers; `transfer` lists the memory that moves to the main thread. */
export type Answer = (reply: Reply, transfer: ArrayBuffer[]) => void;

type AnyMaker = Maker<unknown, Products[ProductKind]["result"]>;
type Job = Extract<Order, { type: "job" }>;

/** The worker's loop. @returns the handler of orders, to be called in the order in which they were sent */
export function serve(answer: Answer): (order: Order) => void {
  const makers = new Map<number, Promise<AnyMaker>>();
  let jobs: Job[] = [];
  let working = false, closing = false;

  const perform = async ({ job, maker, request }: Job) => {
    try {
      const result = await (await makers.get(maker)!).make(request);
      answer({ type: "done", job, result }, memoryOf(result));
    } catch (error) {
      answer({ type: "failed", job, error: toPlain(error) }, []);
    }
  };
  const work = async () => {
    if (working) return;
    working = true;
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await perform(job);
    working = false;
    if (closing) answer({ type: "closed" }, []);
  };

  return (order) => {
    switch (order.type) {
      case "maker": {
        const made = makerOf(order.recipe);
        made.catch(() => {});
        makers.set(order.maker, made);
        return;
      }
      case "job":
        jobs.push(order);
        break;
      case "release": {
        jobs = jobs.filter(({ maker }) => maker !== order.maker);
        makers.get(order.maker)?.then((maker) => maker.close(), () => {});
        makers.delete(order.maker);
        return;
      }
      case "close":
        jobs = [];
        closing = true;
    }
    work();
  };
}

/** Opens the dataset and makes its maker. A failure is reported with each job that needs the maker. */
async function makerOf({ kind, dataset, options }: MakerRecipe): Promise<AnyMaker> {
  const opened = await open(dataset);
  // The casts hold because the main thread sends each maker only requests of its kind.
  switch (kind) {
    case "batch":
      return batchMaker(opened, options) as AnyMaker;
    case "evaluation":
      return evaluationMaker(opened, options) as AnyMaker;
    case "inspection":
      return inspectionMaker(opened, options) as AnyMaker;
  }
}

/**
 * The dataset again, from its name and options. @throws DataError when it has another number of images than
 * the main thread counted
 */
async function open(recipe: DatasetRecipe): Promise<Dataset> {
  const { type, options, root, seed, length, labels = true, incomplete } = recipe;
  const plan = new Registry(datasets).plan("dataset", { type, options });
  const dataset = await plan.open({
    root,
    seed,
    files: diskFiles(),
    labels,
    ...(incomplete ? { onMissing: () => {} } : {}),
  });
  if (dataset.length === length) return dataset;
  const found = `${dataset.length} images were found, ${length} a moment before`;
  throw new DataError(root === "" ? type : root, `the files changed while they were opened: ${found}`);
}

/** The memory of a result that moves to the main thread instead of being copied. */
function memoryOf(result: Products[ProductKind]["result"]): ArrayBuffer[] {
  const images = "inputs" in result
    ? result.inputs.map((input) => input.images)
    : "images" in result
    ? [result.images]
    : [];
  const labels = "labels" in result && result.labels ? [result.labels] : [];
  const soft = "soft" in result && result.soft ? [result.soft] : [];
  return [...new Set([...images, ...labels, ...soft].map(({ buffer }) => buffer))] as ArrayBuffer[];
}
