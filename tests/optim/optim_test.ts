import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import { coefficientAt } from "../../core/coefficient.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Param } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { decodeSafetensors } from "../../weights/safetensors.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import { type MethodCase, methodCase, read, stored } from "../methods.ts";
import { adamOptimizer } from "../../optim/adam.ts";
import { optimizers } from "../../optim/mod.ts";
import { polyMultiplier } from "../../optim/schedule.ts";
import { sgdOptimizer } from "../../optim/sgd.ts";
import { zeroSlots } from "../../optim/slots.ts";

const setup = {
  variable: (_: string, initial: tf.Tensor, trainable = true) => tf.variable(initial, trainable),
};

function param(name: string, values: number[]): Param {
  return { name, value: tf.variable(tf.tensor1d(values)), group: "head" };
}

function test(name: string, run: () => void): void {
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false }, async () => {
    await selectBackend("native");
    tf.engine().startScope();
    try {
      run();
    } finally {
      tf.engine().endScope();
    }
  });
}

function close(actual: tf.Tensor, expected: readonly number[], tolerance = 1e-6): void {
  const values = [...actual.dataSync()];
  assert.equal(values.length, expected.length);
  const worst = Math.max(...values.map((value, k) => Math.abs(value - expected[k]!)));
  assert.ok(worst <= tolerance, `[${values}] is not [${expected}]`);
}

test("sgd: the recorded weights with the poly schedule", () => {
  const file = new URL("../goldens/plca_ops_and_losses.safetensors", import.meta.url);
  const { tensors } = decodeSafetensors(Deno.readFileSync(file), "goldens");
  const read = (key: string) => toFloat32(tensors.get(`optimizer/sgd_poly/${key}`)!);
  const size = read("w0").length;
  const p = param("w", [...read("w0")]);
  const sgd = sgdOptimizer([p], setup, { lr: 0.25, momentum: 0.9, weight_decay: 5e-4 });
  for (let step = 0; step < 4; step++) {
    sgd.apply(
      [tf.tensor1d(read("grads").slice(step * size, (step + 1) * size))],
      polyMultiplier(step, 10, 0.9),
    );
    close(p.value, [...read("weights_after").slice(step * size, (step + 1) * size)], 1e-5);
  }
});

test("sgd: without momentum there is no slot and the step is the gradient", () => {
  const p = param("w", [1, 2]);
  const sgd = sgdOptimizer([p], setup, { lr: 0.5, momentum: 0, weight_decay: 0 });
  sgd.apply([tf.tensor1d([1, -1])], 0.5);
  close(p.value, [0.75, 2.25]);
  assert.deepEqual(sgd.slots, {});
});

test("sgd: a null gradient leaves its variable and slot alone, and no other's", () => {
  const params = [param("a", [1]), param("b", [1])];
  const sgd = sgdOptimizer(params, setup, { lr: 1, momentum: 0.5, weight_decay: 0.1 });
  sgd.apply([tf.tensor1d([1]), tf.tensor1d([2])], 1);
  sgd.apply([null, tf.tensor1d([2])], 1);
  close(params[0]!.value, [-0.1]);
  close(sgd.slots["a/momentum"]!, [1.1]);
  // b: buffer 2.1, value -1.1; then buffer 1.05 + 2 - 0.11
  close(sgd.slots["b/momentum"]!, [2.94]);
  close(params[1]!.value, [-4.04]);
});

// Recorded with PyTorch 1.13.
test("adam: two steps as torch.optim.Adam makes them", () => {
  const p = param("w", [1, -2, 0.5]);
  const adam = adamOptimizer([p], setup, {
    lr: 0.1,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    weight_decay: 0.01,
  });
  adam.apply([tf.tensor1d([0.5, -0.25, 0])], 1);
  adam.apply([tf.tensor1d([-0.1, 0.4, 0.3])], 0.5);
  close(p.value, [0.8735009, -1.910989, 0.3623328], 1e-5);
  assert.deepEqual(Object.keys(adam.slots), ["w/mean", "w/square", "w/step"]);
  close(adam.slots["w/step"]!, [2]);
});

test("adam: a null gradient counts no step", () => {
  const params = [param("a", [1]), param("b", [1])];
  const adam = adamOptimizer(params, setup, {
    lr: 0.1,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    weight_decay: 0,
  });
  adam.apply([null, tf.tensor1d([2])], 1);
  close(params[0]!.value, [1]);
  close(adam.slots["a/step"]!, [0]);
  close(params[1]!.value, [0.9]);
});

