/** Terms of recorded cases: made by themselves, of logits that the case has, without a network. */
import * as tf from "@tensorflow/tfjs-core";
import { builtins } from "../../builtins.ts";
import type { LossTerm, StreamView, TapInfo } from "../../core/plugin.ts";
import { solo } from "../../core/world.ts";
import { gradients } from "../../ops/gradients.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { fillWith, type FormulaWeights } from "../methods.ts";

const registry = builtins();

/** A built-in loss with these options, of a network with two heads, whose maps are resized with aligned corners. */
export function termOf(
  type: string,
  { numClasses, classes = [], ...options }: {
    readonly numClasses: number;
    readonly classes?: readonly string[];
    readonly [option: string]: unknown;
  },
): LossTerm {
  const logits = (place: number): TapInfo => ({
    channels: numClasses,
    stride: 8,
    space: "real",
    head: `classifier.${place}.`,
  });
  return registry.plan("loss", { type, options }).create({
    seed: 0,
    numClasses,
    classes,
    variable: (_, initial, trainable = true) => tf.variable(initial, trainable),
    taps: { logits: logits(0), auxiliary: logits(1) },
    alignCorners: true,
  });
}

/** The heads' logits, which are resized to a size, mostly that of the labels. */
export function viewOf(
  { main, auxiliary = main, size, labels }: {
    readonly main: tf.Tensor4D;
    readonly auxiliary?: tf.Tensor4D;
    readonly size: readonly [number, number];
    readonly labels?: tf.Tensor3D;
  },
): StreamView {
  const resized = (x: tf.Tensor4D) => resizeBilinear(x, size, { alignCorners: true });
  return {
    logits: main,
    taps: { logits: main, auxiliary },
    upsampled: resized(main),
    upsampledTaps: { auxiliary: resized(auxiliary) },
    ...(labels ? { labels } : {}),
  };
}

/** The only owner of a term with the formula's weights. */
export function opponentOf(term: LossTerm, weights: FormulaWeights) {
  const { params, compute } = term.owners!["discriminator"]!;
  fillWith(weights, params!, publishedName);
  return {
    params: params!,
    /** The value and the gradients by the parameters, on what the term handed over. */
    learn(handoff: Readonly<Record<string, tf.Tensor>>) {
      const variables = params!.map(({ value }) => value);
      let logs: Readonly<Record<string, tf.Scalar>> = {};
      const { value, grads } = gradients(() => {
        const output = compute!(handoff, { world: solo });
        logs = Object.fromEntries(
          Object.entries(output.logs ?? {}).map(([name, value]) => [name, tf.keep(tf.clone(value))]),
        );
        return output.loss;
      }, variables);
      return { value, logs, grads: grads.map((grad) => grad!) };
    },
  };
}

/** A discriminator's parameter as published code calls it. */
export function publishedName(name: string): string {
  const [place, what] = name.split(".");
  return place === "4" ? `classifier.${what}` : `conv${Number(place) + 1}.${what}`;
}
