/** Factors of parameter groups on rate and decay. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
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

test("a group that no parameter is of is refused by name", () => {
  const groups = [{ group: "heads", rate: 10, decay: 1 }];
  const before = tf.memory().numTensors;
  assert.throws(() => assembled(tinyPlan({ groups })), {
    name: "UserError",
    message: 'optimizer.groups: no parameter is of the group "heads"; did you mean "head"?',
  });
  assert.equal(tf.memory().numTensors, before);
});