test("optimisers leave no tensor behind", () => {
  const p = param("w", [1, 2]);
  const sgd = sgdOptimizer([p], setup, { lr: 1, momentum: 0.9, weight_decay: 0.1 });
  const adam = adamOptimizer([p], setup, { lr: 1, beta1: 0.9, beta2: 0.9, epsilon: 1e-8, weight_decay: 0.1 });
  const grad = tf.tensor1d([1, 1]);
  const before = tf.memory().numTensors;
  sgd.apply([grad], 1);
  adam.apply([grad], 1);
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("poly falls from 1 to 0 and stays there", () => {
  assert.equal(polyMultiplier(0, 10, 0.9), 1);
  assert.ok(Math.abs(polyMultiplier(5, 10, 0.9) - 0.5 ** 0.9) < 1e-12);
  assert.equal(polyMultiplier(10, 10, 0.9), 0);
  assert.equal(polyMultiplier(11, 10, 0.9), 0);
});

const registry = new Registry(optimizers);

Deno.test("a wrong number and an unknown option are refused together", () => {
  const refused = () =>
    registry.plan("optimizer", { type: "sgd", options: { lr: -1, momentun: 0.9 } }, ["optimizer"]);
  assert.throws(refused, (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(
      error.message,
      "optimizer.options.lr: Too small: expected number to be >0\n" +
        'optimizer.options: Unrecognized key: "momentun"',
    );
    return true;
  });
});

test("every option of every optimiser changes the weights", () => {
  const base = { lr: 0.01, weight_decay: 0.1 };
  const changes: Record<string, Record<string, number>> = {
    sgd: { lr: 0.02, momentum: 0.5, weight_decay: 0.2 },
    adam: { lr: 0.02, beta1: 0.5, beta2: 0.5, epsilon: 0.1, weight_decay: 0.2 },
    adamw: { lr: 0.02, beta1: 0.5, beta2: 0.5, epsilon: 0.1, weight_decay: 0.2 },
  };
  const after = (name: string, options: object) => {
    const plan = registry.plan("optimizer", { type: name, options });
    const p = param("w", [1, -1]);
    const optimizer = plan.create([p], setup);
    [[0.1, 0.2], [-0.3, 0.1]].forEach((grad) => optimizer.apply([tf.tensor1d(grad)], 1));
    return [...p.value.dataSync()];
  };
  for (const { name } of new Registry(optimizers).all("optimizer")) {
    for (const [option, value] of Object.entries(changes[name]!)) {
      assert.notDeepEqual(after(name, { ...base, [option]: value }), after(name, base), `${name}.${option}`);
    }
  }
});

Deno.test("the poly schedule reads its power and horizon, constant takes no option", () => {
  const ahead = registry.plan("schedule", { type: "poly", options: { power: 1, horizon: 1.25 } });
  assert.equal(ahead.multiplier(2, 4), 0.6);
  assert.equal(registry.plan("schedule", { type: "poly", options: { power: 2 } }).multiplier(1, 2), 0.25);
  assert.equal(registry.plan("schedule", "constant").multiplier(1, 2), 1);
});

test("sgd: the recorded weights of a parameter that is updated several times a step", () => {
  const one = methodCase<
    MethodCase & Readonly<Record<"repeats" | "lr" | "momentum" | "weight_decay", number>>
  >("optimizer/sgd_repeated");
  const { repeats, lr, momentum, weight_decay } = one;
  const w0 = read(one, "w0"), grads = read<tf.Tensor3D>(one, "grads"), expected = read<tf.Tensor3D>(one, "w");
  const p = { name: "w", value: tf.variable(w0), group: "head", repeats };
  const sgd = sgdOptimizer([p], setup, { lr, momentum, weight_decay });
  for (let step = 0; step < grads.shape[0]; step++) {
    sgd.apply([tf.squeeze(tf.slice(grads, step, 1), [0])], 1);
    close(p.value, [...tf.slice(expected, step, 1).dataSync()], 1e-6);
  }
});

Deno.test("poly: CLAN's recorded rates, warm-up first", () => {
  const one = methodCase("clan/schedule");
  const schedule = registry.plan("schedule", { type: "poly", options: { warmup: 0.05 } });
  const numbers = (key: string) => [...toFloat32(stored(one, key))];
  const steps = numbers("step"), damping = numbers("damping"), weighted = numbers("weighted");
  const all = 100_000;
  numbers("lr_multiplier").forEach((expected, k) => {
    const step = steps[k]!;
    assert.ok(Math.abs(schedule.multiplier(step, all) - expected) < 1e-6, `the rate of step ${step}`);
    const ramp = { from: 1, to: 0, start: 0, steps: 1, shape: "linear", unit: "phase" } as const;
    assert.ok(Math.abs(coefficientAt(ramp, { step, steps: all }) - damping[k]!) < 1e-6);
    assert.equal(step > 0.05 * all, weighted[k] === 1);
  });
});

Deno.test("poly: DAFormer's recorded rates, where the warm-up multiplies the curve", () => {
  const one = methodCase("daformer/schedule");
  const options = { power: 1, warmup: 1500 / 40_000, warmup_from: 1e-6, warmup_to: "curve" };
  const schedule = registry.plan("schedule", { type: "poly", options });
  const steps = [...toFloat32(stored(one, "step"))];
  [...toFloat32(stored(one, "lr_multiplier"))].forEach((expected, k) => {
    const found = schedule.multiplier(steps[k]!, 40_000);
    assert.ok(Math.abs(found - expected) < 1e-6, `step ${steps[k]}: ${found}, recorded ${expected}`);
  });
});

test("zeroSlots: zeros of each parameter's shape, or a number, by the parameter's name", () => {
  const slots: Record<string, tf.Variable> = {};
  const params = [param("a", [1, 2]), param("b", [3])];
  const made = zeroSlots(params, setup, { slot: "mean", slots });
  zeroSlots(params, setup, { slot: "step", slots, scalar: true });
  assert.deepEqual(Object.keys(slots), ["a/mean", "b/mean", "a/step", "b/step"]);
  assert.equal(made[1], slots["b/mean"]);
  assert.deepEqual(Object.values(slots).map(({ shape }) => shape), [[2], [1], [], []]);
  assert.ok(
    Object.values(slots).every((slot) => !slot.trainable && slot.dataSync().every((value) => value === 0)),
  );
});

test("sgd: the factors of a parameter's groups act on its rate and its decay alone", () => {
  const params = [param("a", [1]), { ...param("b", [1]), rate: 10, decay: 0.5 }, {
    ...param("c", [1]),
    decay: 0,
  }];
  const sgd = sgdOptimizer(params, setup, { lr: 0.1, momentum: 0, weight_decay: 0.2 });
  assert.equal(sgd.rate, 0.1);
  sgd.apply(params.map(() => tf.tensor1d([1])), 0.5);
  close(params[0]!.value, [1 - 0.05 * 1.2]);
  close(params[1]!.value, [1 - 0.5 * 1.1]);
  close(params[2]!.value, [1 - 0.05]);
});

test("adam: rate, decay and the schedule's multiplier act where they should", () => {
  const options = { lr: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.5 };
  // The first step is the rate times the sign of what is minimised, whatever its size.
  const after = (more: object, given: object = {}, multiplier = 1) => {
    const p = { ...param("w", [2]), ...more };
    adamOptimizer([p], setup, { ...options, ...given }).apply([tf.tensor1d([-0.3])], multiplier);
    return p.value;
  };
  close(after({}), [2 - 0.1]);
  close(after({ decay: 0 }), [2 + 0.1]);
  close(after({ rate: 3 }, {}, 0.5), [2 - 0.15]);
  close(after({}, { decoupled: true }), [2 * (1 - 0.1 * 0.5) + 0.1]);
  close(after({ rate: 2, decay: 0.5 }, { decoupled: true }, 0.5), [2 * (1 - 0.1 * 0.25) + 0.1]);
  close(after({}, { weight_decay: 0, epsilon: 0.3 }), [2 + 0.1 * 0.3 / 0.6], 1e-5);
});

test("adam: without a memory of gradients a step follows the last one alone", () => {
  const p = param("w", [0]);
  const options = { lr: 1, beta1: 0, beta2: 0, epsilon: 1e-8, weight_decay: 0 };
  const adam = adamOptimizer([p], setup, options);
  adam.apply([tf.tensor1d([100])], 1);
  adam.apply([tf.tensor1d([-0.01])], 1);
  close(p.value, [0], 1e-5);
  assert.equal(adam.rate, 1);
});

test("sgd: a parameter that is updated twice keeps the decay that was added before", () => {
  const p = { ...param("w", [1]), repeats: 2 };
  const sgd = sgdOptimizer([p], setup, { lr: 0.5, momentum: 0, weight_decay: 0.25 });
  const gradient = tf.tensor1d([1]);
  sgd.apply([gradient], 1);
  // g = 1 + 0.25, w = 0.375; then g = 1.25 + 0.25 * 0.375.
  close(p.value, [0.375 - 0.5 * (1.25 + 0.25 * 0.375)]);
  close(gradient, [1]);
});

Deno.test("poly: the warm-up rises from its start to the peak, or along the curve", () => {
  const of = (options: object) =>
    registry.plan("schedule", { type: "poly", options: { power: 1, ...options } });
  const at = (options: object) => [0, 1, 2, 3, 4].map((step) => of(options).multiplier(step, 4));
  assert.deepEqual(at({}), [1, 0.75, 0.5, 0.25, 0]);
  assert.deepEqual(at({ warmup: 0.5, warmup_from: 0.5 }), [0.5, 0.75, 0.5, 0.25, 0]);
  assert.deepEqual(at({ warmup: 0.5, warmup_to: "curve" }), [0, 0.375, 0.5, 0.25, 0]);
  assert.deepEqual(at({ warmup: 1 }), [0, 0.25, 0.5, 0.75, 0]);
  assert.deepEqual(at({ horizon: 2 }), [1, 0.875, 0.75, 0.625, 0.5]);
});
