/** Factors of parameter groups on rate and decay. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { inGroup } from "../../core/optimization.ts";
import type { ModelPlan } from "../../core/plugin.ts";
import { assembled, optimizerPlan, tinyModel, tinyPlan } from "./fakes.ts";
import { stepOf, stepTest as test, valuesOf, withRun } from "./parts.ts";

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);

/** The tiny network with its first filter in the group `backbone/norm`. */
const grouped: ModelPlan = {
  ...tinyModel,
  create(setup) {
    const made = tinyModel.create(setup);
    const [first, second] = made.params;
    return { ...made, params: [{ ...first!, group: "backbone/norm" }, second!] };
  },
};

test("groups: rate and decay multiply, for every group whose name or part of a name it is", async () => {
  const factors = (group: string, rate: number, decay: number) => ({ group, rate, decay });
  const moved = (groups: readonly ReturnType<typeof factors>[], weight_decay = 0) =>
    withRun({
      model: { type: "grouped", plan: grouped },
      optimizer: optimizerPlan({ lr: 0.1, momentum: 0, weight_decay }),
      groups,
    }, async (run) => {
      const before = valuesOf(run);
      await stepOf(run);
      const after = valuesOf(run);
      return ["first.weight", "second.weight"].map((name) => after.get(name)![0]! - before.get(name)![0]!);
    });
  const [first, second] = await moved([]) as [number, number];
  assert.ok(first !== 0 && second !== 0);
  for (const group of ["norm", "backbone", "backbone/norm"]) {
    const [scaled, same] = await moved([factors(group, 0.5, 1)]) as [number, number];
    near(scaled, first / 2);
    assert.equal(same, second, group);
  }
  const [both] = await moved([factors("backbone", 0.5, 1), factors("norm", 0.5, 1)]) as [number];
  near(both, first / 4);
  assert.deepEqual((await moved([factors("head", 0, 1)]))[1], 0);
  // Without its decay a group moves as if there were none.
  const [decayed] = await moved([], 0.5) as [number];
  assert.ok(Math.abs(decayed - first) > 1e-5);
  const [spared, other] = await moved([factors("norm", 1, 0)], 0.5) as [number, number];
  near(spared, first);
  assert.ok(Math.abs(other - second) > 1e-5);
});

test("groups: a key has parts of a group's name in their order", () => {
  for (const key of ["norm", "backbone", "backbone/norm", "block/norm", "backbone/block/norm"]) {
    assert.ok(inGroup("backbone/block/norm", key), key);
  }
  for (const key of ["norm/backbone", "norm/norm", "backbone/stem", "nor", "backbone/block/norm/more"]) {
    assert.ok(!inGroup("backbone/block/norm", key), key);
  }
  return Promise.resolve();
});

test("groups: repeats update a parameter several times with one gradient, whose decay adds up", async () => {
  const moved = (repeats: number) =>
    withRun({
      model: { type: "grouped", plan: grouped },
      optimizer: optimizerPlan({ lr: 0.1, momentum: 0.9, weight_decay: 0.5 }),
      groups: [{ group: "norm", rate: 1, decay: 1, repeats }],
    }, async (run) => {
      const before = valuesOf(run);
      await stepOf(run);
      const after = valuesOf(run);
      return ["first.weight", "second.weight"].map((name) =>
        [before.get(name)![0]!, after.get(name)![0]!] as const
      );
    });
  const [[start, once], [, other]] = await moved(1) as [readonly [number, number], readonly [number, number]];
  const [[, thrice], [, same]] = await moved(3) as [readonly [number, number], readonly [number, number]];
  assert.equal(other, same);
  // The gradient, from the plain update.
  let d = (start - once) / 0.1 - 0.5 * start, v = 0, w = start;
  for (let k = 0; k < 3; k++) {
    d += 0.5 * w;
    v = 0.9 * v + d;
    w -= 0.1 * v;
  }
  assert.ok(Math.abs(thrice - w) < 1e-5, `${thrice} is not ${w}`);
});

test("a group that no parameter is of is refused by name", () => {
  const groups = [{ group: "heads", rate: 10, decay: 1 }];
  const before = tf.memory().numTensors;
  assert.throws(() => assembled(tinyPlan({ groups })), {
    name: "UserError",
    message: 'optimizer.groups: no parameter is of the group "heads"; did you mean "head"?',
  });
  assert.equal(tf.memory().numTensors, before);
});
