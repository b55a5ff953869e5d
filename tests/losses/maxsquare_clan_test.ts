/** Maximum squares and category-level adversarial alignment against what the published code computes. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { LossTerm, StepContext } from "../../core/plugin.ts";
import { discrepancyMap } from "../../ops/discrepancy.ts";
import { misjudged } from "../../ops/discrimination.ts";
import { gradients } from "../../ops/gradients.ts";
import { contextOf } from "../contexts.ts";
import { backendTest, withGradients } from "../goldens.ts";
import {
  equalsRecorded,
  formulaWeight,
  type FormulaWeights,
  type MethodCase,
  methodCase,
  methodCases,
  norms,
  read,
} from "../methods.ts";
import { opponentOf, termOf, viewOf } from "./terms.ts";

/** `clan/discrepancy_map` and `clan/adversarial_local`: a cosine near 1 leaves few digits of what it lacks. */
const LOOSE = 1e-3;

type Size = readonly [number, number];

/** Both domains seen by two heads; labels where there are none count for nothing. */
function bothHeads(
  { target, source = target, size, labels = tf.zeros([1, 1, 1], "int32") }: {
    readonly target: readonly [main: tf.Tensor4D, auxiliary: tf.Tensor4D];
    readonly source?: readonly [main: tf.Tensor4D, auxiliary: tf.Tensor4D];
    readonly size: Size;
    readonly labels?: tf.Tensor3D;
  },
): StepContext {
  const view = ([main, auxiliary]: readonly [tf.Tensor4D, tf.Tensor4D]) => viewOf({ main, auxiliary, size });
  return contextOf({ source: { ...view(source), labels }, target: view(target) });
}

const sizeOf = (z: tf.Tensor4D): Size => [z.shape[1], z.shape[2]];

/** The value of a term by one head's logits, and its gradient. */
function alone(term: LossTerm, z: tf.Tensor4D, labels?: tf.Tensor3D) {
  const { value, grads: [gradient] } = withGradients((z) => {
    const both = [z, z] as [tf.Tensor4D, tf.Tensor4D];
    return term.compute(bothHeads({ target: both, size: sizeOf(both[0]), ...(labels ? { labels } : {}) }))
      .loss;
  }, [z]);
  return { value, gradient: gradient! };
}

const recordedTest = (name: string, run: () => Promise<void>) =>
  backendTest("native", `${name} equals the recorded values`, run);

recordedTest("maxsquare/plain", async () => {
  const one = methodCase("maxsquare/plain");
  const z = read<tf.Tensor4D>(one, "z");
  const numClasses = z.shape[3];
  const released = alone(termOf("maximum-squares", { numClasses, form: "released" }), z);
  await equalsRecorded(one, "loss", { actual: released.value });
  await equalsRecorded(one, "gz", { actual: released.gradient });
  await equalsRecorded(one, "loss_paper", {
    actual: alone(termOf("maximum-squares", { numClasses }), z).value,
  });
});

type Weighted = MethodCase & { readonly ratio: number };
type Guided = MethodCase & { readonly threshold: number };

recordedTest("maxsquare/image_weighted", async () => {
  const one = methodCase<Weighted>("maxsquare/image_weighted");
  const z = read<tf.Tensor4D>(one, "z");
  const more = { image_weighted: true, ratio: one.ratio, form: "released" };
  const { value, gradient } = alone(termOf("maximum-squares", { numClasses: z.shape[3], ...more }), z);
  await equalsRecorded(one, "loss", { actual: value });
  await equalsRecorded(one, "gz", { actual: gradient });
});

recordedTest("maxsquare/guidance", async () => {
  const one = methodCase<Guided>("maxsquare/guidance");
  const heads = ["main", "aux"].map((key) => read<tf.Tensor4D>(one, key)) as [tf.Tensor4D, tf.Tensor4D];
  const term = termOf("self-guidance", { numClasses: heads[0].shape[3], threshold: one.threshold });
  const { value, grads } = gradients(
    () => term.compute(bothHeads({ target: heads, size: sizeOf(heads[0]) })).loss,
    heads,
  );
  await equalsRecorded(one, "loss", { actual: value });
  await equalsRecorded(one, "gaux", { actual: grads[1]! });
  assert.ok(grads[0] == null, "the main head learns nothing of it");
});

