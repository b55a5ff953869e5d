/** The Mix Transformer and its heads against the recorded values. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { View } from "../../core/plugin.ts";
import { crossEntropy } from "../../ops/cross_entropy.ts";
import { gradients } from "../../ops/gradients.ts";
import type { Pass } from "../../ops/layers/batch_norm.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { assembleModel, type Model } from "../../train/assemble.ts";
import { assignStored } from "../../train/checkpoint.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import {
  type BackboneCase,
  backboneCases,
  equalsBackbone,
  equalsWeightGradients,
  inputOf,
  maskStream,
  readInput,
  weightOf,
} from "../backbones.ts";
import { backendTest } from "../goldens.ts";
import { tensorflowTest } from "../tensorflow.ts";
import { asStored, encoderOf, type MitCase, type MitOptions, mitPlanOf, recordedSpace } from "../mit.ts";
import { tinyPlan } from "../train/fakes.ts";

/** A test after which there are no more tensors than before it; what it makes itself lies in a scope of its own. */
function tidyTest(name: string, fn: () => Promise<void>): void {
  const run = async () => {
    const before = tf.memory().numTensors;
    tf.engine().startScope();
    try {
      await fn();
    } finally {
      tf.engine().endScope();
    }
    assert.equal(tf.memory().numTensors, before, "tensors leaked");
  };
  for (const backend of ["native", "wasm"] as const) backendTest(backend, name, run);
  tensorflowTest(name, run);
}

function variableOf(one: MitCase, key: string): tf.Variable {
  return tf.tidy(() => tf.variable(readInput(one, key)));
}

// --- the encoder ------------------------------------------------------------------------------------------

/** What is drawn: nothing in a block that leaves out nothing, then the channels. */
function pathsOf(
  { drop_path: rates = [] }: MitOptions,
  masks: Float32Array,
  channels: Iterable<number>,
): Pass {
  const images = masks.length / rates.length / 2;
  const drawn = rates.flatMap((rate, block) =>
    rate === 0 ? [] : [...masks.slice(block * 2 * images, (block + 1) * 2 * images)]
  );
  return { random: { images: [images], streams: [maskStream([...drawn, ...channels])] } };
}

for (const one of backboneCases<MitCase>("mit/")) {
  for (const checkpointing of one.outputs["gw_norms"] ? [false, true] : [false]) {
    tidyTest(
      `${one.name} equals the recorded values${checkpointing ? ", blocks computed again" : ""}`,
      async () => {
        const weight = (name: string) => weightOf(one, name);
        const { layers, encode } = encoderOf(one.options, { checkpointing, weight });
        const image = variableOf(one, "x");
        const pass = one.inputs["mask"] ? pathsOf(one.options, toFloat32(inputOf(one, "mask")), []) : {};
        const variables = [image, ...layers.params.map(({ value }) => value)];
        let maps: readonly tf.Tensor[] = [];
        const { grads } = gradients(() => {
          const stages = encode(tf.mul(image, 1) as tf.Tensor4D, pass);
          maps = Object.values(stages).map((map) => tf.keep(map));
          return maps.map((map, k) =>
            one.inputs[`gy${k + 1}`] ? tf.sum(tf.mul(map, readInput(one, `gy${k + 1}`))) : tf.scalar(0)
          ).reduce((a, b) => tf.add(a, b));
        }, variables);
        for (const [k, map] of maps.entries()) await equalsBackbone(one, `c${k + 1}`, map);
        const [gx, ...others] = grads;
        if (one.outputs["gx"]) await equalsBackbone(one, "gx", gx!);
        await equalsGradients(
          one,
          new Map(layers.params.map(({ name }, k) => [
            name.replace(/^backbone\./, ""),
            others[k],
          ])),
        );
        tf.dispose([image, ...maps, ...layers.params.map(({ value }) => value)]);
      },
    );
  }
}

async function equalsGradients(one: BackboneCase, grads: ReadonlyMap<string, tf.Tensor | undefined>) {
  if (!one.outputs["gw_norms"]) return;
  equalsWeightGradients(one, (name) => asStored(grads.get(name)!));
  for (const key of Object.keys(one.outputs)) {
    const grad = key.startsWith("g") ? grads.get(key.slice(1)) : undefined;
    // What was recorded as a map is read as one.
    if (grad) {
      await equalsBackbone(one, key, grad.rank === 4 ? tf.transpose(grad, [3, 0, 1, 2]) : grad);
    }
  }
}

