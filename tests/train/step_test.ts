import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { LossError, UserError } from "../../core/errors.ts";
import type { PlannedLoss } from "../../core/plan.ts";
import type { LossOutput, StepContext } from "../../core/plugin.ts";
import type { Batch } from "../../datasets/loader.ts";
import type { Run } from "../../train/assemble.ts";
import { trainStep } from "../../train/step.ts";
import { batch, stepTest as test, valuesOf } from "./parts.ts";
import { assembled, crossEntropy, lossPlan, optimizerPlan, planned, SIDE, tinyPlan } from "./fakes.ts";

const source = batch(1, (k) => k % 2);
const target = batch(2);
const where = 'loss "mine" (./my_loss.ts, at losses[2])';

function values(run: Run): number[] {
  return [...valuesOf(run).values()].flat();
}

async function step(losses: PlannedLoss[], more: { multiplier?: number; accumulated?: Batch[] } = {}) {
  const run = assembled(tinyPlan({ losses }));
  const passes = (more.accumulated ?? [source]).map((source) => ({ source, target }));
  try {
    const result = await trainStep(run, { step: 0, steps: 10, passes, multiplier: more.multiplier ?? 1 });
    return { result, values: values(run) };
  } finally {
    run.dispose();
  }
}

test("a step reports each term without its weight, its logs, and the weighted sum", async () => {
  const constant = lossPlan(() => ({ loss: tf.scalar(3), logs: { share: tf.scalar(0.25) } }));
  const { result } = await step([planned("a", constant, 2), planned("b", constant, 0.5)]);
  assert.deepEqual(result, { terms: { a: 3, "a/share": 0.25, b: 3, "b/share": 0.25 }, total: 7.5 });
});

test("the mean gradient of two passes equals the gradient of both batches", async () => {
  const ce = [planned("ce", lossPlan(crossEntropy))];
  const other = batch(5, (k) => (k + 1) % 2);
  const alone = await Promise.all([source, other].map((one) => step(ce, { accumulated: [one] })));
  const both = await step(ce, { accumulated: [source, other] });
  const terms = alone.map(({ result }) => result.terms["ce"]!);
  assert.ok(Math.abs(both.result.terms["ce"]! - (terms[0]! + terms[1]!) / 2) < 1e-6);
  assert.ok(Math.abs(both.result.total - both.result.terms["ce"]!) < 1e-6, "the total is a mean over passes");
  // Without momentum's history the update is linear in the gradient: the mean of the two updates. Running
  // statistics, which are not, come after the two filters.
  const count = 3 * 3 * 3 * 6 + 6 * 3;
  for (let k = 0; k < count; k++) {
    assert.ok(
      Math.abs(both.values[k]! - (alone[0]!.values[k]! + alone[1]!.values[k]!) / 2) < 1e-5,
      `at ${k}`,
    );
  }
});

test("the target is forwarded before the source, and only if a term needs it", async () => {
  const seen: string[] = [];
  const plan = tinyPlan();
  const model = {
    ...plan.model.plan,
    create: (setup: Parameters<typeof plan.model.plan.create>[0]) => {
      const made = plan.model.plan.create(setup);
      const forward: typeof made.forward = (batches, mode) => {
        // The two differ in their first pixel.
        const names = batches.map((images) =>
          images.dataSync()[0] === target.images[0] ? "target" : "source"
        );
        seen.push(...names.map((name) => `${name} ${mode.training}`));
        return made.forward(batches, mode);
      };
      return { ...made, forward };
    },
  };
  const run = assembled(tinyPlan({
    model: { type: "spy", plan: model },
    losses: [planned("both", { needs: { taps: [] }, create: () => ({ compute: crossEntropy }) })],
  }));
  assert.deepEqual(run.reads, ["target", "source"]);
  await trainStep(run, { step: 0, steps: 1, passes: [{ source, target }], multiplier: 1 });
  assert.deepEqual(seen, ["target true", "source true"]);
  run.dispose();
  const alone = assembled(plan);
  assert.deepEqual(alone.reads, ["source"]);
  alone.dispose();
});

