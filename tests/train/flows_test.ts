/** Gradients through views that are constants unless they are asked for; what passes draw; owners' first steps; what begins a phase. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { passOf, runPass, tensorsOf } from "../../train/pass.ts";
import { trainStep } from "../../train/step.ts";
import type { LossPlan, Segmenter } from "../../core/plugin.ts";
import { crossEntropy, lossPlan, optimizerPlan, planned, tinyModel, tinyPlan } from "./fakes.ts";
import { BATCHES, madeStream, network, plainSgd, scalarOf, stepTest, withRun } from "./parts.ts";
import { go, pathTest } from "./runs.ts";

const AT = { step: 0, steps: 4, pass: 0 };

/** The mean of a stream's pixels. */
const meanOf = (stream: string): LossPlan => ({
  needs: { streams: [stream] },
  create: () => ({ compute: (ctx) => ({ loss: tf.mean(ctx.images(stream).pixels) as tf.Scalar }) }),
});

/** The mean of what a network beside the student makes of a stream. */
const seenBy = (by: string, stream: string, flows: boolean): LossPlan => ({
  needs: { views: [{ stream, by, ...flows ? { flows } : {} }] },
  create: () => ({
    compute: (ctx) => ({ loss: tf.mean(tf.square(ctx.view(stream, by).logits)) as tf.Scalar }),
  }),
});

/** The source times a factor of its own and the student's features of it. */
const made = (flows: boolean) =>
  madeStream(
    "made",
    {
      streams: ["source"],
      views: [{ stream: "source", taps: [{ name: "features" }], ...flows ? { flows } : {} }],
    },
    (ctx) => ctx.images("source"),
    {
      owners: [{ name: "gain", when: "joint", optimizer: plainSgd }],
      create(setup) {
        const factor = scalarOf(setup, "factor", 1);
        return {
          make(ctx) {
            const features = tf.mean(ctx.view("source").taps["features"]!);
            return { pixels: tf.mul(tf.mul(ctx.images("source").pixels, factor), features) };
          },
          owners: { gain: { params: [{ name: "factor", value: factor, group: "gain" }] } },
        };
      },
    },
  );

/** Whether anything of the student, and of the stream's owner, has a gradient other than 0. */
async function reached(flowsInto: { readonly maker: boolean; readonly network: boolean }) {
  const losses = [planned("seen", seenBy("frozen", "made", flowsInto.network))];
  return await withRun({ losses, streams: [made(flowsInto.maker)], networks: [network("frozen")] }, (run) => {
    const pass = runPass(run, BATCHES, passOf(run, run.terms, AT));
    const moves = (grads: readonly (tf.Tensor | null)[]) =>
      grads.some((grad) => grad?.dataSync().some((value) => value !== 0));
    const found = { student: moves(pass.grads), owner: moves(pass.owners[0]!.grads) };
    tf.dispose(tensorsOf(pass));
    return found;
  });
}

for (
  const [maker, into, student, owner] of [
    [false, false, false, false],
    [false, true, false, true],
    [true, true, true, true],
    [true, false, false, false],
  ] as const
) {
  const asks = `${maker ? "asks" : "does not ask"}, the term ${into ? "does" : "does not"}`;
  stepTest(`gradients through a network that nothing trains: the maker ${asks}`, async () => {
    assert.deepEqual(await reached({ maker, network: into }), { student, owner });
  });
}

stepTest("a maker that lets gradients flow passes them on to the student", async () => {
  for (const flows of [false, true]) {
    await withRun({ losses: [planned("mean", meanOf("made"))], streams: [made(flows)] }, (run) => {
      const pass = runPass(run, BATCHES, passOf(run, run.terms, AT));
      assert.equal(pass.grads.some((grad) => grad !== null), flows);
      tf.dispose(tensorsOf(pass));
    });
  }
});

