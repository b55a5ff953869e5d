/** What the built-in networks beside the student say of themselves, by their options. */
import assert from "node:assert/strict";
import { ConfigError } from "../../core/errors.ts";
import { Registry } from "../../core/registry.ts";
import { networks } from "../../networks/mod.ts";

const registry = new Registry(networks);

function planOf(type: string, options: object = {}) {
  return registry.plan("network", { type, options });
}

/** The shares that stay in the first steps, those of parameters and buffers. */
function shares(options: object, steps = 4) {
  const { follow } = planOf("ema", options);
  return Array.from({ length: steps }, (_, step) => {
    const following = follow!({ step, steps });
    return following && [following.parameters, following.buffers];
  });
}

Deno.test("ema: the first update copies the student, later ones average over more and more steps, up to the decay", () => {
  const [first, second, third] = shares({ decay: 0.6 });
  assert.deepEqual([first, second, third], [[0, 0], [0.5, 0], [0.6, 0]]);
  assert.deepEqual(shares({ decay: 0.6, warm_up: false }, 2), [[0.6, 0], [0.6, 0]]);
  assert.deepEqual(shares({ decay: 0.6, warm_up_from: 4 }, 1), [[0.6, 0]]);
});

Deno.test("ema: buffers are the student's, averaged like the weights, or its own", () => {
  assert.deepEqual(shares({ decay: 0.5, warm_up: false, buffers: "averaged" }, 1), [[0.5, 0.5]]);
  assert.deepEqual(shares({ decay: 0.5, warm_up: false, buffers: "own" }, 1), [[0.5, undefined]]);
  assert.deepEqual(["copied", "averaged", "own"].map((buffers) => planOf("ema", { buffers }).ownStatistics), [
    false,
    false,
    true,
  ]);
});

Deno.test("ema: moving before the step, it stays as it is in the first one", () => {
  const [first, second] = shares({ decay: 0.9, when: "before" }, 2);
  assert.deepEqual([first, second], [undefined, [0.5, 0]]);
  assert.deepEqual([planOf("ema").when, planOf("ema", { when: "before" }).when], ["after", "before"]);
});

Deno.test("ema starts as the student, changes, is not trained, and passes as its mode says", () => {
  const { start, changes, trainable, training, update } = planOf("ema");
  assert.deepEqual([start, changes, trainable, training, update], [
    "student",
    true,
    undefined,
    true,
    undefined,
  ]);
  assert.equal(planOf("ema", { mode: "eval" }).training, false);
});

Deno.test("frozen never changes and uses the running statistics; trained does both its own way", () => {
  assert.deepEqual(planOf("frozen"), { training: false, start: "weights" });
  assert.deepEqual(planOf("frozen", { start: "student" }), { training: false, start: "student" });
  assert.deepEqual(planOf("trained"), {
    training: true,
    start: "student",
    trainable: true,
    ownStatistics: true,
  });
  assert.equal(planOf("trained", { start: "weights" }).start, "weights");
});

Deno.test("ema, frozen: numbers beyond their range and unknown words are refused", () => {
  for (
    const options of [{ decay: 1.1 }, { decay: -0.1 }, { warm_up_from: 0 }, { buffers: "none" }, {
      mode: "both",
    }]
  ) {
    assert.throws(() => planOf("ema", options), ConfigError, JSON.stringify(options));
  }
  assert.throws(() => planOf("frozen", { start: "seed" }), ConfigError);
});