recordedTest("maxsquare/objective_multi", async () => {
  const one = methodCase<MethodCase & { readonly lambda_target: number; readonly lambda_seg: number }>(
    "maxsquare/objective_multi",
  );
  const heads = ["main", "aux"].map((key) => read<tf.Tensor4D>(one, key));
  const numClasses = heads[0]!.shape[3];
  // The parts are those of the cases before.
  const { ratio } = methodCase<Weighted>("maxsquare/image_weighted");
  const { threshold } = methodCase<Guided>("maxsquare/guidance");
  const squares = termOf("maximum-squares", { numClasses, image_weighted: true, ratio, form: "released" });
  const guidance = termOf("self-guidance", { numClasses, threshold });
  const { value, grads } = withGradients((main, auxiliary) => {
    const both = [main, auxiliary] as [tf.Tensor4D, tf.Tensor4D];
    const context = bothHeads({ target: both, size: sizeOf(both[0]) });
    const weigh = (term: LossTerm, weight: number) => tf.mul(term.compute(context).loss, weight);
    return tf.add(
      weigh(squares, one.lambda_target),
      weigh(guidance, one.lambda_seg * one.lambda_target),
    );
  }, heads);
  await equalsRecorded(one, "loss", { actual: value });
  await equalsRecorded(one, "gmain", { actual: grads[0]! });
  await equalsRecorded(one, "gaux", { actual: grads[1]! });
});

recordedTest("clan/discrepancy_map", async () => {
  const one = methodCase("clan/discrepancy_map");
  const heads = ["z1", "z2"].map((key) => read<tf.Tensor4D>(one, key));
  const { value, grads } = withGradients(
    (a, b) => tf.expandDims(discrepancyMap(a as tf.Tensor4D, b as tf.Tensor4D), 3),
    heads,
    read(one, "gy"),
  );
  await equalsRecorded(one, "map", { actual: value });
  await equalsRecorded(one, "gz1", { actual: grads[0]!, tolerance: LOOSE });
  await equalsRecorded(one, "gz2", { actual: grads[1]!, tolerance: LOOSE });
});

recordedTest("clan/weight_discrepancy", async () => {
  const one = methodCase("clan/weight_discrepancy");
  const heads = ["head1", "head2"].map((head, k) => {
    const weights: FormulaWeights = one.formula_weights![head]!;
    const place = k === 0 ? 1 : 0;
    return Object.keys(weights.shapes).map((name) => ({
      name: `classifier.${place}.convs.${name}`,
      value: tf.variable(formulaWeight(weights, name)),
      group: "head",
    }));
  });
  // In state-dict order the main head comes first; it is the second here.
  const params = [...heads[1]!, ...heads[0]!];
  const [numClasses] = one.tensors["gfirst1"]!;
  const term = termOf("weight-discrepancy", { numClasses: numClasses! });
  const zeros = tf.zeros([1, 1, 1, numClasses!]) as tf.Tensor4D;
  const context = { ...bothHeads({ target: [zeros, zeros], size: [1, 1] }), parameters: () => params };
  const { value, grads } = gradients(
    () => term.compute(context).loss,
    heads.flat().map(({ value }) => value),
  );
  const found = grads.map((grad) => grad!);
  await equalsRecorded(one, "loss", { actual: value });
  const half = heads[0]!.length;
  await equalsRecorded(one, "norms1", { actual: norms(found.slice(0, half)) });
  await equalsRecorded(one, "norms2", { actual: norms(found.slice(half)) });
  // [O, I, H, W] as [O, H, W, I], as the record is read.
  const asRead = (filter: tf.Tensor) => tf.transpose(filter, [3, 0, 1, 2]);
  await equalsRecorded(one, "gfirst1", { actual: asRead(found[0]!) });
  await equalsRecorded(one, "gfirst2", { actual: asRead(found[half]!) });
});

