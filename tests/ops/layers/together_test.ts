/** Several batches through a network at once: each has what it would have alone. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { Random } from "../../../core/random.ts";
import { batchNorm, type Pass } from "../../../ops/layers/batch_norm.ts";
import { drawnFactors } from "../../../ops/layers/dropout.ts";
import { forwardTogether, type RunNetwork } from "../../../ops/layers/together.ts";
import { checkpoint } from "../../../ops/checkpoint.ts";
import { gradients } from "../../../ops/gradients.ts";
import { normals } from "../../contracts/differences.ts";
import { relative, scopedTest } from "../../goldens.ts";
import { looseLayers } from "../../mit.ts";

const images = (name: string, n: number, side = 4) =>
  tf.tensor4d(normals(n * side * side * 3, 1, name), [n, side, side, 3]);

/** A norm and a tap, and how often and with what it ran. */
function network(passes: Pass[] = []) {
  const layers = looseLayers();
  const norm = batchNorm(layers, ["n", 3]);
  const run: RunNetwork = (x, pass) => {
    passes.push(pass);
    const y = norm(x, pass);
    return { logits: y, taps: { logits: y, half: tf.mul(y, 0.5), input: tf.clone(x) } };
  };
  return {
    run,
    layers,
    done: () => tf.dispose([...layers.params.map(({ value }) => value), ...Object.values(layers.buffers)]),
  };
}

scopedTest(
  "forwardTogether: batches of one size are joined, of several sizes run one after the other",
  () => {
    const passes: Pass[] = [], { run, done } = network(passes);
    const forward = forwardTogether(run, { batch: true });
    assert.deepEqual(forward([], { training: true }), []);
    assert.equal(passes.length, 0);
    const same = forward([images("a", 2), images("b", 1)], { training: true });
    assert.deepEqual(passes.map(({ parts }) => parts), [[2, 1]]);
    assert.deepEqual(same.map(({ logits }) => logits.shape[0]), [2, 1]);
    passes.length = 0;
    const other = forward([images("a", 2), images("b", 1, 5), images("c", 1)], { training: true });
    assert.deepEqual(passes.map(({ parts }) => parts), [[2], [1], [1]]);
    assert.deepEqual(other.map(({ logits }) => logits.shape), [[2, 4, 4, 3], [1, 5, 5, 3], [1, 4, 4, 3]]);
    done();
  },
);

scopedTest("forwardTogether: a batch has the statistics, taps and updates that it has alone", () => {
  const { run, layers, done } = network();
  const forward = forwardTogether(run, { batch: true });
  const [a, b] = [images("a", 2), tf.add<tf.Tensor4D>(images("b", 3), 5)];
  const together = forward([a, b], { training: true });
  for (const [k, one] of [a, b].entries()) {
    const [alone] = forward([one], { training: true });
    const { logits, taps, updates } = together[k]!;
    assert.ok(relative(logits.dataSync(), alone!.logits.dataSync()) < 1e-5);
    assert.deepEqual(taps["input"]!.dataSync(), one.dataSync());
    assert.deepEqual(Object.keys(taps), ["logits", "half", "input"]);
    assert.deepEqual(updates!.map(({ keep }) => keep), [0.9, 0.9]);
    updates!.forEach(({ variable, add }, which) => {
      assert.equal(variable, Object.values(layers.buffers)[which]);
      assert.ok(relative(add.dataSync(), alone!.updates![which]!.add.dataSync()) < 1e-5);
    });
  }
  done();
});

scopedTest(
  "forwardTogether: in evaluation, and where statistics are fixed, running ones are used and nothing is reported",
  () => {
    for (const [batch, training] of [[true, false], [false, true], [false, false]] as const) {
      const passes: Pass[] = [], { run, done } = network(passes);
      const [one, other] = forwardTogether(run, { batch })([images("a", 1), images("b", 2)], { training });
      assert.deepEqual([one!.updates, other!.updates, passes[0]!.parts], [undefined, undefined, undefined]);
      assert.ok(relative(other!.logits.dataSync(), images("b", 2).dataSync()) < 1e-4);
      done();
    }
  },
);

scopedTest(
  "forwardTogether: of several batches only the wanted taps are cut out, and the logits always",
  () => {
    const { run, done } = network();
    const forward = forwardTogether(run, { batch: false });
    const keys = (taps?: readonly string[]) =>
      Object.keys(
        forward([images("a", 1), images("b", 1)], { training: false, ...(taps ? { taps } : {}) })[1]!.taps,
      );
    assert.deepEqual(keys(["half"]), ["logits", "half"]);
    assert.deepEqual(keys([]), ["logits"]);
    assert.deepEqual(keys(), ["logits", "half", "input"]);
    done();
  },
);

scopedTest("forwardTogether: each batch draws from its own stream, and hides its own share", () => {
  const passes: Pass[] = [];
  const run: RunNetwork = (x, pass) => {
    passes.push(pass);
    const factors = drawnFactors(1, 0.5, pass);
    const y = factors ? tf.mul(x, tf.tensor4d(factors, [x.shape[0], 1, 1, 1])) as tf.Tensor4D : x;
    return { logits: y, taps: { logits: y } };
  };
  const forward = forwardTogether(run, { batch: false });
  const random = (...names: string[]) => names.map((name) => Random.stream(0, name));
  const [a, b] = [images("a", 6), images("b", 6)];
  const [, beside] = forward([a, b], { training: true, random: random("a", "b") });
  const [alone] = forward([b], { training: true, random: random("b") });
  assert.deepEqual(beside!.logits.dataSync(), alone!.logits.dataSync());
  assert.deepEqual(passes.map(({ random }) => random!.images), [[6, 6], [6]]);
  passes.length = 0;
  forward([a, b], { training: true, hide: [0, 0.3] });
  forward([a, b], { training: true, hide: [0, 0] });
  forward([a, images("c", 1, 5)], { training: true, hide: [0.2, 0] });
  assert.deepEqual(passes.map(({ hide }) => hide), [[0, 0.3], undefined, [0.2], undefined]);
});

scopedTest("forwardTogether: a block that runs again for its gradient reports its statistics once", () => {
  const layers = looseLayers();
  const norm = batchNorm(layers, ["n", 3]);
  const weights = layers.params.map(({ value }) => value);
  const run: RunNetwork = (x, pass) => {
    const y = checkpoint((input) => norm(input, pass), x, weights);
    return { logits: y, taps: { logits: y } };
  };
  const forward = forwardTogether(run, { batch: true });
  let updates = 0;
  const { grads } = gradients(() => {
    const [view] = forward([images("a", 2)], { training: true });
    updates = view!.updates!.length;
    return tf.sum(tf.square(view!.logits));
  }, weights);
  assert.equal(updates, 2);
  assert.ok(grads.every((grad) => grad !== undefined));
  tf.dispose([...weights, ...Object.values(layers.buffers)]);
});
