/** Owners: who is updated when, by what, and what becomes of all of it when something fails. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { Owner, OwnerPlan, StepContext } from "../../core/plugin.ts";
import type { PlannedLoss } from "../../core/plan.ts";
import { solo, type World } from "../../core/world.ts";
import { poly } from "../../optim/schedule.ts";
import { Registry } from "../../core/registry.ts";
import {
  assembled,
  crossEntropy,
  learning,
  lossPlan,
  optimizerPlan,
  planned,
  type TinyParts,
  tinyPlan,
} from "./fakes.ts";
import type { StepInput } from "../../train/step.ts";
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

const WHO = 'owner "judge" of loss "adv" (./my_loss.ts, at losses[2])';

/** What differs between the terms of this file. */
interface Judged extends Partial<Omit<OwnerPlan, "name">> {
  readonly start?: number;
  /** What the owner minimises; (level - 1)^2 without it. */
  readonly value?: (level: tf.Scalar, handoff: Readonly<Record<string, tf.Tensor>>) => tf.Scalar;
  readonly compute?: (context: StepContext, level: tf.Scalar) => tf.Scalar;
}

/** level * mean(logits^2), whose owner "judge" has the level, and logs the level that it saw. */
function judged({ start = 2, value, compute, ...owner }: Judged = {}): PlannedLoss {
  return planned("adv", {
    needs: { views: [{ stream: "source", labels: true }] },
    owners: [{ name: "judge", optimizer: plainSgd, ...owner }],
    create(setup) {
      const level = scalarOf(setup, "level", start);
      return {
        compute(context) {
          const loss = compute?.(context, level) ?? tf.mul(tf.mean(tf.square(context.source.logits)), level);
          return {
            loss: loss as tf.Scalar,
            logs: { level: tf.clone(level) },
            handoff: { logits: context.source.logits },
          };
        },
        owners: {
          judge: {
            params: [{ name: "level", value: level, group: "judge" }],
            ...(owner.when === "joint" ? {} : {
              compute: (handoff) => ({
                loss: (value?.(level, handoff) ?? tf.square(tf.sub(level, 1))) as tf.Scalar,
              }),
            }),
          },
        },
      };
    },
  });
}

const level = (run: ReturnType<typeof assembled>) => valuesOf(run).get("player/adv/judge/level")![0]!;
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);

test("an owner after the update: the term sees it as it was; one before: as it has become", async () => {
  for (const [when, seen] of [["after", 2], ["before", 1.8]] as const) {
    await withRun({ losses: [judged({ when })] }, async (run) => {
      const { terms } = await stepOf(run);
      near(terms["adv/level"]!, seen);
      assert.equal(terms["adv/judge"], 1);
      near(level(run), 1.8);
    });
  }
});

test("an owner that goes ahead sees the student before its update, the student the owner after", async () => {
  // Both minimise level * square, so the order decides both results.
  const parts = (when: "before" | "after"): TinyParts => ({
    losses: [judged({ when, value: (level, { logits }) => tf.mul(level, tf.mean(tf.square(logits!))) })],
  });
  const updated = (when: "before" | "after") =>
    withRun(parts(when), async (run) => {
      await stepOf(run);
      return valuesOf(run);
    });
  const [after, before] = [await updated("after"), await updated("before")];
  const own = (values: typeof after) => values.get("player/adv/judge/level");
  assert.deepEqual(own(before), own(after), "it has the same gradient at the same weights");
  assert.notDeepEqual(before.get("second.weight"), after.get("second.weight"));
  const fixed = await withRun(
    { losses: [judged({ start: own(after)![0]!, when: "after" })] },
    async (run) => {
      await stepOf(run);
      return valuesOf(run).get("second.weight");
    },
  );
  assert.deepEqual(before.get("second.weight"), fixed);
});

test("the pass of an owner that goes ahead changes no running statistic and no other weight", async () => {
  const statistics = (parts: TinyParts) =>
    withRun(parts, async (run) => {
      await stepOf(run);
      return valuesOf(run).get("first.running_mean");
    });
  const alone = await statistics({ losses: [planned("ce", lossPlan(crossEntropy))] });
  assert.deepEqual(await statistics({ losses: [judged({ when: "before" })] }), alone);
});

