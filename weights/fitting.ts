/**
 * What a file of weights is fitted to: the network's tensors, the recipe's classes, and what the person asked
 * for. mapping.ts does it, with check_shapes.ts and class_order.ts.
 */
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import type { WeightNames } from "../core/weights.ts";
import type { WeightsFile } from "./weights_file.ts";

/** A tensor of the network, its shape as files store it (filters OIHW). */
export interface WantedTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What a file is fitted to, and what the person asked for. */
export interface Fitting {
  /** The file's name, for messages. */
  readonly path: string;
  readonly file: WeightsFile;
  /** Absent: the file must use the network's own names. */
  readonly names: WeightNames | undefined;
  readonly wanted: readonly WantedTensor[];
  /** The recipe's classes in train-id order. */
  readonly classes: readonly string[];
  /** `ours` or one of `names.classOrders`, whatever the file's form says; absent: what that says. */
  readonly classOrder?: string | undefined;
  /** Of several networks in the file the one under this prefix or key; absent: the only one that fits. */
  readonly take?: string | undefined;
  /** Parts of the network that are left out, by their names' first parts. */
  readonly without?: readonly string[] | undefined;
  /** Whether the whole network is wanted, so that nothing can be left out. */
  readonly whole?: boolean | undefined;
}

/** The error for a file that cannot be used. */
export function refusal(path: string, message: string): UserError {
  return new UserError(`${path}: ${printable(message)}`);
}
