/** Association and aggregation on the device, in blocks, give what whole matrices give; on a backend of choice. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { aggregate } from "../../ops/association/aggregation.ts";
import { associationLoss } from "../../ops/association/loss.ts";
import type { DeviceRowKernels } from "../../ops/association/device/row_kernels.ts";
import { replaceKernels } from "../../ops/kernels.ts";
import type { BackendName } from "../../core/plan.ts";
import type { Similarity } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { Registry } from "../../core/registry.ts";
import { similarities } from "../../losses/mod.ts";
import { backendTest } from "../goldens.ts";
import { denseAggregate, denseAssociation } from "../ops/association/dense.ts";

const registry = new Registry([...similarities]);
const IGNORE = 255;

interface Case {
  readonly images: number;
  readonly sourcePixels: number;
  readonly targetPixels: number;
  readonly channels: number;
  /** Into how many blocks the longer side is cut. Every block takes a dozen shaders, whatever its size. */
  readonly blocks: number;
  readonly contrast: boolean;
  readonly objective: "contrastive" | "direct";
  readonly seed: number;
}

const CASES: fc.Arbitrary<Case> = fc.record({
  images: fc.integer({ min: 1, max: 3 }),
  // The deviation of two to five similarities may come near 0 and enlarge rounding without bound.
  sourcePixels: fc.oneof(fc.constant(1), fc.integer({ min: 6, max: 40 })),
  targetPixels: fc.oneof(fc.constant(1), fc.integer({ min: 6, max: 150 })),
  channels: fc.integer({ min: 4, max: 9 }),
  blocks: fc.integer({ min: 1, max: 8 }),
  contrast: fc.boolean(),
  objective: fc.constantFrom("contrastive" as const, "direct" as const),
  seed: fc.nat(1000),
});

const ONE: Case = {
  images: 2,
  sourcePixels: 20,
  targetPixels: 30,
  channels: 5,
  blocks: 5,
  contrast: true,
  objective: "contrastive",
  seed: 3,
};

/** Every similarity of the list, and one that says of itself only what it computes. */
function ways(): (readonly [string, Similarity])[] {
  const named = similarities.map(({ name }) => [name, registry.plan("similarity", name)] as const);
  const { product: _, ...bare } = named[0]![1];
  return [...named, [`${named[0]![0]} without factors`, bare]];
}

function pixels(space: "real" | "simplex", shape: [number, number, number], random: Random): tf.Tensor3D {
  const values = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, () => 2 * random.normal());
  return tf.tidy(() =>
    space === "real" ? tf.tensor3d(values, shape) : tf.softmax(tf.tensor3d(values, shape))
  );
}

function inputsOf({ accepts }: Similarity, { seed, images, sourcePixels, targetPixels, channels }: Case) {
  const random = Random.stream(seed, "streaming");
  const source = pixels(accepts, [images, sourcePixels, channels], random);
  const target = pixels(accepts, [images, targetPixels, channels], random);
  const ids = Int32Array.from(
    { length: images * sourcePixels },
    () => [0, 1, 2, IGNORE][random.integer(0, 3)]!,
  );
  return { source, target, labels: tf.tensor2d(ids, [images, sourcePixels], "int32") };
}

interface Computed {
  readonly loss: Float32Array;
  readonly share: Float32Array;
  readonly mixed: Float32Array;
  readonly source: Float32Array;
  readonly target: Float32Array;
}

