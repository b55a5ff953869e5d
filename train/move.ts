/**
 * Networks that move in a step without gradients: those that follow the student as moving averages, such as a
 * teacher, and those whose plugin changes them with code of its own.
 *
 * step.ts calls it before and after the student's update, as the network's plan says. What a plugin's code
 * changes must be undone when the step fails, which snapshot.ts does.
 */
import * as tf from "@tensorflow/tfjs-core";
import { LossError, UserError } from "../core/errors.ts";
import type { Following } from "../core/network.ts";
import type { Segmenter } from "../core/plugin.ts";
import { messageOf } from "../core/words.ts";
import { kernels } from "../ops/kernels.ts";
import type { Run, RunNetwork } from "./assemble.ts";
import type { Clock } from "./context.ts";
import { describePlanned } from "./loss_errors.ts";
import type { Snapshot } from "./snapshot.ts";

/** A network that moves in a step. */
export interface Move extends RunNetwork {
  /** How it follows the student; undefined for one that its plugin's `update` alone changes. */
  readonly following: Following | undefined;
}

/**
 * The networks that move in this step, in recipe order. Plugins are asked before any variable is changed.
 * @throws LossError when a plugin's `follow` throws
 */
export function plannedMoves({ networks }: Pick<Run, "networks">, { step, steps }: Clock): readonly Move[] {
  return [...networks.values()].flatMap(({ planned, segmenter }) => {
    const { plan } = planned;
    const following = named(planned, () => plan.follow?.({ step, steps }));
    return following || plan.update ? [{ planned, segmenter, following }] : [];
  });
}

/**
 * Moves networks: first the average, then the plugin's own update.
 * @param early keeps the values before, so that they can be put back; undefined where no later part can fail
 * @throws LossError when a plugin's `update` throws
 */
export function moveNetworks(
  { segmenter: student }: Pick<Run, "segmenter">,
  { step, steps }: Clock,
  { moves, early }: { readonly moves: readonly Move[]; readonly early: Snapshot | undefined },
): void {
  for (const { planned, segmenter: network, following } of moves) {
    early?.add([...network.params.map(({ value }) => value), ...Object.values(network.buffers)]);
    if (following) follow(network, student, following);
    const { plan } = planned;
    if (plan.update) {
      named(planned, () => tf.tidy(() => plan.update!({ network, student }, { step, steps })));
    }
  }
}

/** Runs a plugin's code. @throws LossError that names the network; UserErrors as they are */
function named<T>(planned: RunNetwork["planned"], compute: () => T): T {
  try {
    return compute();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const who = describePlanned("network", planned);
    throw new LossError(`${who} threw in its update: ${messageOf(cause)}`, { cause });
  }
}

/** Averages a network with the student, its buffers too where `buffers` is given. */
function follow(network: Segmenter, student: Segmenter, { parameters, buffers }: Following): void {
  network.params.forEach(({ value }, k) => average(value, student.params[k]!.value, parameters));
  if (buffers === undefined) return;
  for (const [name, value] of Object.entries(network.buffers)) {
    average(value, student.buffers[name]!, buffers);
  }
}

/** follower = stays * follower + (1 - stays) * student */
function average(follower: tf.Variable, student: tf.Variable, stays: number): void {
  if (stays === 0) follower.assign(student);
  // The same as a step of gradient descent with the gradient student - follower, which backends do in place.
  else kernels().sgdStep({ value: follower, gradient: student, rate: stays - 1, momentum: 0, decay: -1 });
}
