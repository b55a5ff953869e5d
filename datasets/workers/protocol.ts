/**
 * What the main thread and a worker say to each other. Everything can be cloned; large arrays are
 * transferred.
 *
 * The main thread numbers makers and jobs. A worker answers a job once, with `done` or `failed`, in the order
 * in which jobs came; jobs that were dropped have no answer.
 */
import type { Batch, BatchOptions, SamplePlan } from "../batch.ts";
import type { EvaluationImage, EvaluationOptions } from "../evaluation.ts";
import type { Inspection, InspectionOptions } from "../inspection.ts";
import type { PlainError } from "./errors.ts";

/** What is made in a worker: its options, what is asked and what comes back. */
export interface Products {
  readonly batch: { options: BatchOptions; request: readonly SamplePlan[]; result: Batch };
  readonly evaluation: { options: EvaluationOptions; request: number; result: EvaluationImage };
  readonly inspection: { options: InspectionOptions; request: number; result: Inspection };
}

/** The kinds of product. */
export type ProductKind = keyof Products;

/** What a worker makes a built-in dataset from. */
export interface DatasetRecipe {
  /** The plugin's name. */
  readonly type: string;
  /** As the recipe writes them. */
  readonly options: unknown;
  readonly root: string;
  readonly seed: number;
  /** Whether label files must be there; absent: yes. */
  readonly labels?: boolean;
  /** Whether incomplete pairs are left out, as the main thread did; absent: no. */
  readonly incomplete?: boolean;
  /** Images the main thread counted; another number means that the files have changed. */
  readonly length: number;
}

/** A product of a dataset. */
export type MakerRecipe = {
  [Kind in ProductKind]: {
    readonly kind: Kind;
    readonly dataset: DatasetRecipe;
    readonly options: Products[Kind]["options"];
  };
}[ProductKind];

/** To a worker. `maker` and `job` are numbers that the main thread gives out. */
export type Order =
  | { readonly type: "maker"; readonly maker: number; readonly recipe: MakerRecipe }
  | { readonly type: "job"; readonly job: number; readonly maker: number; readonly request: unknown }
  /** Drops the maker's jobs that were not begun, and what it keeps. */
  | { readonly type: "release"; readonly maker: number }
  /** Drops every job that was not begun; the worker answers `closed` once the one in work is done. */
  | { readonly type: "close" };

/** From a worker. */
export type Reply =
  | { readonly type: "done"; readonly job: number; readonly result: unknown }
  | { readonly type: "failed"; readonly job: number; readonly error: PlainError }
  /** Something outside of any job went wrong. */
  | { readonly type: "crashed"; readonly error: PlainError }
  | { readonly type: "closed" };
