/** One association with aggregation, forward and backward, in a process of its own: SIDE CHANNELS cos|kl. Prints JSON. */
import * as tf from "@tensorflow/tfjs-core";
import { resourceUsage } from "node:process";
import { aggregate } from "../backends/ops/aggregation.ts";
import { associationLoss } from "../backends/ops/association.ts";
import { selectBackend } from "../backends/select.ts";
import { Random } from "../core/random.ts";
import { Registry } from "../core/registry.ts";
import { similarities } from "../losses/mod.ts";

const [side, channels, metric] = [Number(Deno.args[0]), Number(Deno.args[1]), Deno.args[2]];
const registry = new Registry([...similarities]);
const name = metric === "cos" ? "cosine" : "negative-kl";
const similarity = registry.get("similarity", name, []).plan({}, [], registry);
await selectBackend("native");
const random = Random.stream(0, "association");
const pixels = side * side;

function features(): tf.Tensor3D {
  const values = new Float32Array(pixels * channels);
  for (let k = 0; k < values.length; k++) values[k] = random.normal();
  const x = tf.tensor3d(values, [1, pixels, channels]);
  const made = tf.tidy(() => metric === "cos" ? tf.relu(x) : tf.softmax(x));
  x.dispose();
  return made;
}

const [source, target] = [features(), features()];
const ids = Int32Array.from({ length: pixels }, () => random.integer(0, 18));
const labels = tf.tensor2d(ids, [1, pixels], "int32");
const base = Deno.memoryUsage().rss;
const started = performance.now();
const grads = tf.valueAndGrads((s, t) => {
  const mixed = aggregate(t as tf.Tensor3D, {
    similarity,
    alpha: 0.5,
    contrast: similarity.contrastAggregation,
  });
  return associationLoss([s as tf.Tensor3D, mixed], labels, {
    similarity,
    contrast: true,
    objective: "contrastive",
    ignoreLabel: 255,
  }).loss;
})([source, target]);
const loss = grads.value.dataSync()[0];
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify({ loss, seconds, extra_memory_gb: (1024 * resourceUsage().maxRSS - base) / 1e9 }));
Deno.exit(0);