stepTest("an owner's first update, and those after it", async () => {
  for (const [first, expected] of [[0, [0, 2, 4]], [1, [1, 3, 5]], [undefined, [1, 3, 5]]] as const) {
    const steps: number[] = [];
    const owners = [{ name: "o", optimizer: plainSgd, every: 2, ...first === undefined ? {} : { first } }];
    const plan: LossPlan = {
      needs: { taps: [], target: false },
      owners,
      create(setup) {
        const value = scalarOf(setup, "value", 1);
        return {
          compute: (ctx) => crossEntropy(ctx),
          owners: {
            o: {
              params: [{ name: "value", value, group: "o" }],
              compute: () => ({ loss: tf.square(value) }),
            },
          },
        };
      },
    };
    await withRun({ losses: [planned("ce", plan)] }, async (run) => {
      for (let step = 0; step < 6; step++) {
        const { terms } = await trainStep(run, { step, steps: 6, multiplier: 1, passes: [BATCHES] });
        if ("ce/o" in terms) steps.push(step);
      }
    });
    assert.deepEqual(steps, [...expected]);
  }
});

stepTest(
  "passes of what is trained draw anew at every step, the same at the same one; others draw nothing",
  async () => {
    const drawn: Record<string, readonly number[]> = {};
    const drawing = (name: string) => ({
      ...tinyModel,
      create(setup: Parameters<typeof tinyModel.create>[0]): Segmenter {
        const tiny = tinyModel.create(setup);
        return {
          ...tiny,
          forward(batches, mode) {
            drawn[name] = mode.random?.map((random) => random.next()) ?? [];
            return tiny.forward(batches, mode);
          },
        };
      },
    });
    const losses = [planned("seen", {
      needs: { views: [{ stream: "target" }, { stream: "source" }, { stream: "target", by: "teacher" }] },
      create: () => ({ compute: (ctx) => ({ loss: tf.mean(ctx.view("target").logits) as tf.Scalar }) }),
    })];
    const networks = [network("teacher", { training: true }, { model: drawing("teacher") })];
    const model = { type: "tiny", plan: drawing("student") };
    await withRun({ losses, networks, model }, (run) => {
      const at = (step: number) => {
        tf.dispose(tensorsOf(runPass(run, BATCHES, passOf(run, run.terms, { ...AT, step }))));
        return drawn["student"]!;
      };
      const first = at(0);
      assert.equal(first.length, 2);
      assert.notEqual(first[0], first[1]);
      assert.deepEqual(at(0), first);
      assert.notDeepEqual(at(1), first);
      assert.deepEqual(drawn["teacher"], []);
      run.segmenter.forward([tf.zeros([1, 4, 4, 3])], { training: false });
      assert.deepEqual(drawn["student"], []);
    });
  },
);

/** Counts, in a buffer, the images of a stream that `begin` saw. */
const beginning = (stream: string, calls: string[]): LossPlan => ({
  needs: { taps: [], target: false },
  create(setup) {
    const seen = setup.variable("seen", tf.scalar(0), false);
    return {
      buffers: { seen },
      hooks: {
        async begin(tools) {
          calls.push("begin");
          let images = 0;
          for await (const { ids, labels, size } of tools.batches(stream)) {
            images += ids.length;
            assert.equal(labels!.length, size[0] * size[1]);
          }
          seen.assign(tf.scalar(images));
          tools.note(`${images} images`);
        },
      },
      compute: (ctx) => crossEntropy(ctx),
    };
  },
});

pathTest("begin is called before the first step, and not when a run goes on", async (folder) => {
  const calls: string[] = [];
  const plan = tinyPlan({ losses: [planned("mine", beginning("source", calls))] }, { steps: 3 });
  const first = await go(folder, plan, (event) => event.type === "step" && event.step === 1);
  assert.deepEqual(
    first.events.filter(({ type }) => type === "note").map((event) => "message" in event && event.message),
    [
      "loss mine: 4 images",
    ],
  );
  await go(folder, plan);
  assert.deepEqual(calls, ["begin"]);
});

pathTest(
  "a begin that goes through images which are not read, or throws, ends the run by name",
  async (folder) => {
    const plan = tinyPlan({ losses: [planned("mine", beginning("target", []))] });
    await assert.rejects(go(folder, plan), {
      message:
        'loss "mine" (./my_loss.ts, at losses[2]) goes through the images of "target", which this phase does not read',
    });
    const broken = lossPlan(crossEntropy, {
      hooks: { begin: () => Promise.reject(new Error("no such thing")) },
    });
    await assert.rejects(
      go(folder, tinyPlan({ losses: [planned("mine", broken)], optimizer: optimizerPlan({}) })),
      {
        message: 'loss "mine" (./my_loss.ts, at losses[2]) threw in its begin hook: no such thing',
      },
    );
  },
);
