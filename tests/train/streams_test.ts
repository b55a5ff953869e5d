/** Streams that are made from others: what they see, what they may return, and where gradients go. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { lastPhase, type PlannedStream } from "../../core/plan.ts";
import type { Images, LossPlan, Needs, StepContext, StreamPlan } from "../../core/plugin.ts";
import { passOf, runPass, tensorsOf } from "../../train/pass.ts";
import { assembled, crossEntropy, learning, lossPlan, planned, type TinyParts, tinyPlan } from "./fakes.ts";
import {
  averaging,
  batch,
  BATCHES,
  madeStream,
  network,
  plainSgd,
  scalarOf,
  stepOf,
  stepTest as test,
  tensorsAfter,
  valuesOf,
  withRun,
} from "./parts.ts";

const WHERE = 'stream "mixed" (./my_stream.ts, at streams.mixed)';

/** The mean of a stream's pixels. */
const brightness: LossPlan = {
  needs: { streams: ["mixed"] },
  create: () => ({ compute: (context) => ({ loss: tf.mean(context.images("mixed").pixels) as tf.Scalar }) }),
};

const copy: Parameters<typeof madeStream>[2] = (context) => context.images("source");

test("a made stream is seen as one that is read: a copy of the source trains the same network", async () => {
  const trained = (parts: TinyParts) =>
    withRun(parts, async (run) => {
      const { terms, total } = await stepOf(run);
      return [terms, total, valuesOf(run)];
    });
  const losses = (stream: string) => [planned("ce", learning(stream))];
  assert.deepEqual(
    await trained({ losses: losses("mixed"), streams: [madeStream("mixed", { streams: ["source"] }, copy)] }),
    await trained({ losses: losses("source") }),
  );
});

test("what a stream offers beside its pixels reaches who reads its images", async () => {
  let seen: Images | undefined;
  const stream = madeStream("mixed", { streams: ["source"] }, (context) => {
    const { pixels, labels } = context.images("source");
    const soft = tf.oneHot(labels!, 3) as tf.Tensor4D;
    const weights = tf.onesLike(tf.cast(labels!, "float32"));
    return {
      pixels,
      labels: labels!,
      soft: tf.cast(soft, "float32"),
      weights,
      values: { share: tf.scalar(0.5) },
    };
  });
  const term = {
    needs: { streams: ["mixed"] },
    create: () => ({
      compute(context: StepContext) {
        seen = context.images("mixed");
        return { loss: seen.values!["share"] as tf.Scalar };
      },
    }),
  };
  await withRun({ losses: [planned("share", term)], streams: [stream] }, async (run) => {
    assert.equal((await stepOf(run)).total, 0.5);
  });
  assert.deepEqual(Object.keys(seen!), ["pixels", "labels", "soft", "weights", "values"]);
});

test("random numbers follow from seed, step, pass and the reader's name", async () => {
  const drawn: string[] = [];
  const draw = (name: string): PlannedStream =>
    madeStream(name, { streams: ["source"] }, (context) => {
      drawn.push(`${name} ${context.random.next()} ${context.random.next()}`);
      return context.images("source");
    });
  const parts = (seed: number): TinyParts => ({
    seed,
    losses: [planned("a", learning("mixed")), planned("b", learning("other"))],
    streams: [draw("mixed"), draw("other")],
  });
  const once = async (seed: number) => {
    drawn.length = 0;
    await withRun(parts(seed), async (run) => {
      await stepOf(run, { passes: [BATCHES, BATCHES] });
      await stepOf(run, { step: 1 });
    });
    return [...drawn];
  };
  const first = await once(7);
  assert.equal(first.length, 6);
  const numbers = first.flatMap((line) => line.split(" ").slice(1));
  assert.equal(new Set(numbers).size, 12, "all differ");
  assert.deepEqual(await once(7), first);
  assert.ok((await once(8)).every((line) => !first.includes(line)));
});