/** The loss, its share of associated pixels, the aggregated target and both gradients. */
async function compute(
  similarity: Similarity,
  { contrast, objective }: Case,
  { source, target, labels, dense }: ReturnType<typeof inputsOf> & { readonly dense: boolean },
): Promise<Computed> {
  const mix = dense ? denseAggregate : aggregate, associate = dense ? denseAssociation : associationLoss;
  const results = tf.tidy(() => {
    let share: tf.Tensor | undefined, mixed: tf.Tensor | undefined;
    const { value, grads } = tf.valueAndGrads((s, t) => {
      const candidates = mix(t as tf.Tensor3D, { similarity, alpha: 0.5, contrast });
      const options = { similarity, contrast, objective, ignoreLabel: IGNORE };
      const { loss, associated } = associate([s as tf.Tensor3D, candidates], labels, options);
      share = tf.keep(tf.clone(associated));
      mixed = tf.keep(tf.clone(candidates));
      return loss;
    })([source, target]);
    return { loss: value, share: share!, mixed: mixed!, source: grads[0]!, target: grads[1]! };
  });
  const read = await Promise.all(Object.entries(results).map(async ([key, x]) => [key, await x.data()]));
  tf.dispose(results);
  return Object.fromEntries(read) as Computed;
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

/** `rows` in blocks of the given size. */
export type RowsOf = (blockRows: number) => DeviceRowKernels;

/** Registers the tests on `backend`; `id` is what TensorFlow.js calls it. */
export function testDeviceStreaming(backend: BackendName, rows: RowsOf, numRuns: number): void {
  const use = ({ sourcePixels, targetPixels, blocks }: Case) => {
    const blockRows = Math.ceil(Math.max(sourcePixels, targetPixels) / blocks);
    replaceKernels(backend, { deviceRows: rows(blockRows) });
  };

  for (const [name, similarity] of ways()) {
    backendTest(backend, `${name}: blocks on the device give what whole matrices give`, async () => {
      const property = fc.asyncProperty(CASES, async (one) => {
        use(one);
        const before = tf.memory().numTensors;
        const inputs = inputsOf(similarity, one);
        const whole = await compute(similarity, one, { ...inputs, dense: true });
        const blocks = await compute(similarity, one, { ...inputs, dense: false });
        tf.dispose({ ...inputs });
        assert.equal(tf.memory().numTensors, before, "tensors leaked");
        for (const what of ["loss", "share", "mixed", "source", "target"] as const) {
          assert.ok(isClose(blocks[what], whole[what]), `${what}: ${blocks[what]} and ${whole[what]}`);
        }
      });
      await fc.assert(property, { numRuns, seed: 1 });
    });

    backendTest(
      backend,
      `${name}: without a label on the device the loss and its gradient are 0`,
      async () => {
        use(ONE);
        const { labels, ...images } = inputsOf(similarity, ONE);
        const ignored = tf.fill(labels.shape, IGNORE, "int32") as tf.Tensor2D;
        const result = await compute(similarity, ONE, { ...images, labels: ignored, dense: false });
        tf.dispose([labels, ignored, images]);
        assert.ok(result.loss[0] === 0 && result.share[0] === 0, `${result.loss}, ${result.share}`);
        assert.ok([...result.source, ...result.target].every((value) => value === 0));
      },
    );
  }

  backendTest(
    backend,
    "a source pixel that cannot be compared makes the loss on the device NaN",
    async () => {
      use(ONE);
      for (const objective of ["contrastive", "direct"] as const) {
        const loss = await lossWithout({ ...ONE, objective }, "source");
        assert.ok(Number.isNaN(loss.withNaN), `${objective}: ${loss.withNaN}`);
      }
    },
  );

  backendTest(
    backend,
    "a target pixel that cannot be compared is nobody's choice on the device",
    async () => {
      use(ONE);
      const { withNaN, without } = await lossWithout({ ...ONE, objective: "direct" }, "target");
      assert.ok(isClose([withNaN], [without]), `${withNaN} and ${without}`);
      assert.ok(without !== 0);
      // Contrast normalisation spreads it over every row.
      assert.ok(Number.isNaN((await lossWithout(ONE, "target")).withNaN));
    },
  );
}

/** The loss where the first pixel of a side is NaN, and where it is not there. */
async function lossWithout(one: Case, side: "source" | "target") {
  const similarity = ways()[0]![1];
  const { source, target, labels } = inputsOf(similarity, { ...one, images: 1 });
  const options = { similarity, contrast: true, objective: one.objective, ignoreLabel: IGNORE };
  const rest = (x: tf.Tensor3D) => tf.slice(x, [0, 1, 0], [1, x.shape[1] - 1, x.shape[2]]);
  const spoilt = (x: tf.Tensor3D) => tf.concat([tf.fill([1, 1, x.shape[2]], NaN), rest(x)], 1) as tf.Tensor3D;
  const losses = tf.tidy(() => {
    const change = (f: (x: tf.Tensor3D) => tf.Tensor3D): [tf.Tensor3D, tf.Tensor3D] =>
      side === "source" ? [f(source), target] : [source, f(target)];
    const kept = side === "source" ? tf.slice(labels, [0, 1], [1, labels.shape[1] - 1]) : labels;
    return [
      associationLoss(change(spoilt), labels, options).loss,
      associationLoss(change(rest), kept, options).loss,
    ];
  });
  const [withNaN, without] = await Promise.all(losses.map(async (loss) => (await loss.data())[0]!));
  tf.dispose([losses, source, target, labels]);
  return { withNaN: withNaN!, without: without! };
}
