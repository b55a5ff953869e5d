/**
 * The Lovasz-Softmax loss in one of several processes: `lovasz_child.ts RESULT CLASSES` computes it over four
 * images, of which each process has its part. The first one writes value and gradient of all.
 */
import * as tf from "@tensorflow/tfjs-core";
import { solo } from "../../core/world.ts";
import { selectBackend } from "../../mod.ts";
import { lovasz } from "../../ops/lovasz.ts";
import { launchOf, openProcesses } from "../../processes/mod.ts";

const IMAGES = 4, SIZE = 6;
const [result, classes] = [Deno.args[0]!, Number(Deno.args[1])];
const env = (name: string) => Deno.env.get(name);
const launch = launchOf(env);
const processes = launch && openProcesses(launch, env);
const world = processes?.world ?? solo;
await selectBackend("wasm", { threads: 1 });
const logits = tf.randomNormal([IMAGES, SIZE, SIZE, classes], 0, 1, "float32", 3) as tf.Tensor4D;
// The last class has no pixel, and one of them is ignored.
const ids = Int32Array.from(
  { length: IMAGES * SIZE * SIZE },
  (_, k) => k === 7 ? 255 : (k * k) % (classes - 1),
);
const labels = tf.tensor3d(ids, [IMAGES, SIZE, SIZE], "int32");
const images = IMAGES / world.size, first = images * world.rank;
const { value, grad } = tf.valueAndGrad((x) =>
  lovasz(
    tf.softmax(x) as tf.Tensor4D,
    tf.slice(labels, [first, 0, 0], [images, SIZE, SIZE]) as tf.Tensor3D,
    world,
  )
)(tf.slice(logits, [first, 0, 0, 0], [images, SIZE, SIZE, classes]));
const all = world.joined(grad);
if (world.rank === 0) {
  // Of each process's gradient the mean is taken.
  const gradient = [...all.dataSync()].map((slope) => slope / world.size);
  await Deno.writeTextFile(result, JSON.stringify({ value: value.dataSync()[0], gradient }));
}
processes?.close();
Deno.exit(0);
