import * as tf from "@tensorflow/tfjs-core";
import { resourceUsage } from "node:process";
import { builtins } from "./builtins.ts";
import { aggregate } from "./backends/ops/aggregation.ts";
import { associationLoss } from "./backends/ops/association.ts";
import { gradients } from "./backends/ops/gradients.ts";
import { selectBackend } from "./backends/select.ts";
import { replaceKernels } from "./backends/ops/kernels.ts";
import { tensorflowKernels } from "./backends/tensorflow/kernels.ts";
const [backend, mode, blockMb] = Deno.args;
await selectBackend(backend as any);
if (mode === "host") replaceKernels("tensorflow", { ...tensorflowKernels(), deviceRows: undefined } as any);
if (blockMb) { const k = tensorflowKernels() as any; replaceKernels("tensorflow", { ...k, deviceRows: { ...k.deviceRows, blockRows: (c: number) => Math.max(1, Math.floor(+blockMb * 2 ** 20 / 4 / c)) } }); }
const registry = builtins();
for (const [side, ch, name, n] of [[46, 512, "cosine", 1], [18, 256, "cosine", 4], [18, 19, "negative-kl", 4], [92, 19, "negative-kl", 1], [92, 2048, "cosine", 1]] as const) {
  const similarity = registry.get("similarity", name, []).plan({}, [], registry);
  const P = side * side;
  const mk = (s: number) => tf.tidy(() => { const x = tf.randomNormal([n, P, ch], 0, 1, "float32", s) as tf.Tensor3D; return similarity.accepts === "real" ? tf.relu(x) : tf.softmax(x); });
  const source = mk(1), target = mk(2);
  const labels = tf.tensor2d(Int32Array.from({ length: n * P }, (_, k) => (k * 7919 + (k >> 3)) % 19), [n, P], "int32");
  const times = [];
  const base = Deno.memoryUsage().rss;
  for (let k = 0; k < (ch === 2048 ? 1 : 4); k++) {
    const t = performance.now();
    tf.tidy(() => {
      const { value } = gradients(() => {
        const contrast = similarity.contrastAggregation;
        const mixed = aggregate(target, { similarity, alpha: 0.5, contrast });
        return associationLoss([source, mixed], labels, { similarity, contrast: true, objective: "contrastive", ignoreLabel: 255 }).loss;
      }, [source, target]);
      value.dataSync();
    });
    times.push(performance.now() - t);
  }
  tf.dispose([source, target, labels]);
  console.log(backend, mode ?? "", side, ch, name, n, (times.sort((a, b) => a - b)[times.length >> 1]! / 1000).toFixed(3), "s, extra GB", ((1024 * resourceUsage().maxRSS - base) / 1e9).toFixed(2));
}
Deno.exit(0);
