/** Association and aggregation in blocks equal those with whole matrices, whatever the shapes and blocks. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { nativeMultiply } from "../../../backends/native/products.ts";
import { heapRows } from "../../../backends/wasm/rows.ts";
import { copiedProducts } from "../../../backends/wasm/products.ts";
import { aggregate } from "../../../ops/association/aggregation.ts";
import { associationLoss } from "../../../ops/association/loss.ts";
import { gradients } from "../../../ops/gradients.ts";
import { replaceKernels } from "../../../ops/kernels.ts";
import { portableRows } from "../../../ops/association/streaming/portable_rows.ts";
import type { RowKernels } from "../../../ops/association/streaming/row_kernels.ts";
import { Random } from "../../../core/random.ts";
import { Registry } from "../../../core/registry.ts";
import { similarities } from "../../../losses/mod.ts";
import { backendTest, relative } from "../../goldens.ts";
import { denseAggregate, denseAssociation } from "./dense.ts";

const registry = new Registry([...similarities]);
const IGNORE = 255;

interface Case {
  readonly images: number;
  readonly sourcePixels: number;
  readonly targetPixels: number;
  readonly channels: number;
  readonly blockRows: number;
  readonly tileSide: number;
  readonly contrast: boolean;
  readonly objective: "contrastive" | "direct";
  readonly seed: number;
}

const CASES: fc.Arbitrary<Case> = fc.record({
  images: fc.integer({ min: 1, max: 3 }),
  // The deviation of two to five similarities may come near 0 and enlarge rounding without bound.
  sourcePixels: fc.oneof(fc.constant(1), fc.integer({ min: 6, max: 40 })),
  targetPixels: fc.oneof(fc.constant(1), fc.integer({ min: 6, max: 40 })),
  channels: fc.integer({ min: 4, max: 9 }),
  blockRows: fc.integer({ min: 1, max: 45 }),
  tileSide: fc.integer({ min: 1, max: 45 }),
  contrast: fc.boolean(),
  objective: fc.constantFrom("contrastive" as const, "direct" as const),
  seed: fc.nat(1000),
});

function pixels(space: "real" | "simplex", shape: [number, number, number], random: Random): tf.Tensor3D {
  const values = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, () => 2 * random.normal());
  const x = tf.tensor3d(values, shape);
  return space === "real" ? x : tf.softmax(x);
}

/** The loss, its share of associated pixels and both gradients, target aggregated. */
function computed(name: string, one: Case, rows: RowKernels | undefined) {
  const similarity = registry.plan("similarity", name);
  const random = Random.stream(one.seed, "streaming");
  if (rows) {
    replaceKernels("wasm", {
      rows: { ...rows, blockRows: () => one.blockRows, tileSide: () => one.tileSide },
    });
  }
  const mix = rows ? aggregate : denseAggregate, associate = rows ? associationLoss : denseAssociation;
  return tf.tidy(() => {
    const { images, sourcePixels, targetPixels, channels, contrast, objective } = one;
    const source = pixels(similarity.accepts, [images, sourcePixels, channels], random);
    const target = pixels(similarity.accepts, [images, targetPixels, channels], random);
    const ids = Int32Array.from(
      { length: images * sourcePixels },
      () => [0, 1, 2, IGNORE][random.integer(0, 3)]!,
    );
    const labels = tf.tensor2d(ids, [images, sourcePixels], "int32");
    let share = -1;
    const { value, grads } = tf.valueAndGrads((s, t) => {
      const mixed = mix(t as tf.Tensor3D, { similarity, alpha: 0.5, contrast });
      const options = { similarity, contrast, objective, ignoreLabel: IGNORE };
      const { loss, associated } = associate([s as tf.Tensor3D, mixed], labels, options);
      share = associated.dataSync()[0]!;
      return loss;
    })([source, target]);
    return { loss: value.dataSync(), share, source: grads[0]!.dataSync(), target: grads[1]!.dataSync() };
  });
}

/** Up to rounding: the two add in different orders. */
function isClose(actual: ArrayLike<number>, expected: ArrayLike<number>): boolean {
  let difference = 0, norm = 0;
  for (let k = 0; k < expected.length; k++) {
    difference = Math.max(difference, Math.abs(actual[k]! - expected[k]!));
    norm = Math.max(norm, Math.abs(expected[k]!));
  }
  return difference <= 1e-4 * norm + 1e-7;
}

const ROWS = {
  portable: portableRows,
  wasm: heapRows(copiedProducts.multiply),
  native: heapRows(nativeMultiply),
};

for (const plugin of similarities) {
  for (const [how, rows] of Object.entries(ROWS)) {
    backendTest(
      "native",
      `${plugin.name}, ${how}: blocks of rows give what whole matrices give`,
      async () => {
        await fc.assert(
          fc.asyncProperty(CASES, (one) => {
            const whole = computed(plugin.name, one, undefined);
            const before = tf.memory().numTensors;
            const blocks = computed(plugin.name, one, rows);
            assert.equal(tf.memory().numTensors, before);
            assert.equal(blocks.share, whole.share);
            for (const what of ["loss", "source", "target"] as const) {
              assert.ok(isClose(blocks[what], whole[what]), `${what}: ${blocks[what]} and ${whole[what]}`);
            }
            return Promise.resolve();
          }),
          { numRuns: 40, seed: 1 },
        );
      },
    );
  }
}

backendTest(
  "native",
  "source pixels that are nearly alike have the gradients that whole matrices give",
  () => {
    const registered = registry.plan("similarity", "cosine");
    replaceKernels("wasm", { rows: ROWS.native });
    for (const [pixels, channels] of [[81, 64], [289, 256]] as const) {
      const random = Random.stream(pixels, "alike");
      const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal());
      tf.tidy(() => {
        const base = tf.tensor3d(normals(channels), [1, 1, channels]);
        const noise = tf.tensor3d(normals(pixels * channels), [1, pixels, channels]);
        const source = tf.add(base, tf.mul(noise, 1e-4)) as tf.Tensor3D;
        const target = tf.tensor3d(normals(pixels * channels), [1, pixels, channels]);
        const labels = tf.zeros([1, pixels], "int32") as tf.Tensor2D;
        const options = {
          similarity: registered,
          contrast: true,
          objective: "contrastive" as const,
          ignoreLabel: IGNORE,
        };
        const [streamed, whole] = [associationLoss, denseAssociation].map((associate) =>
          gradients(() => associate([source, target], labels, options).loss, [source, target]).grads
        );
        for (const k of [0, 1]) {
          const error = relative(
            streamed![k]!.dataSync() as Float32Array,
            whole![k]!.dataSync() as Float32Array,
          );
          assert.ok(error < 0.02, `${pixels} pixels, input ${k}: off by ${error}`);
        }
      });
    }
    return Promise.resolve();
  },
);
