/** The published sizes of the Mix Transformer and of its heads, counted. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { MIT_SIZES } from "../../models/mit.ts";
import { daformerHead, segformerHead } from "../../models/mit_heads.ts";
import { mixTransformer, PUBLISHED_EPSILONS } from "../../models/mix_transformer.ts";
import type { Layers } from "../../ops/layers/scope.ts";
import { sizeOf } from "../../weights/stored_tensor.ts";
import { backendTest } from "../goldens.ts";
import { encoderShape } from "../mit.ts";

/** Layers that count what they are asked for and allocate nothing. */
function counting() {
  const sizes = new Map<string, number>();
  const counted = (name: string, size: number) => {
    sizes.set(name, size);
    return {} as tf.Variable;
  };
  const layers: Layers = {
    params: [],
    buffers: {},
    param: (name, initial) => counted(name, initial.size),
    buffer: () => ({}) as tf.Variable,
    normal: (name, shape) => counted(name, sizeOf(shape)),
    normalFilter: (name, shape) => counted(name, sizeOf(shape)) as tf.Variable<tf.Rank.R4>,
  };
  return { sizes, layers };
}

backendTest(
  "native",
  "every size has as many tensors and numbers as the published files, its head too",
  () => {
    const published = {
      b0: [176, 3_319_392, 399_635],
      b1: [176, 13_151_424, 530_707],
      b2: [332, 24_196_288, 3_164_947],
      b3: [572, 44_072_128, 3_164_947],
      b4: [832, 60_842_688, 3_164_947],
      b5: [1052, 81_443_008, 3_164_947],
    };
    const sum = (sizes: ReadonlyMap<string, number>) => [...sizes.values()].reduce((a, b) => a + b, 0);
    for (const [size, { dims, blocks, width }] of Object.entries(MIT_SIZES)) {
      const numbers = { dims, blocks, heads: [1, 2, 5, 8], reductions: [8, 4, 2, 1], mlp_ratio: 4 } as const;
      const encoder = counting(), head = counting();
      tf.tidy(() => {
        mixTransformer(encoder.layers, encoderShape({ ...numbers, eps: PUBLISHED_EPSILONS }));
        segformerHead(head.layers, { dims, width, classes: 19, affine: true }, [3, 2, 1, 0]);
      });
      const found = [encoder.sizes.size, sum(encoder.sizes), sum(head.sizes)];
      assert.deepEqual(found, published[size as keyof typeof published], size);
    }
    const head = counting();
    const { dims } = MIT_SIZES.b5;
    tf.tidy(() => void daformerHead(head.layers, { dims, width: 256, classes: 19, affine: true }));
    assert.equal(sum(head.sizes), 3_712_275);
    return Promise.resolve();
  },
);
