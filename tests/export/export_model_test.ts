/** Files of every built-in model against the models themselves. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { builtins } from "../../builtins.ts";
import { selectBackend } from "../../backends/select.ts";
import { UserError } from "../../core/errors.ts";
import { recordRun } from "../../backends/recorder/record.ts";
import { unify } from "../../export/graph.ts";
import { openModel } from "../../export/run_model.ts";
import { type Comparison, refusal } from "../../export/verify.ts";
import { comparedOn, type fileOf, networkOf } from "./networks.ts";

await selectBackend("native");

const NORMALIZATION = {
  order: "bgr",
  scale: 1 / 255,
  mean: [0.4, 0.5, 0.6],
  deviation: [0.2, 0.25, 0.3],
} as const;

interface Case {
  readonly model: string;
  readonly options?: object;
  readonly exported?: Parameters<typeof fileOf>[1];
}

function compared({ model, options = {}, exported = {} }: Case): Comparison {
  const network = networkOf(model, options);
  try {
    const [height, width] = exported.size ?? [70, 85];
    return comparedOn([width, height], network, exported);
  } finally {
    network.dispose();
  }
}

const slim = { layers: [1, 1, 1, 1], width: 0.0625 };
const mit = {
  dims: [4, 4, 10, 16],
  blocks: [1, 1, 1, 1],
  heads: [1, 2, 5, 8],
  head_width: 8,
};
const vit = { size: { width: 32, blocks: 2, heads: 2 }, patch: 7, table: 5 };
const aggregation = {
  alpha: 0.5,
  features: builtins().plan("similarity", "cosine"),
  predictions: builtins().plan("similarity", "negative-kl"),
};

const CASES: Readonly<Record<string, Case>> = {
  "deeplab-v2": { model: "deeplab-v2", options: slim },
  "deeplab-v2 as bytes to labels": {
    model: "deeplab-v2",
    options: { ...slim, classifier_bias: true, stride_in: "conv2" },
    exported: { bytes: NORMALIZATION, wanted: "labels" },
  },
  "deeplab-v2 with its mirror, to probabilities": {
    model: "deeplab-v2",
    options: { ...slim, checkpointing: true },
    exported: { wanted: "probabilities", inference: { flip: true } },
  },
  "deeplab-v2 with aggregation at one size": {
    model: "deeplab-v2",
    options: slim,
    exported: { wanted: "probabilities", size: [40, 56], inference: { aggregation } },
  },
  "pspnet at one size": {
    model: "pspnet",
    options: slim,
    exported: { wanted: "probabilities", size: [40, 56] },
  },
  "mit with segformer": { model: "mit", options: mit },
  "mit with daformer": { model: "mit", options: { ...mit, head: "daformer" } },
  "mit with deeplab-v2": { model: "mit", options: { ...mit, head: "deeplab-v2" } },
  "dinov2 at one size": { model: "dinov2", options: vit, exported: { size: [40, 56] } },
  "dinov2 with registers and deeplab-v2 at one size": {
    model: "dinov2",
    options: { ...vit, registers: 2, head: "deeplab-v2" },
    exported: { size: [40, 56] },
  },
};

for (const [name, one] of Object.entries(CASES)) {
  Deno.test({
    name: `a file of ${name} says what the network says`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn() {
      const found = compared(one);
      assert.ok(found.difference < 1e-4, `difference ${found.difference}`);
      assert.equal(found.equal, found.pixels);
      assert.ok(found.pixels > 20);
    },
  });
}

Deno.test("a file of half the size is near enough to be written", () => {
  const found = compared({
    model: "deeplab-v2",
    options: slim,
    exported: { half: true, wanted: "probabilities" },
  });
  assert.ok(found.difference > 0);
  assert.equal(refusal(found, { wanted: "probabilities", half: true }), undefined);
});

Deno.test("an operator that cannot be exported is named, and the backend is the same afterwards", () => {
  const before = tf.getBackend();
  const weights = tf.ones([3]);
  const run = (x: tf.Tensor) => tf.cumsum(tf.mul(x, weights), 1);
  assert.throws(
    () => recordRun([2, 5, 3], run),
    (error) =>
      error instanceof UserError &&
      error.message.startsWith(
        "the operator Cumsum cannot be exported (it is called with [2, 5, 3]); expected one of Abs, Add,",
      ),
  );
  assert.throws(() => recordRun([2, 5, 3], (x) => tf.tensor(x.dataSync())), {
    message:
      "the network reads numbers that depend on its input while it runs, which a file of operators cannot do",
  });
  assert.equal(tf.getBackend(), before);
  assert.deepEqual([...weights.dataSync()], [1, 1, 1]);
});

Deno.test("a network that does something else at another size asks for the size", () => {
  const at = [[1, 4, 3], [2, 5, 3]];
  const recorded = (run: (x: tf.Tensor) => tf.Tensor) => unify(at.map((shape) => recordRun(shape, run)));
  assert.throws(() => recorded((x) => x.shape[1] === 4 ? tf.relu(x) : tf.exp(x)), {
    message:
      "the network cannot be exported for every size: it calls Relu where at another size it calls Exp; " +
      "give one size with --size HEIGHTxWIDTH",
  });
  assert.throws(() => recorded((x) => tf.mul(x, tf.expandDims(tf.range(0, x.shape[1]!), 1))), {
    message:
      "the network cannot be exported for every size: Multiply takes numbers that follow from the size of its " +
      "input ([4, 1] and [5, 1]); give one size with --size HEIGHTxWIDTH",
  });
});

Deno.test("a file that differs is refused, one that says nothing as well", () => {
  const found = { difference: 2e-3, largest: 3, pixels: 1000, equal: 1000, time: { file: 1, own: 1 } };
  const whole = { wanted: "logits", half: false } as const;
  assert.equal(
    refusal(found, whole),
    "the file differs from the network by 0.00200, expected at most 0.00100",
  );
  assert.equal(refusal({ ...found, difference: 1e-3 }, whole), undefined);
  assert.equal(
    refusal({ ...found, largest: 150 }, whole),
    "the file differs from the network by 0.00200, expected at most 0.00150",
  );
  assert.match(refusal({ ...found, difference: Infinity }, whole)!, /differs/);
  assert.equal(
    refusal({ ...found, equal: 990 }, { wanted: "labels", half: false }),
    "the file labels 1.00 % of the pixels otherwise than the network, expected at most 0.1 %",
  );
});

Deno.test("ONNX Runtime's words about bytes that are no model", () => {
  assert.throws(
    () => openModel({ model: Uint8Array.of(1, 2, 3), input: "images", output: "logits" }),
    /^UserError: ONNX Runtime refuses the file: .*protobuf/,
  );
});