test("a term gets labels, the target, and upsampled logits when it asks", async () => {
  let seen: Record<string, unknown> = {};
  const compute = (context: StepContext) => {
    const { labels, upsampled } = context.source;
    seen = {
      step: context.step,
      steps: context.steps,
      ignore: context.ignoreLabel,
      labels: [labels.dtype, labels.shape],
      upsampled: upsampled?.shape,
      target: context.target!.taps["features"]!.shape,
    };
    return crossEntropy(context);
  };
  const plan = {
    needs: { taps: [{ name: "features", at: [] }], labelResolution: true },
    create: () => ({ compute }),
  };
  await step([planned("mine", plan)]);
  assert.deepEqual(seen, {
    step: 0,
    steps: 10,
    ignore: 255,
    labels: ["int32", [2, SIDE, SIDE]],
    upsampled: [2, SIDE, SIDE, 3],
    target: [2, SIDE, SIDE, 6],
  });
});

test("a term gets a tap at the labels' resolution where it asked for it, and only there", async () => {
  let seen: unknown;
  const needs = {
    views: [{ stream: "source", taps: [{ name: "features", labelResolution: true }, { name: "logits" }] }],
  };
  const reading = (tap: string) => ({
    needs,
    create: () => ({
      compute(context: StepContext) {
        const view = context.view("source");
        seen = [view.upsampledTaps![tap]!.shape, view.upsampled];
        return { loss: tf.mean(view.upsampledTaps![tap]!) as tf.Scalar };
      },
    }),
  });
  await step([planned("mine", reading("features"))]);
  assert.deepEqual(seen, [[2, SIDE, SIDE, 6], undefined]);
  await assert.rejects(step([planned("mine", reading("logits"))]), {
    name: "LossError",
    message: `${where} reads the tap "logits" at the labels' resolution without declaring it in needs.taps`,
  });
});

test("a batch without a single labelled pixel goes through", async () => {
  const { result } = await step([planned("ce", lossPlan(crossEntropy))], {
    accumulated: [batch(1, () => 255)],
  });
  assert.deepEqual(result, { terms: { ce: 0 }, total: 0 });
});

test("a term that depends on no weight leaves the weights as they are", async () => {
  const run = assembled(tinyPlan({ losses: [planned("one", lossPlan(() => ({ loss: tf.scalar(1) })))] }));
  const before = [...run.segmenter.params[0]!.value.dataSync()];
  await trainStep(run, { step: 0, steps: 1, passes: [{ source }], multiplier: 1 });
  assert.deepEqual([...run.segmenter.params[0]!.value.dataSync()], before);
  run.dispose();
});

type Compute = (context: StepContext) => unknown;

