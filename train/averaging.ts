/**
 * The gradients of an update: means over its passes and over all processes, taken while the last pass goes
 * on.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { GradualMean, World } from "../core/world.ts";
import { addAll } from "../ops/add_all.ts";
import type { BackwardListener } from "../ops/gradients.ts";
import type { Gradients, Pass, PassOptions } from "./pass.ts";

/** Means of the gradients that follow from the objective. */
export interface WholeGradients {
  readonly student: Gradients;
  /** Of the joint owners, who come first in every pass. */
  readonly joint: readonly Gradients[];
}

/** Takes the means of one update. */
export class Averaging {
  readonly #world: World;
  #begun: GradualMean | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /**
   * What the last pass tells of its gradients, so that their means begin; undefined where nothing is won by
   * that.
   */
  listening(earlier: readonly Pass[]): PassOptions["listen"] {
    const world = this.#world;
    if (world.size === 1 || world.gradual === undefined) return undefined;
    return (variables): BackwardListener => {
      const begun = this.#begun = world.gradual!(variables);
      const before = earlier.map(gradientsOf);
      return {
        done: (k, grad) =>
          void tf.tidy(() => begun.add(k, mean([...before.map((grads) => [grads[k]!]), [grad ?? null]])[0]!)),
        between: () => begun.pump(),
      };
    };
  }

  /** The means; they belong to the caller, unless they are gradients of the only pass. */
  whole(passes: readonly Pass[]): WholeGradients {
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

/** Of the student, then of the joint owners. */
function gradientsOf(pass: Pass): Gradients {
  return [...pass.grads, ...jointOf(pass).flatMap(({ grads }) => grads)];
}

/** The mean over passes; a null counts as zeros unless every pass has it. */
export function mean(passes: readonly Gradients[]): Gradients {
  const [first] = passes;
  if (passes.length === 1) return first!;
  return first!.map((_, k) => {
    const present = passes.map((grads) => grads[k]).filter((grad) => grad != null);
    return present.length === 0 ? null : tf.div(addAll(present), passes.length);
  });
}
