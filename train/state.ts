/**
 * The variables that a checkpoint holds, under their names in the file.
 *
 * The names are a file format: `optimizer/...`, `player/...`, `loss/...`, `stream/...` and `network/...` stand
 * in checkpoints that people have, and weights/networks.ts knows them as what training alone needs. A name
 * that changes here makes older checkpoints unreadable.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { NetworkPlan, Optimizer, Owned, Segmenter } from "../core/plugin.ts";
import type { RunOwner } from "./owners.ts";

/** A variable that goes into the checkpoint. */
export interface StateEntry {
  /** The name of the variable in the file. */
  readonly name: string;
  readonly variable: tf.Variable;
  /** Whether it is a filter: the file has it OIHW as PyTorch does, the variable is HWIO. */
  readonly filter: boolean;
  /** Whether values that are not finite are allowed, because a plugin may keep any number in it. */
  readonly free?: boolean;
}

/**
 * Whether checkpoints hold a network. They hold those that training changes or that began as a copy of the
 * student; a frozen network is read from its own file again.
 */
export function isSaved({ start, changes, trainable, ownStatistics, update, follow }: NetworkPlan): boolean {
  return start === "student" || [changes, trainable, ownStatistics, update, follow].some(Boolean);
}

/** A network's variables, in state-dict order. */
export function modelState({ params, buffers }: Segmenter, prefix = ""): StateEntry[] {
  return [
    ...params.map(({ name, value }) => entry(prefix + name, value)),
    ...Object.entries(buffers).map(([name, variable]) => entry(prefix + name, variable)),
  ];
}

export function slotState(prefix: string, optimizer: Optimizer): StateEntry[] {
  return Object.entries(optimizer.slots).map(([name, variable]) => entry(`${prefix}/${name}`, variable));
}

/** The buffers of a plugin. Only the plugin knows what they mean, so they are stored as they are. */
export function bufferState(prefix: string, { buffers = {} }: Owned): StateEntry[] {
  return Object.entries(buffers).map(([name, variable]) => ({
    name: `${prefix}/${name}`,
    variable,
    filter: false,
    free: true,
  }));
}

export function ownerState(prefix: string, owners: readonly RunOwner[]): StateEntry[] {
  return owners.flatMap(({ plan, params, optimizer }) => [
    // An owner that trains a network of the recipe has no parameters of its own; the network saves them.
    ...plan.trains === undefined
      ? params.map(({ name, value }) => entry(`${prefix}/${plan.name}/${name}`, value))
      : [],
    ...slotState(`${prefix}/${plan.name}/optimizer`, optimizer),
  ]);
}

function entry(name: string, variable: tf.Variable): StateEntry {
  return { name, variable, filter: variable.rank === 4 };
}