/** Gradients of the last objective by the student's parameters, and those of joint owners. */
function gradientsOf(run: ReturnType<typeof assembled>) {
  const pass = runPass(run, BATCHES, passOf(run, run.terms, { step: 0, steps: 10, pass: 0 }));
  const read = (grads: readonly (tf.Tensor | null)[]) => grads.map((grad) => grad && [...grad.dataSync()]);
  const found = { student: read(pass.grads), owners: pass.owners.map(({ grads }) => read(grads)) };
  tf.dispose(tensorsOf(pass));
  return found;
}

test("the gradient does not reach the student through a stream's views", async () => {
  // Made of the student's logits, of its features and of its upsampled logits.
  const needs: Needs = { views: [{ stream: "target", taps: [{ name: "features" }], labelResolution: true }] };
  const stream = madeStream("mixed", needs, (context) => {
    const { logits, taps, upsampled } = context.view("target");
    return { pixels: tf.add(tf.add(logits, upsampled!), tf.slice(taps["features"]!, 0, [-1, -1, -1, 3])) };
  });
  await withRun({ losses: [planned("bright", brightness)], streams: [stream] }, (run) => {
    assert.deepEqual(gradientsOf(run).student, [null, null]);
  });
  // The control: a term that reads the view itself.
  const direct: LossPlan = {
    needs,
    create: () => ({
      compute: (context) => ({ loss: tf.mean(context.view("target").upsampled!) as tf.Scalar }),
    }),
  };
  const losses = [planned("bright", brightness), planned("direct", direct)];
  await withRun({ losses, streams: [stream] }, (run) => {
    assert.ok(gradientsOf(run).student.every((grad) => grad!.some((value) => value !== 0)));
  });
});

test("what the student sees of a stream of its own views is a constant image", async () => {
  let image: Float32Array | undefined;
  const streams = (fixed: boolean) => [
    madeStream(
      "mixed",
      fixed ? { streams: ["source"] } : { views: [{ stream: "source", labels: true }] },
      (context) => {
        if (fixed) {
          return {
            pixels: tf.tensor4d(image!, [2, 12, 12, 3]),
            labels: context.images("source").labels!,
          };
        }
        const { logits, labels } = context.view("source");
        image = logits.dataSync().slice() as Float32Array;
        return { pixels: logits, labels: labels! };
      },
    ),
  ];
  const losses = [planned("ce", learning("mixed"))];
  const own = await withRun({ losses, streams: streams(false) }, gradientsOf);
  assert.deepEqual(own, await withRun({ losses, streams: streams(true) }, gradientsOf));
});

/** Multiplies the source by a number that is learned jointly. */
function gained(start = 1): PlannedStream & { readonly plan: StreamPlan } {
  const owners = [{ name: "gain", optimizer: plainSgd, when: "joint" as const }];
  return madeStream("mixed", { streams: ["source"] }, copy, {
    owners,
    create(setup) {
      const value = scalarOf(setup, "factor", start);
      return {
        make(context) {
          const { pixels, labels } = context.images("source");
          return { pixels: tf.mul(pixels, value), labels: labels! };
        },
        owners: { gain: { params: [{ name: "factor", value, group: "gain" }] } },
      };
    },
  });
}

test("the gradient reaches a joint owner's parameters through a made stream's pixels", async () => {
  const losses = [planned("ce", learning("mixed"))];
  const value = (start: number) =>
    withRun({ losses, streams: [gained(start)] }, async (run) => (await stepOf(run)).total);
  const slope = (await value(1.02) - await value(0.98)) / 0.04;
  await withRun({ losses, streams: [gained()] }, async (run) => {
    assert.deepEqual(run.state.map(({ name }) => name).slice(-1), ["stream/mixed/owner/gain/factor"]);
    const gradient = gradientsOf(run).owners[0]![0];
    assert.ok(Math.abs(gradient![0]! / slope - 1) < 0.02, `${gradient} by ${slope}`);
    await stepOf(run);
    const [factor] = valuesOf(run).get("stream/mixed/owner/gain/factor")!;
    assert.ok(Math.abs(factor! - (1 - 0.1 * gradient![0]!)) < 1e-6);
  });
});