test("every: updated in steps 3 and 6 counted from 1, and its value is there in those alone", async () => {
  for (const when of ["before", "after"] as const) {
    await withRun({ losses: [judged({ when, every: 3 })] }, async (run) => {
      const told: number[] = [], levels: number[] = [];
      for (let step = 0; step < 7; step++) {
        const { terms } = await stepOf(run, { step });
        if ("adv/judge" in terms) told.push(step + 1);
        levels.push(level(run));
      }
      assert.deepEqual(told, [3, 6]);
      [2, 2, 1.8, 1.8, 1.8, 1.64, 1.64].forEach((value, k) => near(levels[k]!, value));
    });
  }
  await withRun({ losses: [judged({ when: "joint", every: 2 })] }, async (run) => {
    await stepOf(run);
    assert.equal(level(run), 2);
    await stepOf(run, { step: 1 });
    assert.ok(level(run) < 2);
  });
});

test("a joint owner goes with the objective, weight and all, and has no value of its own", async () => {
  await withRun({ losses: [{ ...judged({ when: "joint" }), weight: 0.5 }] }, async (run) => {
    const { terms, total } = await stepOf(run);
    assert.deepEqual(Object.keys(terms), ["adv", "adv/level"]);
    // The gradient of 0.5 * level * square by the level.
    near(level(run), 2 - 0.1 * 0.5 * (terms["adv"]! / 2));
    near(total, 0.5 * terms["adv"]!);
  });
});

test("clipping is the network's alone", async () => {
  const moved = (clipNorm?: number) =>
    withRun({ losses: [judged({ when: "joint" })] }, async (run) => {
      await stepOf(run, { clipNorm });
      return level(run);
    });
  assert.equal(await moved(1e-3), await moved());
});

test("a schedule of its own: its own step counts; without one the recipe's multiplier does", async () => {
  const schedule = new Registry([poly]).plan("schedule", { type: "poly", options: { power: 1 } });
  const moved = (owner: Judged) =>
    withRun({ losses: [judged(owner)] }, async (run) => {
      await stepOf(run, { step: 5, multiplier: 0.25 });
      return level(run);
    });
  for (const when of ["before", "after"] as const) {
    near(await moved({ when }), 2 - 0.1 * 0.25 * 2);
    near(await moved({ when, schedule }), 2 - 0.1 * 0.5 * 2);
  }
});

test("an owner's gradient is the mean over the passes, whenever it goes", async () => {
  const other = { ...BATCHES, source: batch(5, (k) => (k + 1) % 2) };
  for (const when of ["before", "joint", "after"] as const) {
    const moved = (passes: (typeof BATCHES)[]) =>
      withRun(
        {
          losses: [
            judged({ when, value: (level, { logits }) => tf.mul(level, tf.mean(tf.square(logits!))) }),
          ],
        },
        async (run) => {
          await stepOf(run, { passes });
          return level(run);
        },
      );
    near(await moved([BATCHES, other]), (await moved([BATCHES]) + await moved([other])) / 2);
  }
});

test("an owner may train a network: gradients flow through its views, and its state is saved once", async () => {
  const term = (when: "joint" | "after"): PlannedLoss =>
    planned("adv", {
      needs: { views: [{ stream: "source", by: "other", labels: true }] },
      owners: [{
        name: "judge",
        optimizer: optimizerPlan({ lr: 0.1, momentum: 0.9 }),
        when,
        trains: "other",
      }],
      create: () => ({
        compute: ({ view, ignoreLabel }) =>
          crossEntropy({ source: view("source", "other") as StepContext["source"], ignoreLabel }),
      }),
    });
  const networks = [network("other", { start: "weights", trainable: true })];
  await withRun({ losses: [term("joint")], networks }, async (run) => {
    const names = run.state.map(({ name }) => name);
    assert.deepEqual(names.slice(3), [
      "player/adv/judge/optimizer/first.weight/momentum",
      "player/adv/judge/optimizer/second.weight/momentum",
      "network/other/first.weight",
      "network/other/second.weight",
      "network/other/first.running_mean",
    ]);
    const before = valuesOf(run), terms = [];
    for (let step = 0; step < 5; step++) terms.push((await stepOf(run, { step })).terms["adv"]!);
    assert.ok(terms[4]! < terms[0]!, String(terms));
    const after = valuesOf(run);
    assert.notDeepEqual(after.get("network/other/first.weight"), before.get("network/other/first.weight"));
    for (const name of ["first.weight", "second.weight"]) assert.deepEqual(after.get(name), before.get(name));
  });
  assert.throws(() => assembled(tinyPlan({ losses: [term("joint")], networks: [network("other")] })), {
    name: "LossError",
    message:
      'loss "adv" (./my_loss.ts, at losses[2]) could not be created: its owner "judge" trains the network "other", ' +
      "which is not trainable",
  });
});

