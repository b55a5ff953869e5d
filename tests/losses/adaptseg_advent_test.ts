/** Adversarial alignment and entropy minimisation against what the published code computes. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { gradients } from "../../ops/gradients.ts";
import { selfInformation } from "../../ops/entropy.ts";
import { misjudged } from "../../ops/discrimination.ts";
import { discriminator } from "../../ops/layers/discriminator.ts";
import { contextOf } from "../contexts.ts";
import { backendTest, withGradients } from "../goldens.ts";
import {
  equalsRecorded,
  fillWith,
  type FormulaWeights,
  type MethodCase,
  methodCase,
  methodCases,
  norms,
  read,
} from "../methods.ts";
import { opponentOf, publishedName, termOf, viewOf } from "./terms.ts";

interface Objective extends MethodCase {
  readonly loss_weights: Readonly<Record<string, number>>;
  readonly formula_weights: Readonly<Record<string, FormulaWeights>>;
}

for (const backend of ["native"] as const) {
  const recordedTest = (name: string, run: () => Promise<void>) =>
    backendTest(backend, `${name} equals the recorded values`, run);

  recordedTest("adaptseg/discriminator", async () => {
    const one = methodCase("adaptseg/discriminator");
    const weights = one.formula_weights!["D"]!;
    const [source, target] = ["source_logits", "target_logits"].map((key) => read<tf.Tensor4D>(one, key));
    const [, height, width, numClasses] = target!.shape;
    const size = [height, width] as const;
    const context = contextOf({
      source: { ...viewOf({ main: source!, size }), labels: tf.zeros([1, height, width], "int32") },
      target: viewOf({ main: target!, size }),
    });
    for (const [loss, name] of [["bce", "bce"], ["ls", "mse"]] as const) {
      for (const source_label of [0, 1] as const) {
        const term = termOf("adversarial", { numClasses, loss, source_label });
        const opponent = opponentOf(term, weights);
        let handoff = {};
        const { value, grads } = withGradients((z) => {
          const output = term.compute({
            ...context,
            view: (stream) =>
              stream === "target" ? viewOf({ main: z as tf.Tensor4D, size }) : context.view(stream),
          });
          handoff = Object.fromEntries(
            Object.entries(output.handoff!).map(([key, value]) => [key, tf.keep(tf.clone(value))]),
          );
          return output.loss;
        }, [target!]);
        await equalsRecorded(one, `${name}${source_label}`, { actual: value });
        if (name !== "bce" || source_label !== 0) continue;
        await equalsRecorded(one, "gz_bce0", { actual: grads[0]! });
        const learnt = opponent.learn(handoff);
        await equalsRecorded(one, "d_loss", { actual: learnt.value });
        await equalsRecorded(one, "gd_norms", { actual: norms(learnt.grads) });
        await equalsRecorded(one, "gd_conv1_bias", { actual: learnt.grads[1]! });
        const stored = learnt.grads.map((grad) => grad.rank === 4 ? tf.transpose(grad, [3, 2, 0, 1]) : grad);
        const firsts = stored.map((grad) => {
          const flat = tf.reshape(grad, [-1]), count = Math.min(8, grad.size);
          return tf.pad(tf.slice(flat, [0], [count]) as tf.Tensor1D, [[0, 8 - count]]);
        });
        await equalsRecorded(one, "gd_firsts", { actual: tf.stack(firsts) });
        await equalsRecorded(one, "gd_conv1_weight", { actual: tf.transpose(stored[0]!, [0, 2, 3, 1]) });
      }
    }
    const judge = discriminator(
      {
        seed: 0,
        numClasses,
        variable: (_, initial, trainable = true) => tf.variable(initial, trainable),
      },
      { input: numClasses, channels: [64, 128, 256, 512, 1] },
    );
    fillWith(weights, judge.params, publishedName);
    const p = tf.softmax(target!);
    await equalsRecorded(one, "target_out", { actual: judge.judge(p) });
    const by = (form: "bce" | "ls") =>
      gradients(() => tf.mean(misjudged(judge.judge(p), { label: 0, by: form })), [p])
        .grads[0]!;
    await equalsRecorded(one, "gp_bce0", { actual: by("bce") });
    await equalsRecorded(one, "gp_mse0_norm", { actual: tf.norm(by("ls")) });
  });

  for (const one of methodCases<Objective>("").filter(({ name }) => /^a\w+\/objective$/.test(name))) {
    recordedTest(one.name, async () => {
      const { loss_weights: weights, formula_weights } = one;
      const labels = tf.cast(read<tf.Tensor3D>(one, "labels"), "int32");
      const [, height, width] = labels.shape;
      const size = [height, width] as const;
      const names = ["z1_source", "z2_source", "z1_target", "z2_target"];
      const inputs = names.map((name) => read<tf.Tensor4D>(one, name));
      const numClasses = inputs[0]!.shape[3];
      const heads = [{ tap: "auxiliary", place: 1 }, { tap: "logits", place: 2 }];
      const terms = heads.flatMap(({ tap, place }) => {
        const map = one.method === "ADVENT" ? "self-information" : "softmax";
        const adversarial = termOf("adversarial", { numClasses, tap, map, source_label: 0 });
        return [
          { key: `ce${place}`, term: termOf("cross-entropy", { numClasses, tap }), opponent: undefined },
          {
            key: `adv${place}`,
            term: adversarial,
            opponent: { key: `d${place}`, ...opponentOf(adversarial, formula_weights[`D${place}`]!) },
          },
        ];
      });
      const values: Record<string, tf.Tensor> = {};
      const handoffs: Record<string, Record<string, tf.Tensor>> = {};
      const { value, grads } = withGradients((...zs) => {
        const [z1s, z2s, z1t, z2t] = zs as tf.Tensor4D[];
        const context = contextOf({
          source: { ...viewOf({ main: z2s!, auxiliary: z1s!, size }), labels },
          target: viewOf({ main: z2t!, auxiliary: z1t!, size }),
        });
        return terms.map(({ key, term }) => {
          const { loss, handoff = {} } = term.compute(context);
          values[key] = tf.keep(tf.clone(loss));
          handoffs[key] = Object.fromEntries(
            Object.entries(handoff).map(([name, value]) => [name, tf.keep(tf.clone(value))]),
          );
          return tf.mul(loss, weights[key]!);
        }).reduce((a, b) => tf.add(a, b));
      }, inputs);
      await equalsRecorded(one, "total", { actual: value });
      for (const [key, actual] of Object.entries(values)) await equalsRecorded(one, key, { actual });
      for (const [k, name] of names.entries()) await equalsRecorded(one, `g${name}`, { actual: grads[k]! });
      for (const { key, opponent } of terms) {
        if (!opponent) continue;
        const learnt = opponent.learn(handoffs[key]!);
        await equalsRecorded(one, opponent.key, { actual: learnt.value });
        await equalsRecorded(one, `g${opponent.key}_norms`, { actual: norms(learnt.grads) });
      }
    });
  }

  recordedTest("advent/self_information", async () => {
    const one = methodCase("advent/self_information");
    const p = read<tf.Tensor4D>(one, "p");
    // The recorded gradient takes the probabilities for independent; through a softmax each loses its mean.
    const z = tf.log(tf.add(p, 1e-30)) as tf.Tensor4D;
    const gy = read(one, "gy"), gp = read(one, "gp");
    const { value, grads: [gz] } = withGradients((z) => selfInformation(z as tf.Tensor4D), [z], gy);
    await equalsRecorded(one, "y", { actual: value });
    const expected = tf.mul(p, tf.sub(gp, tf.sum(tf.mul(p, gp), 3, true)));
    const error = tf.div(tf.norm(tf.sub(gz!, expected)), tf.norm(expected)).dataSync()[0]!;
    assert.ok(error < 1e-4, `the gradient is off by ${error}`);
  });

  recordedTest("advent/minent", async () => {
    const one = methodCase("advent/minent");
    const z = read<tf.Tensor4D>(one, "z");
    const [height, width] = read(one, "size").dataSync() as unknown as [number, number];
    const term = termOf("entropy", { numClasses: z.shape[3], resolution: "labels", tap: "auxiliary" });
    const { value, grads: [gz] } = withGradients((z) => {
      const view = viewOf({ main: z as tf.Tensor4D, size: [height, width] });
      const labels = tf.zeros([1, 1, 1], "int32") as tf.Tensor3D;
      return term.compute(contextOf({ source: { ...view, labels }, target: view })).loss;
    }, [z]);
    await equalsRecorded(one, "loss", { actual: value });
    await equalsRecorded(one, "gz", { actual: gz! });
  });
}

backendTest("native", "maps too small for the discriminator are refused with the smallest crop", () => {
  const main = tf.zeros([1, 3, 4, 5]) as tf.Tensor4D;
  for (const type of ["adversarial", "local-adversarial"]) {
    const term = termOf(type, { numClasses: 5 });
    const view = viewOf({ main, size: [31, 40] });
    const labels = tf.zeros([1, 31, 40], "int32") as tf.Tensor3D;
    assert.throws(() => term.compute(contextOf({ source: { ...view, labels }, target: view })), {
      name: "UserError",
      message:
        "the discriminator halves its input five times: expected a crop of at least 32 pixels, got 31x40",
    });
  }
  return Promise.resolve();
});
