/** Our reverse differentiation gives what tfjs's gives, and frees on the way what tfjs keeps to the end. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { checkpoint } from "../../ops/checkpoint.ts";
import { gradients } from "../../ops/gradients.ts";
import { backendTest } from "../goldens.ts";

function values(tensors: readonly (tf.Tensor | undefined)[]): (number[] | undefined)[] {
  return tensors.map((tensor) => tensor && [...tensor.dataSync()]);
}

const test = (name: string, fn: () => void) =>
  backendTest("native", name, () => {
    const before = tf.memory().numTensors;
    tf.tidy(fn);
    assert.equal(tf.memory().numTensors, before, "tensors leaked");
    return Promise.resolve();
  });

test("value and gradients are tfjs's own; an input the value does not depend on has none", () => {
  const a = tf.tensor2d([[1, 2], [3, 4]]), b = tf.tensor2d([[-1, 0.5], [2, 1]]), unused = tf.scalar(1);
  const f = (x: tf.Tensor, y: tf.Tensor) => {
    const product = tf.matMul(x as tf.Tensor2D, y as tf.Tensor2D);
    const [left, right] = tf.split(product, 2, 1);
    return tf.sum(tf.add(tf.mul(tf.relu(left!), x), tf.square(tf.add(right!, product))));
  };
  const { value, grads } = gradients(() => f(a, b), [a, b, unused]);
  const expected = tf.valueAndGrads(f)([a, b]);
  assert.deepEqual(values([value]), values([expected.value]));
  assert.deepEqual(values(grads), [...values(expected.grads), undefined]);
});

test("a gradient that is passed on as it came reaches both inputs, and the caller keeps its own", () => {
  const a = tf.tensor1d([1, 2]), b = tf.tensor1d([3, 4]), dy = tf.tensor1d([5, 6]);
  const sum = tf.customGrad((...args) => ({
    value: tf.add(args[0] as tf.Tensor, args[1] as tf.Tensor),
    gradFunc: (slope: tf.Tensor) => [slope, slope],
  }));
  const { grads } = gradients(() => sum(sum(a, b), a), [a, b], dy);
  assert.deepEqual(values(grads), [[10, 12], [5, 6]]);
  assert.deepEqual(values([dy]), [[5, 6]]);
});

test("the value may be an input itself", () => {
  const a = tf.tensor1d([1, 2]);
  assert.deepEqual(values(gradients(() => a, [a]).grads), [[1, 1]]);
});

test("a gradient may be what was saved, or a tensor of somebody else, which stays his", () => {
  const x = tf.tensor1d([1, 2]), outside = tf.tensor1d([7, 8]);
  const saved = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    save([tf.mul(input, 3)]);
    return { value: tf.sum(input), gradFunc: (_: tf.Tensor, [kept]: tf.Tensor[]) => kept! };
  });
  const fixed = tf.customGrad((...args) => ({
    value: tf.sum(args[0] as tf.Tensor),
    gradFunc: () => outside,
  }));
  assert.deepEqual(values(gradients(() => saved(tf.square(x)), [x]).grads), [[6, 48]]);
  assert.deepEqual(values(gradients(() => fixed(tf.square(x)), [x]).grads), [[14, 32]]);
  assert.deepEqual(values(gradients(() => fixed(x), [x]).grads), [[7, 8]]);
  assert.deepEqual(values([outside]), [[7, 8]]);
});

test("an input that is asked for twice, or is the value, gets tensors of its own", () => {
  const x = tf.tensor1d([1, 2]), dy = tf.tensor1d([3, 4]);
  const [first, second] = gradients(() => tf.square(x), [x, x], dy).grads;
  first!.dispose();
  assert.deepEqual(values([second]), [[6, 16]]);
  gradients(() => x, [x], dy).grads[0]!.dispose();
  assert.deepEqual(values([dy]), [[3, 4]]);
});

test("gradients are refused while others are recorded, whose tape they would take", () => {
  const x = tf.tensor1d([1, 2]);
  const f = () => tf.sum(gradients(() => tf.square(x), [x]).grads[0]!);
  assert.throws(() => tf.tidy(() => gradients(f, [x]).value), {
    message: "gradients cannot be asked for while others are recorded",
  });
  assert.deepEqual(values(gradients(() => tf.square(x), [x]).grads), [[2, 4]]);
});

test("gradients can be taken within the gradient of an operator, under tfjs's tape as well", () => {
  const cube = (x: tf.Tensor) => tf.mul(x, tf.square(x));
  const op = (x: tf.Tensor) =>
    tf.customGrad((...args) => {
      const [input, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
      save([input]);
      return {
        value: cube(input),
        gradFunc: (dy: tf.Tensor, [kept]: tf.Tensor[]) => gradients(() => cube(kept!), [kept!], dy).grads[0]!,
      };
    })(x);
  const x = tf.tensor1d([2, -1]);
  const f = () => tf.sum(tf.add(op(x), op(tf.mul(x, 2)))) as tf.Scalar;
  assert.deepEqual(values(gradients(f, [x]).grads), [[108, 27]]);
  assert.deepEqual(values([tf.grad(() => f())(x)]), [[108, 27]]);
});

test("an operator without a gradient is named, and nothing stays behind", () => {
  const x = tf.tensor1d([3, 1, 2]);
  const before = tf.memory().numTensors;
  assert.throws(
    () => tf.tidy(() => gradients(() => tf.sum(tf.topk(tf.square(x), 1).values), [x]).value),
    { message: "the operator TopK has no gradient" },
  );
  assert.equal(tf.memory().numTensors, before);
});

test("an error in the function itself leaves no tape behind", () => {
  const x = tf.tensor1d([3, 1, 2]);
  const fail = (): tf.Tensor => {
    tf.square(x);
    throw new Error("no");
  };
  assert.throws(() => tf.tidy(() => gradients(fail, [x]).value), { message: "no" });
  assert.deepEqual(values(gradients(() => tf.square(x), [x]).grads), [[6, 2, 4]]);
});

/** Bytes that exist when the last gradient of a chain of squares is made. */
function lastBytes(links: number, run: (x: tf.Tensor, chain: (y: tf.Tensor) => tf.Tensor) => void): number {
  const x = tf.fill([1000], 0.5);
  const before = tf.memory().numBytes;
  let last = 0;
  run(x, (y) => {
    for (let k = 0; k < links; k++) {
      y = tf.customGrad((...args) => {
        const [input, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
        save([input]);
        return {
          value: tf.square(input),
          gradFunc: (dy: tf.Tensor, [kept]: tf.Tensor[]) => {
            const dx = tf.mul(dy, tf.mul(kept!, 2));
            last = tf.memory().numBytes - before;
            return dx;
          },
        };
      })(y);
    }
    return y;
  });
  return last;
}

test("on the way back memory shrinks: every tensor goes when its operator had its turn", () => {
  const links = 20, bytes = 4000;
  const ours = lastBytes(links, (x, chain) => void gradients(() => chain(x), [x]));
  const theirs = lastBytes(links, (x, chain) => void tf.grad((y: tf.Tensor) => chain(y))(x));
  // The value, the gradient before, and what the last operator makes.
  assert.ok(ours <= 6 * bytes, `${ours} bytes`);
  assert.ok(theirs >= 2 * links * bytes, `${theirs} bytes: tfjs frees as well now, so ours may go`);
});

test("a checkpointed block has the same gradients, for its parameters too, and keeps its input only", () => {
  const weight = tf.variable(tf.tensor1d([0.5, -2])), x = tf.tensor4d([1, 2, 3, 4], [1, 1, 2, 2]);
  let calls = 0;
  const block = (y: tf.Tensor4D) => {
    calls += 1;
    return tf.square(tf.mul(tf.square(y), weight)) as tf.Tensor4D;
  };
  const plain = gradients(() => tf.sum(block(x)), [x, weight]);
  const again = gradients(() => tf.sum(checkpoint(block, x, [weight])), [x, weight]);
  assert.deepEqual(values(again.grads), values(plain.grads));
  assert.deepEqual(values([again.value]), values([plain.value]));
  assert.equal(calls, 3, "once, and twice with the repetition for the gradient");
  weight.dispose();
});

Deno.test("a listener hears of every gradient once, as soon as nothing is added to it any more", () => {
  const [a, b, unused] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4]), tf.tensor1d([5])];
  const heard: string[] = [];
  const f = () => {
    const first = tf.mul(a!, 2);
    return tf.sum(tf.mul(tf.mul(first, b!), a!));
  };
  const { grads } = gradients(f, [a!, b!, unused!], undefined, {
    done: (k, grad) => heard.push(`${k} ${grad ? [...grad.dataSync()].join() : "none"}`),
    between: () => heard.push("-"),
  });
  // Backwards: the sum, the last product, the one with b, and the first with a.
  assert.deepEqual(heard, ["2 none", "-", "-", "1 2,8", "-", "0 12,32", "-"]);
  assert.deepEqual([...grads[0]!.dataSync()], [12, 32]);
});