const mistakes: { what: string; owners?: OwnerPlan[]; made: object; message: string }[] = [
  {
    what: "an owner that the plan does not declare",
    made: { owners: { judge: { params: [] } } },
    message: 'its plan declares no owner "judge"',
  },
  {
    what: "no parameters",
    owners: [{ name: "judge", optimizer: plainSgd }],
    made: {},
    message: 'it made no parameters for its owner "judge"',
  },
  {
    what: "nothing to minimise",
    owners: [{ name: "judge", optimizer: plainSgd, when: "before" }],
    made: { owners: { judge: { params: [] } } },
    message: 'it made no compute for its owner "judge"',
  },
  {
    what: "players, as an older term has them",
    made: { players: [] },
    message: 'it returns "players"; they are declared as "owners" in the plan now (docs/extending.md)',
  },
];

for (const { what, owners, made, message } of mistakes) {
  test(`a term with ${what} is named and nothing stays allocated`, () => {
    const before = tf.memory().numTensors;
    const plan = {
      needs: { taps: [] },
      ...(owners ? { owners } : {}),
      create: () => ({ compute: crossEntropy, ...made as { owners?: Record<string, Owner> } }),
    };
    assert.throws(() => assembled(tinyPlan({ losses: [planned("mine", plan)] })), {
      name: "LossError",
      message: `loss "mine" (./my_loss.ts, at losses[2]) could not be created: ${message}`,
    });
    assert.equal(tf.memory().numTensors, before);
  });
}

/** What each of a step's parts does when the value is NaN, or its gradient. */
const NaNs = {
  value: (x: tf.Scalar) => tf.mul(x, NaN) as tf.Scalar,
  gradient: (x: tf.Scalar) => tf.add(x, tf.sqrt(tf.mul(x, 0))) as tf.Scalar,
  operator: (x: tf.Scalar) => tf.sum(tf.topk(tf.reshape(x, [1]), 1).values) as tf.Scalar,
};

for (const when of ["before", "after"] as const) {
  for (
    const [fault, message] of [
      ["value", "is NaN at step 1"],
      [
        "gradient",
        "has a gradient that is not finite at step 1, though its value is: that of judge/level is NaN",
      ],
      ["operator", "cannot be differentiated: the operator TopK has no gradient"],
    ] as const
  ) {
    test(`an owner ${when} the update whose ${fault} is at fault is named, and nothing changes`, async () => {
      const losses = [planned("ce", lossPlan(crossEntropy)), judged({ when, value: NaNs[fault] })];
      await withRun({ losses }, async (run) => {
        const values = valuesOf(run), tensors = tf.memory().numTensors;
        // That of an owner that follows is found by repeating each term alone.
        const who = when === "after" && fault === "gradient" ? WHO.slice(WHO.indexOf("loss")) : WHO;
        await assert.rejects(stepOf(run), { name: "LossError", message: `${who} ${message}` });
        assert.deepEqual(valuesOf(run), values);
        assert.equal(tf.memory().numTensors, tensors, "tensors leaked");
      });
    });
  }
}

for (const when of ["before", "joint", "after"] as const) {
  test(`a world of two: values and the gradients of student and owner, ${when}, are means`, async () => {
    // The other process has zeros only.
    const world: World = {
      ...solo,
      size: 2,
      mean: (tensors) => tensors.map((tensor) => tensor && tf.mul(tensor, 0.5)),
    };
    const moved = (more: Partial<StepInput>) =>
      // The level is no part of the term's gradient by the student, so that an owner ahead changes nothing of it.
      withRun({
        losses: [
          judged({ when, compute: ({ source }, level) => tf.add(tf.mean(tf.square(source.logits)), level) }),
        ],
      }, async (run) => {
        const before = valuesOf(run);
        const { terms, total } = await stepOf(run, more);
        const after = valuesOf(run);
        const by = (name: string) => after.get(name)!.map((value, k) => value - before.get(name)![k]!);
        return {
          // Ahead of the update the owner has moved, half as far in a world of two.
          values: [total - (when === "before" ? terms["adv/level"]! : 0), terms["adv/judge"] ?? 0],
          weights: ["first.weight", "second.weight"].flatMap(by),
          level: by("player/adv/judge/level"),
        };
      });
    const [alone, two] = [await moved({}), await moved({ world })];
    for (const key of ["values", "weights", "level"] as const) {
      assert.ok(alone[key].some((value) => value !== 0), key);
      two[key].forEach((value, k) => near(value, alone[key][k]! / 2));
    }
  });
}

