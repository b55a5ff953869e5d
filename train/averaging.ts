/**
 * The gradients of an update: means over its passes and over all processes.
 *
 * With `accumulation` a step makes several passes before it updates; their gradients are averaged here. With
 * several processes each has the gradients of its part of the batch; they are averaged between the processes
 * by {@linkcode World}.
 *
 * Sending gradients takes time in which the processor could compute. The backward pass yields the gradients
 * one by one, from the last layer to the first, so each can be sent as soon as it is complete, while the pass
 * computes the next. That is possible in the last pass of an update only, because a mean over passes needs
 * all of them: {@linkcode Averaging.listening} gives the callbacks for it, and {@linkcode Averaging.whole}
 * waits for what is still on its way. Where the processes offer no such mean, or there is one process,
 * `whole` does everything at once, with equal numbers.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { GradualMean, World } from "../core/world.ts";
import { addAll } from "../ops/add_all.ts";
import type { BackwardListener } from "../ops/gradients.ts";
import type { Gradients } from "./gradients_of.ts";
import type { Pass, PassOptions } from "./pass.ts";

/** Means of the gradients of the objective. */
export interface WholeGradients {
  readonly student: Gradients;
  /** A list for each joint owner, in the order of the pass, where joint owners come first. */
  readonly joint: readonly Gradients[];
}

/**
 * So many complete gradients wait before one is handed over. Handing over reads a gradient, and a backend may
 * still be computing the latest on another thread.
 */
const LATEST = 4;

/** Takes the means of one update; each update needs a new one. */
export class Averaging {
  readonly #world: World;
  #begun: GradualMean | undefined;
  /** Hands over a gradient each, oldest first. */
  readonly #complete: (() => void)[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /**
   * Callbacks for the backward pass of the update's last pass, which begin the means of gradients that are
   * complete. Undefined where that wins nothing: with one process, or where gradients are sent at the end.
   * @param earlier the other passes of the update
   */
  listening(earlier: readonly Pass[]): PassOptions["listen"] {
    const world = this.#world;
    if (world.size === 1 || world.gradual === undefined) return undefined;
    return (variables): BackwardListener => {
      const begun = this.#begun = world.gradual!(variables);
      const before = earlier.map(gradientsOf);
      return {
        done: (k, grad) => {
          const own = grad ?? null;
          this.#complete.push(() =>
            void tf.tidy(() => begun.add(k, mean([...before.map((grads) => [grads[k]!]), [own]])[0]!))
          );
          if (this.#complete.length > LATEST) this.#complete.shift()!();
        },
        between: () => begun.pump(),
      };
    };
  }

  /**
   * The means over all passes, which must be those of one update, at least one. The tensors belong to the
   * caller; where there is one pass and one process they are those of the pass itself.
   */
  whole(passes: readonly Pass[]): WholeGradients {
    for (const handOver of this.#complete.splice(0)) handOver();
    return tf.tidy(() => {
      const all = this.#begun ? this.#begun.end() : this.#world.mean(mean(passes.map(gradientsOf)));
      const joint = jointOf(passes[0]!);
      let at = all.length - joint.reduce((sum, { grads }) => sum + grads.length, 0);
      return {
        student: all.slice(0, at),
        joint: joint.map(({ grads }) => all.slice(at, at += grads.length)),
      } as unknown as tf.TensorContainer;
    }) as unknown as WholeGradients;
  }
}

function jointOf({ owners }: Pass): Pass["owners"] {
  return owners.filter(({ owner }) => owner.plan.when === "joint");
}

/** The gradients of the student, then those of the joint owners. */
function gradientsOf(pass: Pass): Gradients {
  return [...pass.grads, ...jointOf(pass).flatMap(({ grads }) => grads)];
}

/**
 * The mean over passes, at least one. A gradient that is null in some passes counts as zeros there; one that
 * is null in all of them stays null. Belongs to the caller's tidy scope.
 */
export function mean(passes: readonly Gradients[]): Gradients {
  const [first] = passes;
  if (passes.length === 1) return first!;
  return first!.map((_, k) => {
    const present = passes.map((grads) => grads[k]).filter((grad) => grad != null);
    return present.length === 0 ? null : tf.div(addAll(present), passes.length);
  });
}
