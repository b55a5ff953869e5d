/**
 * A checkpoint's network in the form that PyTorch's modules expect, for `plca weights export` and for
 * `plca export --hub`. Of an import (mapping.ts) it undoes the order of classes alone: names stay plca's own,
 * tensors float32. Pure.
 */
import { UserError } from "../core/errors.ts";
import { type StoredTensor, toFloat32 } from "./stored_tensor.ts";
import type { WeightNames } from "../core/weights.ts";
import { classIndices, reordered } from "./class_order.ts";
import { TRAINING } from "./networks.ts";

/** The tensor of a batch norm after which a state dict of PyTorch has `num_batches_tracked`. */
const LAST_OF_NORM = ".running_var";

/**
 * The network's tensors as a PyTorch state dict, float32, the tensors of a module one after another. After
 * each `running_var` comes an int64 `num_batches_tracked` of 0, which `load_state_dict` demands when it is
 * strict. What a checkpoint holds for training alone (optimisers, other networks) is left out.
 */
export function torchStateDict(tensors: ReadonlyMap<string, StoredTensor>): Map<string, StoredTensor> {
  const modules = new Map<string, [string, StoredTensor][]>();
  for (const [name, tensor] of tensors) {
    if (TRAINING.test(name)) continue;
    const module = name.slice(0, Math.max(0, name.lastIndexOf(".")));
    const members = modules.get(module) ?? [];
    members.push([name, { dtype: "F32", shape: tensor.shape, data: toFloat32(tensor) }]);
    if (name.endsWith(LAST_OF_NORM)) {
      const counter = `${name.slice(0, -LAST_OF_NORM.length)}.num_batches_tracked`;
      members.push([counter, { dtype: "I64", shape: [], data: new BigInt64Array(1) }]);
    }
    modules.set(module, members);
  }
  return new Map([...modules.values()].flat());
}

/** The order of classes that is wanted, and what {@linkcode inClassOrder} needs to produce it. */
export interface Reordering {
  /** The checkpoint, for messages. */
  readonly path: string;
  /** What the model says of its names and class orders; undefined: nothing. */
  readonly names: WeightNames | undefined;
  /** The recipe's classes in train-id order. */
  readonly classes: readonly string[];
  /**
   * One of `names.classOrders`. Not `ours`, the recipe's own order: who wants that has no need to call
   * {@linkcode inClassOrder}.
   */
  readonly classOrder: string;
}

/**
 * The tensors with the classes in another order. Those with a row for each class, such as the classifier's
 * weights, are reordered and become float32; all others stay as they are.
 * @throws UserError when the model does not know the order, the order lacks a class of the recipe, or the
 *   classifier has another number of classes than the recipe
 */
export function inClassOrder(
  tensors: ReadonlyMap<string, StoredTensor>,
  { path, names, classes, classOrder }: Reordering,
): Map<string, StoredTensor> {
  const orders = names?.classOrders ?? {};
  const order = Object.hasOwn(orders, classOrder) ? orders[classOrder] : undefined;
  if (names === undefined || order === undefined) {
    const known = ["ours", ...Object.keys(orders)].join(", ");
    throw new UserError(
      `${path}: there is no class order "${classOrder}" for this model; expected one of ${known}`,
    );
  }
  const indices = classIndices(order, classes);
  if (typeof indices === "string") {
    throw new UserError(
      `${path}: the first ${classes.length} classes of the ${classOrder} order are without "${indices}" of the recipe`,
    );
  }
  // `indices[k]` is where the order has the recipe's class k; `places[m]` is the recipe's class at place m.
  const places = indices.map((_, place) => indices.indexOf(place));
  return new Map([...tensors].map(([name, tensor]): [string, StoredTensor] => {
    if (!names.perClass.test(name)) return [name, tensor];
    if (tensor.shape[0] !== classes.length) {
      throw new UserError(
        `${path}: the classifier has ${tensor.shape[0]} classes, the recipe ${classes.length}`,
      );
    }
    return [name, { dtype: "F32", shape: tensor.shape, data: reordered(toFloat32(tensor), places) }];
  }));
}