test("an owner's parameters that are not finite are named where a loss shows them", () =>
  withRun(
    { losses: [judged({ when: "joint", start: NaN })] },
    (run) =>
      assert.rejects(stepOf(run, { step: 1 }), {
        name: "LossError",
        message: 'loss "adv" (./my_loss.ts, at losses[2]) is NaN at step 2: ' +
          `the weights level of the ${WHO} are NaN since the update before`,
      }),
  ));

test("what fails late changes nothing: owners ahead, a first update, a moved teacher are all put back", async () => {
  const failing = planned("last", lossPlan((context) => ({ loss: NaNs.value(crossEntropy(context).loss) })));
  const momentum = optimizerPlan({ lr: 0.1, momentum: 0.9 });
  const gain = madeStream(
    "mixed",
    { streams: ["source"], views: [{ stream: "target", by: "teacher" }] },
    (context) => context.images("source"),
    {
      owners: [{ name: "gain", optimizer: momentum, when: "joint" }],
      create(setup) {
        const value = scalarOf(setup, "factor", 1);
        return {
          make(context) {
            const { pixels, labels } = context.images("source");
            return { pixels: tf.mul(pixels, value), labels: labels! };
          },
          owners: { gain: { params: [{ name: "factor", value, group: "gain" }] } },
        };
      },
    },
  );
  const networks = [
    network("teacher", { ...averaging, when: "before", training: true, ownStatistics: true }),
    network("follower", averaging),
  ];
  const good = [judged({ when: "before", optimizer: momentum }), planned("mixed", learning("mixed"))];
  const parts: TinyParts = {
    losses: [...good, { ...failing, update: 2 }],
    networks,
    streams: [gain],
    optimizer: momentum,
  };
  const sound: TinyParts = {
    ...parts,
    losses: [...good, { ...planned("last", lossPlan(crossEntropy)), update: 2 }],
  };
  await withRun(parts, async (run) => {
    // So that the teacher has somewhere to move, and nothing of the state is zero.
    for (const { variable } of run.state) {
      tf.tidy(() =>
        variable.assign(tf.add(variable, tf.reshape(tf.linspace(0.01, 0.02, variable.size), variable.shape)))
      );
    }
    const before = valuesOf(run), tensors = tf.memory().numTensors;
    await assert.rejects(stepOf(run), {
      name: "LossError",
      message: 'loss "last" (./my_loss.ts, at losses[2]) is NaN at step 1',
    });
    assert.deepEqual(valuesOf(run), before);
    assert.equal(tf.memory().numTensors, tensors, "tensors leaked");
  });
  // The control: where the second update is sound, everything moves.
  await withRun(sound, async (run) => {
    const before = valuesOf(run);
    await stepOf(run);
    await stepOf(run, { step: 1 });
    const same = [...valuesOf(run)].filter(([name, values]) => String(values) === String(before.get(name)));
    assert.deepEqual(same.map(([name]) => name), []);
    assert.equal((await tensorsAfter(run, 4)).size, 1);
  });
});

test("a second update sees the student of the first, and both count in the total", async () => {
  const second = { ...planned("second", lossPlan(crossEntropy)), update: 2 };
  const one = await withRun({}, async (run) => {
    const totals = [(await stepOf(run)).total, (await stepOf(run)).total];
    return { totals, weights: valuesOf(run) };
  });
  await withRun({ losses: [planned("ce", lossPlan(crossEntropy)), second] }, async (run) => {
    const { terms, total } = await stepOf(run);
    assert.deepEqual([terms["ce"], terms["second"]], one.totals);
    assert.equal(total, one.totals[0]! + one.totals[1]!);
    assert.deepEqual(valuesOf(run), one.weights);
  });
});

test("a weight that changes over the steps", async () => {
  const weight = { from: 0, to: 1, start: 1, steps: 2, shape: "linear" } as const;
  await withRun({ losses: [{ ...planned("ce", lossPlan(crossEntropy)), weight }] }, async (run) => {
    for (const [step, share] of [[0, 0], [1, 0], [2, 0.5], [3, 1], [9, 1]] as const) {
      const { terms, total } = await stepOf(run, { step, multiplier: 0 });
      near(total, share * terms["ce"]!);
    }
  });
});

for (const when of ["before", "joint", "after"] as const) {
  test(`the number of tensors stays the same over the steps with an owner: ${when}`, async () => {
    const losses = [planned("ce", lossPlan(crossEntropy)), judged({ when, every: 2 })];
    await withRun({ losses }, async (run) => {
      assert.equal((await tensorsAfter(run, 6, { passes: [BATCHES, BATCHES] })).size, 1);
    });
  });
}
