/** What carries no gradient, and what is kept of it. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { addAll } from "../../ops/add_all.ts";
import { constant, constants } from "../../ops/constant.ts";
import { comesOfVariables, gradients } from "../../ops/gradients.ts";
import { scoped } from "../../ops/scoped.ts";
import { scopedTest } from "../goldens.ts";

scopedTest("constant: no gradient flows, and operators that have none may be used", () => {
  const x = tf.tensor1d([1, 3, 2]);
  const { value, grads } = gradients(() => {
    const winner = constant(() => tf.cast(tf.oneHot(tf.argMax(x), 3), "float32"));
    return tf.sum(tf.mul(tf.square(x), winner));
  }, [x]);
  assert.equal(value.dataSync()[0], 9);
  assert.deepEqual([...grads[0]!.dataSync()], [0, 6, 0]);
  assert.equal(gradients(() => tf.sum(constant(() => tf.square(x))), [x]).grads[0], undefined);
});

scopedTest("constants: several tensors, in objects and lists, are constants; all others are freed", () => {
  const x = tf.tensor1d([1, 3, 2]), before = tf.memory().numTensors;
  const { value, grads } = gradients(() => {
    const { most, parts } = constants(() => {
      tf.square(tf.neg(x));
      return { most: tf.max(x), parts: [tf.cast(tf.argMax(x), "float32"), tf.sum(x)] };
    });
    return tf.sum(tf.mul(x, tf.add(most, tf.add(parts[0]!, parts[1]!))));
  }, [x]);
  assert.equal(value.dataSync()[0], 6 * (3 + 1 + 6));
  assert.deepEqual([...grads[0]!.dataSync()], [10, 10, 10]);
  tf.dispose([value, grads[0]!]);
  assert.equal(tf.memory().numTensors, before);
});

scopedTest("constants: after an error inside, what follows is recorded again", () => {
  const x = tf.tensor1d([2]);
  assert.throws(() =>
    constants(() => {
      throw new Error("no");
    }), { message: "no" });
  assert.deepEqual([...gradients(() => tf.square(x), [x]).grads[0]!.dataSync()], [4]);
});

scopedTest("scoped: a result on the host comes out, and every tensor is freed", () => {
  const before = tf.memory().numTensors;
  assert.deepEqual(scoped(() => [...tf.square(tf.tensor1d([1, 2])).dataSync()]), [1, 4]);
  assert.equal(tf.memory().numTensors, before);
});

scopedTest(
  "comesOfVariables: only what a trainable variable was read for, and only while it is recorded",
  () => {
    const trained = tf.variable(tf.tensor1d([1])), fixed = tf.variable(tf.tensor1d([2]), false);
    const x = tf.tensor1d([3]);
    const found: boolean[] = [];
    gradients(() => {
      const image = tf.mul(tf.square(tf.mul(x, trained)), 2);
      const frozen = tf.mul(x, fixed);
      found.push(...[image, frozen, x, tf.square(x)].map(comesOfVariables));
      return tf.sum(tf.add(image, frozen));
    }, [trained, x]);
    assert.deepEqual(found, [true, false, false, false]);
    assert.equal(comesOfVariables(tf.mul(x, trained)), false, "nothing is recorded here");
    tf.dispose([trained, fixed]);
  },
);

scopedTest(
  "gradients: an operator whose gradient has another shape or type is named, with both shapes",
  () => {
    const x = tf.tensor1d([1, 2]);
    const wrong = (gradient: () => tf.Tensor) => () =>
      tf.tidy(() =>
        gradients(() =>
          tf.customGrad((...args) => ({
            value: tf.square(args[0] as tf.Tensor),
            gradFunc: () => gradient(),
          }))(x), [x]).value
      );
    assert.throws(wrong(() => tf.ones([2, 1])), {
      message: "the gradient of unnamed scope for its input 0 is float32 [2,1], expected float32 [2]",
    });
    assert.throws(wrong(() => tf.ones([2], "int32")), {
      message: "the gradient of unnamed scope for its input 0 is int32 [2], expected float32 [2]",
    });
    assert.deepEqual([...gradients(() => tf.square(x), [x]).grads[0]!.dataSync()], [2, 4]);
  },
);

scopedTest(
  "gradients: values that are no scalars are summed by dy; without one every element counts once",
  () => {
    const x = tf.tensor2d([[1, 2], [3, 4]]);
    assert.deepEqual([...gradients(() => tf.square(x), [x]).grads[0]!.dataSync()], [2, 4, 6, 8]);
    const dy = tf.tensor2d([[1, 0], [-1, 0.5]]);
    assert.deepEqual([...gradients(() => tf.square(x), [x], dy).grads[0]!.dataSync()], [2, 0, -6, 4]);
  },
);

scopedTest(
  "addAll adds from the first to the last, hands out a tensor of its own, and refuses nothing",
  () => {
    const one = tf.tensor1d([1, 2]);
    const alone = addAll([one]);
    alone.dispose();
    assert.deepEqual([...one.dataSync()], [1, 2]);
    // In float32 the order shows: 1e8 + 1 is 1e8.
    const sum = (values: readonly number[]) => addAll(values.map((value) => tf.scalar(value))).dataSync()[0];
    assert.deepEqual([sum([1e8, 1, -1e8]), sum([1e8, -1e8, 1])], [0, 1]);
    assert.throws(() => addAll([]), { message: "there is nothing to add" });
  },
);