test("through a chain of streams too, and not where the term that needs them is left out", async () => {
  const chain = [gained(), madeStream("twice", { streams: ["mixed"] }, (context) => context.images("mixed"))];
  const losses = [planned("ce", lossPlan(crossEntropy)), planned("chain", learning("twice"))];
  await withRun({ losses, streams: chain }, (run) => {
    assert.equal(gradientsOf(run).owners.length, 1);
    const alone = runPass(run, BATCHES, passOf(run, [run.terms[0]!], { step: 0, steps: 1, pass: 0 }));
    assert.deepEqual(alone.owners, []);
    tf.dispose(tensorsOf(alone));
  });
});

test("an owner of a stream goes with the objective or not at all", () => {
  const owners = [{ name: "gain", optimizer: plainSgd, when: "before" as const }];
  assert.throws(() => assembled(tinyPlan({ streams: [madeStream("mixed", {}, copy, { owners })] })), {
    name: "LossError",
    message:
      `${WHERE} could not be created: its owner "gain" must be joint: nothing calls a stream before the update`,
  });
});

test("a stream's buffers are saved as they are", async () => {
  const create: StreamPlan["create"] = (setup) => {
    const count = setup.variable("count", tf.scalar(3), false);
    return { make: copy, buffers: { count } };
  };
  await withRun({ streams: [madeStream("mixed", { streams: ["source"] }, copy, { create })] }, (run) => {
    assert.deepEqual(valuesOf(run).get("stream/mixed/count"), [3]);
    assert.equal(run.state.find(({ name }) => name === "stream/mixed/count")!.free, true);
  });
});

test("the mean gradient of two passes is that of both, for a stream's owner too", async () => {
  const losses = [planned("ce", learning("mixed"))];
  const other = { ...BATCHES, source: batch(5, (k) => (k + 1) % 2) };
  const moved = (passes: (typeof BATCHES)[]) =>
    withRun({ losses, streams: [gained()] }, async (run) => {
      await stepOf(run, { passes });
      return valuesOf(run).get("stream/mixed/owner/gain/factor")![0]!;
    });
  const [a, b, both] = [await moved([BATCHES]), await moved([other]), await moved([BATCHES, other])];
  assert.ok(Math.abs(both - (a + b) / 2) < 1e-6, `${both} of ${a} and ${b}`);
});

test("the number of tensors stays the same over the steps, with streams of every kind", async () => {
  const streams = [
    gained(),
    madeStream("soft", { views: [{ stream: "target" }, { stream: "target", by: "teacher" }] }, (context) => ({
      pixels: tf.sub(context.view("target").logits, context.view("target", "teacher").logits),
      labels: tf.cast(tf.argMax(context.view("target").logits, 3), "int32") as tf.Tensor3D,
    })),
  ];
  const losses = [planned("a", learning("mixed")), planned("b", learning("soft")), planned("c", brightness)];
  const networks = [network("teacher", averaging)];
  await withRun({ losses, streams, networks }, async (run) => {
    assert.equal((await tensorsAfter(run, 5, { passes: [BATCHES, BATCHES] })).size, 1);
  });
});

test("a third labelled stream is one more dataset", () => {
  const { data, phases } = tinyPlan();
  const third: PlannedStream = { name: "few", at: [], origin: "", dataset: data.source, labels: true };
  const losses = [...phases[0]!.losses, planned("few", learning("few"))];
  const plan = tinyPlan({ losses, streams: [third] });
  assert.deepEqual(lastPhase(plan).streams.map(({ name }) => name), ["target", "source", "few"]);
  const run = assembled(plan);
  assert.deepEqual(run.reads, ["source", "few"]);
  run.dispose();
});
