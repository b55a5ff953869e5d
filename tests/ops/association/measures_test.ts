/** What diagnostics say of an association, against counting pixel by pixel; on the host and on the device. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { associationMeasures } from "../../../ops/association/measures.ts";
import { replaceKernels } from "../../../ops/kernels.ts";
import { Random } from "../../../core/random.ts";
import { Registry } from "../../../core/registry.ts";
import { similarities } from "../../../losses/mod.ts";
import { backendTest } from "../../goldens.ts";
import { composedRows } from "./composed_rows.ts";

const IGNORE = 255;
const [N, P, Q, C] = [2, 30, 20, 4];

const registry = new Registry([...similarities]);
const similarity = registry.plan("similarity", "cosine");

function drawn(seed: number) {
  const random = Random.stream(seed, "measures");
  const values = (count: number) => Array.from({ length: count }, () => random.normal());
  const ids = (count: number) => Array.from({ length: count }, () => [0, 1, IGNORE][random.integer(0, 2)]!);
  return {
    source: values(N * P * C),
    target: values(N * Q * C),
    labels: ids(N * P),
    targetLabels: ids(N * Q),
  };
}

type Drawn = ReturnType<typeof drawn>;

/** By the definitions alone. */
function counted({ source, target, labels, targetLabels }: Drawn) {
  const vector = (all: number[], index: number) => all.slice(index * C, (index + 1) * C);
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, k) => sum + value * b[k]!, 0);
  const cosine = (a: number[], b: number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  const nearest = (one: number[], others: number[][]) => {
    const all = others.map((other) => cosine(one, other));
    return all.indexOf(Math.max(...all));
  };
  let [associated, labelled, correct] = [0, 0, 0];
  const covered = new Set<string>();
  for (let n = 0; n < N; n++) {
    const sources = Array.from({ length: P }, (_, i) => vector(source, n * P + i));
    const targets = Array.from({ length: Q }, (_, j) => vector(target, n * Q + j));
    for (let i = 0; i < P; i++) {
      const j = nearest(sources[i]!, targets);
      const label = labels[n * P + i]!;
      if (label === IGNORE || labels[n * P + nearest(targets[j]!, sources)] !== label) continue;
      associated += 1;
      covered.add(`${n} ${j}`);
      const found = targetLabels[n * Q + j]!;
      if (found === IGNORE) continue;
      labelled += 1;
      if (found === label) correct += 1;
    }
  }
  return [associated / (N * P), covered.size / (N * Q), correct / labelled];
}

async function measured({ source, target, labels, targetLabels }: Drawn, withLabels = true) {
  const before = tf.memory().numTensors;
  const result = tf.tidy(() =>
    associationMeasures({
      from: tf.tensor3d(source, [N, P, C]),
      candidates: tf.tensor3d(target, [N, Q, C]),
      labels: tf.tensor2d(labels, [N, P], "int32"),
      ...(withLabels ? { targetLabels: tf.tensor2d(targetLabels, [N, Q], "int32") } : {}),
    }, { similarity, ignoreLabel: IGNORE }) as unknown as tf.TensorContainerObject
  ) as unknown as ReturnType<typeof associationMeasures>;
  const values = [];
  for (const scalar of [result.associated, result.covered, result.correct]) {
    values.push(scalar && (await scalar.data())[0]);
    scalar?.dispose();
  }
  assert.equal(tf.memory().numTensors, before, "tensors leaked");
  return values;
}

for (const [backend, device] of [["wasm", false], ["native", false], ["cpu", true]] as const) {
  backendTest(backend, `${device ? "device" : "host"}: the shares are those of the definitions`, async () => {
    if (device) replaceKernels(backend, { deviceRows: composedRows(7) });
    for (let seed = 0; seed < 20; seed++) {
      const given = drawn(seed);
      const expected = counted(given);
      assert.deepEqual(
        (await measured(given)).map((share) => share!.toFixed(6)),
        expected.map((x) => x.toFixed(6)),
      );
      assert.deepEqual((await measured(given, false))[2], undefined);
    }
    const none = { ...drawn(0), labels: new Array(N * P).fill(IGNORE) };
    assert.deepEqual(await measured(none), [0, 0, NaN]);
    const unlabelled = { ...drawn(0), targetLabels: new Array(N * Q).fill(IGNORE) };
    assert.deepEqual((await measured(unlabelled))[2], NaN);
  });
}
