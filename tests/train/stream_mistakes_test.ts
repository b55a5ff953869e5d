/** What is read without being declared, and what a stream must not return: who did it is named, and nothing changes. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { LossError } from "../../core/errors.ts";
import type { Images, LossPlan, Needs, StepContext } from "../../core/plugin.ts";
import { assembled, crossEntropy, lossPlan, planned, SIDE, tinyPlan } from "./fakes.ts";
import { batch, BATCHES, madeStream, network, stepOf, stepTest as test, valuesOf, withRun } from "./parts.ts";

const WHERE = 'stream "mixed" (./my_stream.ts, at streams.mixed)';

/** The mean of a stream's pixels. */
const brightness: LossPlan = {
  needs: { streams: ["mixed"] },
  create: () => ({ compute: (context) => ({ loss: tf.mean(context.images("mixed").pixels) as tf.Scalar }) }),
};

const reads: { what: string; needs?: Needs; read: (context: StepContext) => unknown; message: string }[] = [
  {
    what: "a view",
    read: (context) => context.view("target"),
    message: 'reads the view of "target" by "student" without declaring it in needs.views',
  },
  {
    what: "the source",
    read: (context) => context.source,
    message: 'reads the view of "source" by "student" without declaring it in needs.views',
  },
  {
    what: "another network's view",
    needs: { views: [{ stream: "target" }] },
    read: (context) => context.view("target", "teacher"),
    message: 'reads the view of "target" by "teacher" without declaring it in needs.views',
  },
  {
    what: "images",
    needs: { views: [{ stream: "target" }] },
    read: (context) => [context.images("target"), context.images("source")],
    message: 'reads the images of "source" without declaring it in needs.streams',
  },
  {
    what: "parameters",
    needs: { parameters: ["student"] },
    read: (context) => [context.parameters("student"), context.parameters("teacher")],
    message: 'reads the parameters of "teacher" without declaring it in needs.parameters',
  },
  {
    what: "a tap",
    needs: { views: [{ stream: "target", taps: [{ name: "logits" }] }] },
    read: (context) => [context.view("target").taps["logits"], context.view("target").taps["features"]],
    message: 'reads the tap "features" without declaring it in needs.taps',
  },
  {
    what: "labels that the stream has not",
    needs: { views: [{ stream: "target", labels: true }] },
    read: (context) => context.view("target"),
    message: 'reads the labels of "target", whose images came without labels',
  },
];

for (const { what, needs = {}, read, message } of reads) {
  test(`${what}: who did not declare it is named, a term or a stream, and nothing changes`, async () => {
    const term: LossPlan = {
      needs,
      create: () => ({
        compute(context) {
          read(context);
          return { loss: tf.scalar(0) };
        },
      }),
    };
    const stream = madeStream("mixed", { ...needs, streams: ["target"] }, (context) => {
      read(context);
      return context.images("target");
    });
    const losses = [planned("ce", lossPlan(crossEntropy))];
    const networks = [network("teacher")];
    for (
      const [who, parts] of [
        ['loss "mine" (./my_loss.ts, at losses[2])', {
          losses: [...losses, planned("mine", term)],
          networks,
        }],
        [WHERE, { losses: [...losses, planned("bright", brightness)], networks, streams: [stream] }],
      ] as const
    ) {
      await withRun(parts, async (run) => {
        const before = valuesOf(run), tensors = tf.memory().numTensors;
        await assert.rejects(stepOf(run), { name: "LossError", message: `${who} ${message}` });
        assert.deepEqual(valuesOf(run), before);
        assert.equal(tf.memory().numTensors, tensors, "tensors leaked");
      });
    }
  });
}

const EXPECTED = "expected {pixels: float32 [N, H, W, 3], labels: int32 [N, H, W]}";
const pixels = () => tf.zeros([2, 4, 4, 3]) as tf.Tensor4D;