const broken: { name: string; compute: Compute; message: string }[] = [
  {
    name: "throws",
    compute: () => {
      throw new TypeError("labels is not a function");
    },
    message: `${where} threw: labels is not a function`,
  },
  {
    name: "returns nothing",
    compute: () => undefined,
    message: `${where} returned undefined; expected {loss: a float32 scalar tensor}`,
  },
  {
    name: "returns a number",
    compute: () => ({ loss: 3 }),
    message: `${where} returned no tensor (a number); expected {loss: a float32 scalar tensor}`,
  },
  {
    name: "returns an object without a loss",
    compute: () => ({}),
    message: `${where} returned no tensor (undefined); expected {loss: a float32 scalar tensor}`,
  },
  {
    name: "returns a bare tensor",
    compute: () => tf.scalar(1),
    message: `${where} returned a bare tensor; expected {loss: a float32 scalar tensor}`,
  },
  {
    name: "returns a map of losses",
    compute: () => ({ loss: tf.zeros([2, 3]) }),
    message: `${where} returned a tensor of shape [2, 3]; expected {loss: a float32 scalar tensor}`,
  },
  {
    name: "returns an integer",
    compute: () => ({ loss: tf.scalar(1, "int32") }),
    message: `${where} returned a tensor of dtype int32; expected {loss: a float32 scalar tensor}`,
  },
  {
    name: "returns a disposed tensor",
    compute: () => {
      const loss = tf.scalar(1);
      loss.dispose();
      return { loss };
    },
    message: `${where} returned a tensor that is already disposed; expected {loss: a float32 scalar tensor}`,
  },
  {
    name: "is asynchronous",
    compute: () => Promise.resolve({ loss: 1 }),
    message: `${where} returned a Promise; compute must be synchronous`,
  },
  {
    name: "logs a number",
    compute: () => ({ loss: tf.scalar(1), logs: { share: 0.5 } }),
    message: `${where} returned no tensor (a number) as logs.share; expected a float32 scalar tensor`,
  },
  {
    name: "reads a tap it did not declare",
    compute: (context) => ({ loss: tf.mean(context.source.taps["features"]!) }),
    message: `${where} reads the tap "features" without declaring it in needs.taps`,
  },
  {
    name: "is NaN",
    compute: ({ source }) => ({ loss: tf.mean(tf.log(tf.mul(tf.square(source.logits), -1))) }),
    message: `${where} is NaN at step 1`,
  },
  {
    name: "is infinite",
    compute: ({ source }) => ({ loss: tf.div(tf.mean(source.logits), 0) }),
    message: `${where} is infinite at step 1`,
  },
  {
    name: "has a gradient that is not finite",
    compute: ({ source }) => ({ loss: tf.mean(tf.sqrt(tf.mul(source.logits, 0))) }),
    message: `${where} has a gradient that is not finite at step 1, though its value is: ` +
      "that of first.weight is NaN, and of 1 more",
  },
  {
    name: "uses an operator without a gradient",
    compute: ({ source }) => ({ loss: tf.mean(tf.cast(tf.topk(source.logits, 1).values, "float32")) }),
    message: `${where} cannot be differentiated: the operator TopK has no gradient`,
  },
];

test("what the user can mend in a backward pass, such as too little memory, is told as it is", async () => {
  const mend = new UserError("no memory for another 5 MB");
  const run = assembled(tinyPlan({
    losses: [planned(
      "mine",
      lossPlan(({ source }) => {
        const op = tf.customGrad((...args) => ({
          value: tf.mean(args[0] as tf.Tensor),
          gradFunc: () => {
            throw mend;
          },
        }));
        return { loss: op(source.logits) as tf.Scalar };
      }),
    )],
  }));
  const tensors = tf.memory().numTensors;
  const failing = trainStep(run, { step: 0, steps: 1, passes: [{ source, target }], multiplier: 1 });
  await assert.rejects(failing, (error) => error === mend);
  assert.equal(tf.memory().numTensors, tensors, "tensors leaked");
  run.dispose();
});

for (const { name, compute, message } of broken) {
  test(`a term that ${name} is named, and neither weights nor tensors change`, async () => {
    const good = planned("ce", lossPlan(crossEntropy));
    const bad = planned("mine", lossPlan(compute as (context: StepContext) => LossOutput), 0.5);
    const run = assembled(tinyPlan({ losses: [good, bad] }));
    const before = values(run);
    const tensors = tf.memory().numTensors;
    const failing = trainStep(run, { step: 0, steps: 1, passes: [{ source, target }], multiplier: 1 });
    await assert.rejects(failing, (error: unknown) => {
      assert.ok(error instanceof LossError);
      assert.equal(error.message, message);
      if (name === "throws") assert.ok(error.cause instanceof TypeError);
      return true;
    });
    assert.deepEqual(values(run), before);
    assert.equal(tf.memory().numTensors, tensors, "tensors leaked");
    run.dispose();
  });
}

test("a term that cannot be created is named and nothing stays allocated", () => {
  const before = tf.memory().numTensors;
  const plan = {
    needs: { taps: [] },
    create: () => {
      throw new Error("no such file");
    },
  };
  assert.throws(() => assembled(tinyPlan({ losses: [planned("mine", plan)] })), {
    name: "LossError",
    message: `${where} could not be created: no such file`,
  });
  assert.equal(tf.memory().numTensors, before);
  return Promise.resolve();
});