// --- with heads -------------------------------------------------------------------------------------------

async function withModel(one: MitCase, more: object, use: (model: Model) => Promise<void>): Promise<void> {
  const model = assembleModel({
    ...tinyPlan(),
    labelSpace: recordedSpace(one),
    model: { type: "mit", plan: mitPlanOf(one, more) },
  });
  try {
    for (const entry of model.state) assignStored(entry, weightOf(one, entry.name));
    assert.equal(model.state.length, Object.keys(one.weights!).length);
    await use(model);
  } finally {
    model.dispose();
  }
}

/** Of the logits at the image's size the rows and columns that the list names in words. */
function probe({ name, note }: BackboneCase, logits: tf.Tensor4D, [, height, width]: number[]): tf.Tensor {
  const [, row, column] = /every (\d+)\w* row and (\d+)\w* column/.exec(String(note)) ?? [];
  assert.ok(column, `${name}: its note does not say which pixels it has`);
  const whole = resizeBilinear(logits, [height!, width!]);
  return tf.stridedSlice(whole, [0, 0, 0, 0], whole.shape, [1, Number(row), Number(column), 1]);
}

for (const one of [...backboneCases<MitCase>("segformer/"), ...backboneCases<MitCase>("daformer/")]) {
  const { drop_path: rates, dropout = 0 } = one.options;
  const more = { drop_path: rates?.at(-1) ?? 0, dropout };
  tidyTest(`${one.name} equals the recorded values`, () =>
    withModel(one, more, async ({ segmenter }) => {
      const image = variableOf(one, "x");
      const variables = [image, ...segmenter.params.map(({ value }) => value)];
      let view: View | undefined;
      const { value, grads } = gradients(() => {
        const masks = one.inputs["drop_path"] &&
          pathsOf(
            one.options,
            toFloat32(inputOf(one, "drop_path")),
            toFloat32(inputOf(one, "drop_channels")),
          );
        const [made] = segmenter.forward([tf.mul(image, 1) as tf.Tensor4D], {
          training: one.options.training!,
          ...(masks ? { random: [...masks.random!.streams] } : {}),
        });
        view = {
          ...made!,
          logits: tf.keep(tf.clone(made!.logits)),
          updates: (made!.updates ?? []).map((update) => ({
            ...update,
            add: tf.keep(tf.clone(update.add)),
          })),
        };
        if (one.inputs["gy"]) return tf.sum(tf.mul(made!.logits, readInput(one, "gy"))) as tf.Scalar;
        if (!one.inputs["labels"]) return tf.mean(made!.logits) as tf.Scalar;
        const labels = tf.cast(readInput<tf.Tensor3D>(one, "labels"), "int32") as tf.Tensor3D;
        const [, height, width] = labels.shape;
        return crossEntropy(resizeBilinear(made!.logits, [height, width]), { labels }, "valid");
      }, variables);
      const { logits, updates = [] } = view!;
      await equalsBackbone(one, "logits", logits);
      if (one.outputs["probe"]) {
        await equalsBackbone(one, "probe", probe(one, logits, image.shape));
      }
      if (one.outputs["loss"]) await equalsBackbone(one, "loss", tf.reshape(value, [1]));
      if (one.outputs["gx"]) await equalsBackbone(one, "gx", grads[0]!);
      await equalsGradients(one, new Map(segmenter.params.map(({ name }, k) => [name, grads[k + 1]])));
      for (const key of Object.keys(one.outputs).filter((key) => key.endsWith(":after"))) {
        const variable = segmenter.buffers[key.slice(0, -":after".length)]!;
        const update = updates.find((update) => update.variable === variable)!;
        await equalsBackbone(
          one,
          key,
          tf.add(tf.mul(variable, update.keep), tf.mul(update.add, update.factor!)),
        );
      }
      tf.dispose([image, logits, ...updates.map(({ add }) => add)]);
    }));
}