const wrong: { what: string; make: () => unknown; message: string }[] = [
  {
    what: "throws",
    make: () => {
      throw new TypeError("no such image");
    },
    message: "threw: no such image",
  },
  {
    what: "is asynchronous",
    make: () => Promise.resolve(),
    message: "returned a Promise; make must be synchronous",
  },
  { what: "returns nothing", make: () => undefined, message: `returned undefined; ${EXPECTED}` },
  { what: "returns a bare tensor", make: pixels, message: `returned a bare tensor; ${EXPECTED}` },
  {
    what: "has no pixels",
    make: () => ({}),
    message: `returned no tensor (undefined) as pixels; ${EXPECTED}`,
  },
  {
    what: "returns numbers",
    make: () => ({ pixels: [1, 2] }),
    message: `returned no tensor (a object) as pixels; ${EXPECTED}`,
  },
  {
    what: "returns a disposed tensor",
    make: () => {
      const made = pixels();
      made.dispose();
      return { pixels: made };
    },
    message: `returned a tensor that is already disposed as pixels; ${EXPECTED}`,
  },
  {
    what: "returns one image",
    make: () => ({ pixels: tf.zeros([4, 4, 3]) }),
    message: "returned float32 [4, 4, 3] as pixels, expected float32 of rank 4",
  },
  {
    what: "returns labels that are no integers",
    make: () => ({ pixels: pixels(), labels: tf.zeros([2, 4, 4]) }),
    message: "returned float32 [2, 4, 4] as labels, expected int32 of rank 3",
  },
  {
    what: "returns distributions of rank 3",
    make: () => ({ pixels: pixels(), soft: tf.zeros([2, 4, 4]) }),
    message: "returned float32 [2, 4, 4] as soft, expected float32 of rank 4",
  },
  {
    what: "returns distributions over other classes",
    make: () => ({ pixels: pixels(), soft: tf.zeros([2, 4, 4, 5]) }),
    message: "returned float32 [2, 4, 4, 5] as soft, expected 3 channels, one for each class",
  },
  {
    what: "returns grey images",
    make: () => ({ pixels: tf.zeros([2, 4, 4, 1]) }),
    message: "returned float32 [2, 4, 4, 1] as pixels, expected 3 channels",
  },
  {
    what: "returns other sizes",
    make: () => ({ pixels: pixels(), weights: tf.zeros([2, 4, 5]) }),
    message: "returned tensors of different sizes (2x4x4, 2x4x5); expected one N x H x W",
  },
  {
    what: "offers a number",
    make: () => ({ pixels: pixels(), values: { share: 1 } }),
    message: "returned no tensor (a number) as values.share; expected a tensor",
  },
];

for (const { what, make, message } of wrong) {
  test(`a stream that ${what} is named, and nothing changes`, async () => {
    const stream = madeStream("mixed", {}, make as () => Images);
    const losses = [planned("ce", lossPlan(crossEntropy)), planned("bright", brightness)];
    await withRun({ losses, streams: [stream] }, async (run) => {
      const before = valuesOf(run), tensors = tf.memory().numTensors;
      await assert.rejects(stepOf(run), (error: unknown) => {
        assert.ok(error instanceof LossError);
        assert.equal(error.message, `${WHERE} ${message}`);
        return true;
      });
      assert.deepEqual(valuesOf(run), before);
      assert.equal(tf.memory().numTensors, tensors, "tensors leaked");
    });
  });
}

const notFinite: Record<string, { make: (context: StepContext) => Images; message: string }> = {
  pixels: {
    make: ({ images }) => ({ pixels: tf.mul(images("source").pixels, NaN) }),
    message: "pixels that are NaN",
  },
  soft: {
    make: ({ images }) => ({ ...images("source"), soft: tf.fill([2, SIDE, SIDE, 3], -Infinity) }),
    message: "soft labels that are infinite",
  },
  weights: {
    make: ({ images }) => ({ ...images("source"), weights: tf.fill([2, SIDE, SIDE], NaN) }),
    message: "weights that are NaN",
  },
  share: {
    make: ({ images }) => ({ ...images("source"), values: { share: tf.scalar(NaN) } }),
    message: "share that are NaN",
  },
};

for (const [what, { make, message }] of Object.entries(notFinite)) {
  test(`a stream whose ${what} are not finite is named, in the second pass as well`, async () => {
    const term: LossPlan = {
      needs: { views: [{ stream: "mixed" }], streams: ["mixed"] },
      create: () => ({
        compute({ images, view }) {
          const { soft, weights, values } = images("mixed");
          const all = [view("mixed").logits, soft, weights, values?.["share"]];
          return { loss: tf.addN(all.flatMap((x) => x ? [tf.mean(x)] : [])) as tf.Scalar };
        },
      }),
    };
    let made = 0;
    const stream = madeStream("mixed", { streams: ["source"] }, (context) => {
      // The images of the first pass are sound.
      const sound = context.images("source").pixels.dataSync()[0] === BATCHES["source"]!.images[0];
      made++;
      return sound ? context.images("source") : make(context);
    });
    await withRun({ losses: [planned("mine", term)], streams: [stream] }, async (run) => {
      const before = valuesOf(run), tensors = tf.memory().numTensors;
      const passes = [BATCHES, { ...BATCHES, source: batch(5, (k) => k % 2) }];
      await assert.rejects(stepOf(run, { passes }), {
        name: "LossError",
        message: `loss "mine" (./my_loss.ts, at losses[2]) is ${
          message.split(" ").at(-1)
        } at step 1: the ${WHERE} has ${message}`,
      });
      assert.deepEqual([made, valuesOf(run)], [3, before]);
      assert.equal(tf.memory().numTensors, tensors, "tensors leaked");
    });
  });
}

test("a stream that cannot be created is named and nothing stays allocated", () => {
  const before = tf.memory().numTensors;
  const create = () => {
    throw new Error("no such file");
  };
  const streams = [madeStream("mixed", {}, (context) => context.images("source"), { create })];
  assert.throws(() => assembled(tinyPlan({ streams })), {
    name: "LossError",
    message: `${WHERE} could not be created: no such file`,
  });
  assert.equal(tf.memory().numTensors, before);
});