test("an opponent is updated by its own optimiser on detached tensors; the segmenter's gradient ignores it", async () => {
  // Whether operators are to compute the opponent's gradient: in the objective, in the opponent's own loss.
  const asked = { objective: new Set<boolean>(), own: new Set<boolean>() };
  const adversary = {
    needs: { taps: [] },
    owners: [{ name: "judge", optimizer: optimizerPlan({ lr: 0.1, momentum: 0, weight_decay: 0 }) }],
    create: (setup: Parameters<PlannedLoss["plan"]["create"]>[0]) => {
      const initial = tf.scalar(2);
      const value = setup.variable("factor", initial);
      initial.dispose();
      return {
        compute: ({ source }: StepContext) => {
          asked.objective.add(value.trainable);
          return {
            loss: tf.mul(tf.mean(tf.square(source.logits)), value) as tf.Scalar,
            handoff: { logits: source.logits },
          };
        },
        owners: {
          judge: {
            params: [{ name: "factor", value, group: "judge" }],
            compute: ({ logits }: Readonly<Record<string, tf.Tensor>>) => {
              asked.own.add(value.trainable);
              return {
                loss: tf.add(tf.square(tf.sub(value, 1)), tf.mul(tf.mean(logits!), 0)) as tf.Scalar,
              };
            },
          },
        },
      };
    },
  };
  const run = assembled(tinyPlan({ losses: [planned("adv", adversary)] }));
  const names = run.state.map(({ name }) => name);
  assert.deepEqual(names.slice(3), [
    "optimizer/first.weight/momentum",
    "optimizer/second.weight/momentum",
    "player/adv/judge/factor",
  ]);
  const factor = () => run.state[5]!.variable.dataSync()[0]!;
  const { terms } = await trainStep(run, { step: 0, steps: 1, passes: [{ source, target }], multiplier: 1 });
  assert.equal(terms["adv/judge"], 1);
  assert.ok(Math.abs(factor() - 1.8) < 1e-6, `${factor()}`);
  const tensors = tf.memory().numTensors;
  await trainStep(run, { step: 1, steps: 1, passes: [{ source, target }], multiplier: 0.5 });
  assert.ok(Math.abs(factor() - (1.8 - 0.05 * 1.6)) < 1e-6, `${factor()}`);
  assert.equal(tf.memory().numTensors, tensors);
  assert.deepEqual([...asked.objective], [false]);
  assert.deepEqual([...asked.own], [true]);
  run.dispose();
});

test("the number of tensors stays the same over ten steps", async () => {
  const run = assembled(tinyPlan());
  const counts: number[] = [];
  for (let k = 0; k < 10; k++) {
    const passes = [{ source, target }, { source, target }];
    await trainStep(run, { step: k, steps: 10, passes, multiplier: 1 });
    counts.push(tf.memory().numTensors);
  }
  assert.deepEqual(counts, Array(10).fill(counts[0]));
  run.dispose();
});

test("weights that are not finite are named where the loss shows them", async () => {
  const run = assembled(tinyPlan({ losses: [planned("mine", lossPlan(crossEntropy))] }));
  try {
    const { value } = run.segmenter.params[1]!;
    value.assign(tf.fill(value.shape, NaN));
    const passes = [{ source, target }];
    await assert.rejects(trainStep(run, { step: 6, steps: 10, passes, multiplier: 1 }), {
      name: "LossError",
      message: `${where} is NaN at step 7: the weights second.weight are NaN since the update before`,
    });
    await assert.rejects(trainStep(run, { step: 0, steps: 10, passes, multiplier: 1 }), {
      name: "LossError",
      message: `${where} is NaN at step 1: the weights second.weight are NaN from the start`,
    });
  } finally {
    run.dispose();
  }
});

test("clipNorm bounds the update", async () => {
  const run = assembled(tinyPlan({ optimizer: optimizerPlan({ lr: 1, momentum: 0, weight_decay: 0 }) }));
  try {
    const weights = () => run.segmenter.params.flatMap(({ value }) => [...value.dataSync()]);
    const before = weights();
    const passes = [{ source, target }];
    await trainStep(run, { step: 0, steps: 10, passes, multiplier: 1, clipNorm: 0.01 });
    const moved = Math.hypot(...weights().map((value, k) => value - before[k]!));
    assert.ok(Math.abs(moved - 0.01) < 1e-5, `moved by ${moved}`);
  } finally {
    run.dispose();
  }
});