recordedTest("clan/weighted_bce", async () => {
  const one = methodCase<
    MethodCase & { readonly epsilon: number; readonly lambda_local: Readonly<Record<string, number>> }
  >("clan/weighted_bce");
  const inputs = ["u", "m"].map((key) => read(one, key));
  for (const [data, lambda] of Object.entries(one.lambda_local)) {
    for (const label of [0, 1] as const) {
      const { value, grads } = withGradients(
        (u, m) => tf.mean(tf.mul(misjudged(u!, { label }), tf.add(one.epsilon, tf.mul(lambda, m!)))),
        inputs,
      );
      await equalsRecorded(one, `loss_${data}_${label}`, { actual: value });
      await equalsRecorded(one, `gu_${data}_${label}`, { actual: grads[0]! });
      await equalsRecorded(one, `gm_${data}_${label}`, { actual: grads[1]! });
    }
  }
});

recordedTest("clan/focal_cross_entropy", async () => {
  const one = methodCase<MethodCase & { readonly gamma: number }>("clan/focal_cross_entropy");
  const z = read<tf.Tensor4D>(one, "z");
  const labels = tf.cast(read<tf.Tensor3D>(one, "labels"), "int32");
  const term = termOf("focal-cross-entropy", { numClasses: z.shape[3], gamma: one.gamma });
  const { value, gradient } = alone(term, z, labels);
  await equalsRecorded(one, "loss", { actual: value });
  await equalsRecorded(one, "gz", { actual: gradient });
});

for (const name of ["clan/adversarial_warmup", "clan/adversarial_local"]) {
  recordedTest(name, async () => {
    const one = methodCase<MethodCase & { readonly epsilon: number; readonly lambda_local: number }>(name);
    const local = name.endsWith("local");
    const [z1, z2, s1, s2] = ["z1", "z2", "s1", "s2"].map((key) => read<tf.Tensor4D>(one, key));
    const size = [...read(one, "size").dataSync()] as unknown as Size;
    const { epsilon, lambda_local: lambda } = one;
    const term = termOf("local-adversarial", { numClasses: z1!.shape[3], epsilon, lambda });
    const opponent = opponentOf(term, one.formula_weights!["D"]!);
    // 1 in 20 of the steps are of the warm-up, and the last of them belongs to it.
    const at = { step: local ? 6 : 5, steps: 100 };
    let handoff: Record<string, tf.Tensor> = {};
    const { value, grads } = withGradients((z1, z2) => {
      const target = [z2, z1] as [tf.Tensor4D, tf.Tensor4D];
      const output = term.compute({ ...bothHeads({ target, source: [s2!, s1!], size }), ...at });
      handoff = Object.fromEntries(
        Object.entries(output.handoff!).map(([key, value]) => [key, tf.keep(tf.clone(value))]),
      );
      return output.loss;
    }, [z1!, z2!]);
    const tolerance = local ? LOOSE : 1e-4;
    await equalsRecorded(one, "adv", { actual: value });
    await equalsRecorded(one, "gz1", { actual: grads[0]!, tolerance });
    await equalsRecorded(one, "gz2", { actual: grads[1]!, tolerance });
    const learnt = opponent.learn(handoff);
    await equalsRecorded(one, "d_source", { actual: learnt.logs["source"]! });
    await equalsRecorded(one, "d_target", { actual: learnt.logs["target"]! });
    await equalsRecorded(one, "gd_norms", { actual: norms(learnt.grads), tolerance });
  });
}

Deno.test("the cases of MaxSquare and CLAN are the ones that are tested here", () => {
  const tested = Deno.readTextFileSync(new URL(import.meta.url));
  const elsewhere = ["clan/schedule"];
  for (const { name } of [...methodCases("maxsquare/"), ...methodCases("clan/")]) {
    assert.ok(elsewhere.includes(name) || tested.includes(`"${name}"`), name);
  }
});
