/** Networks that follow the student: averages, which the trainer makes, and whatever plugins do by themselves. */
import * as tf from "@tensorflow/tfjs-core";
import { LossError, UserError } from "../core/errors.ts";
import type { Following } from "../core/network.ts";
import type { Segmenter } from "../core/plugin.ts";
import { kernels } from "../ops/kernels.ts";
import type { Run, RunNetwork } from "./assemble.ts";
import type { Clock } from "./context.ts";
import { describePlanned, messageOf } from "./loss_errors.ts";
import type { Snapshot } from "./snapshot.ts";

/** A network that moves in a step. */
export interface Move extends RunNetwork {
  /** Absent: it has only an update of its own. */
  readonly following: Following | undefined;
}

/** What moves in this step, in recipe order: plugins say so before anything is changed. @throws LossError */
export function plannedMoves({ networks }: Pick<Run, "networks">, { step, steps }: Clock): readonly Move[] {
  return [...networks.values()].flatMap(({ planned, segmenter }) => {
    const { plan } = planned;
    const following = named(planned, () => plan.follow?.({ step, steps }));
    return following || plan.update ? [{ planned, segmenter, following }] : [];
  });
}

/**
 * Moves networks.
 * @param early keeps what a plugin's update may break; absent: nothing of this fails @throws LossError
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

function named<T>(planned: RunNetwork["planned"], compute: () => T): T {
  try {
    return compute();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const who = describePlanned("network", planned);
    throw new LossError(`${who} threw in its update: ${messageOf(cause)}`, { cause });
  }
}

function follow(network: Segmenter, student: Segmenter, { parameters, buffers }: Following): void {
  network.params.forEach(({ value }, k) => average(value, student.params[k]!.value, parameters));
  if (buffers === undefined) return;
  for (const [name, value] of Object.entries(network.buffers)) {
    average(value, student.buffers[name]!, buffers);
  }
}

/** own = stays own + (1 - stays) other. */
function average(own: tf.Variable, other: tf.Variable, stays: number): void {
  if (stays === 0) own.assign(other);
  // A step of gradient descent of which the gradient is the difference of both: backends make it in place.
  else kernels().sgdStep({ value: own, gradient: other, rate: stays - 1, momentum: 0, decay: -1 });
}
