/** DINOv2's transformer and VFM-UDA's head, held to the recorded values; shapes, names and numbers come from the list. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { Param, Setup } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { dinov2With } from "../../models/dinov2.ts";
import { lightHead } from "../../models/light_head.ts";
import { visionTransformer, type VisionTransformerShape } from "../../models/vision_transformer.ts";
import { gradients } from "../../ops/gradients.ts";
import { layersOf } from "../../ops/layers/scope.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import {
  type BackboneCase,
  backboneCases,
  equalsBackbone,
  equalsWeightGradients,
  readInput,
  weightOf,
} from "../backbones.ts";
import { backendTest } from "../goldens.ts";
import { tensorflowTest } from "../tensorflow.ts";

function recordedTest(name: string, run: () => Promise<void>): void {
  for (const backend of ["native", "wasm"] as const) backendTest(backend, name, run);
  tensorflowTest(name, run);
}

interface VitCase extends BackboneCase {
  readonly options: {
    readonly width: number;
    readonly blocks: number;
    readonly heads: number;
    readonly patch: number;
    readonly table: number;
    readonly registers: number;
    readonly offset: number;
    readonly antialias: boolean;
    readonly eps: number;
    readonly mlp_ratio: number;
    readonly classes?: number;
    readonly head_norm_eps?: number;
    /** Sides of the image that the transformer sees; absent: the image's. */
    readonly encoder_size?: number;
  };
}

function shapeOf({ options }: VitCase, checkpointing: boolean): VisionTransformerShape {
  const { offset, antialias, eps, mlp_ratio, ...sizes } = options;
  return { ...sizes, ratio: mlp_ratio, epsilon: eps, positions: { offset, antialias }, checkpointing };
}

/** A setup whose variables belong to the test. */
function setupOf(classes: number): Setup & { dispose(): void } {
  const made: tf.Variable[] = [];
  return {
    seed: 0,
    numClasses: classes,
    variable(_, initial, trainable = true) {
      const variable = tf.variable(initial, trainable);
      made.push(variable);
      return variable;
    },
    dispose: () => tf.dispose(made),
  };
}

/** The recorded name of a parameter. */
function recordedName({ method }: VitCase, own: string): string {
  return own.replace(/^backbone\./, method.includes("head") ? "encoder." : "");
}

/** Gives every parameter its recorded value; none is left over and none missing. */
function fill(of: VitCase, params: readonly Param[]): void {
  assert.deepEqual(
    params.map(({ name }) => recordedName(of, name)).sort(),
    Object.keys(of.weights!).sort(),
  );
  for (const { name, value } of params) {
    const weight = weightOf(of, recordedName(of, name));
    tf.tidy(() => {
      const stored = tf.tensor(toFloat32(weight), [...weight.shape]);
      value.assign(value.rank === 4 ? tf.transpose(stored, [2, 3, 1, 0]) : stored);
    });
  }
}

/** A weight's or a gradient's numbers as PyTorch keeps them. */
function asStored(tensor: tf.Tensor) {
  return tf.tidy(() => {
    const turned = tensor.rank === 4 ? tf.transpose(tensor, [3, 2, 0, 1]) : tensor;
    return { shape: turned.shape, values: turned.dataSync() };
  });
}

async function holdGradients(
  of: VitCase,
  params: readonly Param[],
  grads: readonly (tf.Tensor | undefined)[],
) {
  const [gx, ...others] = grads;
  await equalsBackbone(of, "gx", gx!);
  const byName = new Map(params.map(({ name, value }, k) => [
    recordedName(of, name),
    others[k] ?? tf.zerosLike(value),
  ]));
  equalsWeightGradients(of, (name) => asStored(byName.get(name)!));
  for (const key of Object.keys(of.outputs)) {
    const grad = byName.get(key.slice(1));
    if (!key.startsWith("g") || grad === undefined || of.zero_gradients?.includes(key.slice(1))) continue;
    // Filters lie [h, w, in, out] here; images are compared [n, h, w, c].
    const stored = grad.rank === 4 ? tf.transpose(grad, [3, 0, 1, 2]) : grad;
    await equalsBackbone(of, key, stored);
  }
}

for (const of of backboneCases<VitCase>("vit/")) {
  for (const checkpointing of [false, true]) {
    recordedTest(
      `${of.name}${checkpointing ? ", blocks computed again," : ""} is as recorded`,
      async () => {
        const setup = setupOf(1), layers = layersOf(setup);
        const encode = visionTransformer(layers, shapeOf(of, checkpointing));
        fill(of, layers.params);
        const x = tf.variable(readInput(of, "x"), true);
        const blocks = Array.from({ length: of.options.blocks }, (_, k) => k);
        const outputs: Record<string, tf.Tensor> = {};
        const { grads } = gradients(() => {
          const images = tf.mul(x, 1) as tf.Tensor4D;
          const { patch } = of.options, [n, height, width] = images.shape;
          const hidden = of.inputs["mask"] === undefined ? undefined : tf.cast(
            tf.reshape(readInput(of, "mask"), [n, height / patch, width / patch]) as tf.Tensor3D,
            "float32",
          );
          const { maps, classToken } = encode(images, { blocks, hidden });
          const seen = [...maps].map(([k, map]) => {
            outputs[`block${k}`] = tf.keep(tf.clone(map));
            return tf.sum(tf.mul(map, readInput(of, `gy${k}`)));
          });
          const token = classToken();
          outputs["class_token"] = tf.keep(tf.clone(token));
          return [...seen, tf.sum(tf.mul(token, readInput(of, "gyc")))].reduce((a, b) =>
            tf.add(a, b)
          ) as tf.Scalar;
        }, [x, ...layers.params.map(({ value }) => value)]);
        for (const [key, value] of Object.entries(outputs)) await equalsBackbone(of, key, value);
        await holdGradients(of, layers.params, grads);
        setup.dispose();
      },
    );
  }
}

for (const of of backboneCases<VitCase>("vfm_uda/")) {
  recordedTest(`${of.name} is as recorded`, async () => {
    const { options } = of, setup = setupOf(options.classes!), layers = layersOf(setup);
    const encode = visionTransformer(layers, shapeOf(of, false));
    const head = lightHead(layers, {
      width: options.width,
      classes: options.classes!,
      epsilon: options.head_norm_eps!,
    });
    fill(of, layers.params);
    const x = tf.variable(readInput(of, "x"), true);
    const outputs: Record<string, tf.Tensor> = {};
    const { grads } = gradients(() => {
      const images = tf.mul(x, 1) as tf.Tensor4D, side = options.encoder_size;
      const { maps } = encode(side === undefined ? images : resizeBilinear(images, [side, side]));
      const features = maps.get(options.blocks - 1)!;
      const logits = head.classify(head.decode(features));
      const resized = resizeBilinear(logits, [x.shape[1]!, x.shape[2]!]);
      Object.assign(outputs, { features: tf.keep(tf.clone(features)), logits: tf.keep(tf.clone(logits)) });
      if (of.outputs["resized"]) outputs["resized"] = tf.keep(tf.clone(resized));
      return tf.sum(tf.mul(of.outputs["resized"] ? resized : logits, readInput(of, "gy"))) as tf.Scalar;
    }, [x, ...layers.params.map(({ value }) => value)]);
    for (const [key, value] of Object.entries(outputs)) await equalsBackbone(of, key, value);
    await holdGradients(of, layers.params, grads);
    setup.dispose();
  });

  recordedTest(`${of.name}: the model dinov2 gives the recorded logits`, async () => {
    const { width, blocks, heads, patch, table, registers, classes, encoder_size } = of.options;
    const { mlp_ratio: ratio, eps: epsilon, head_norm_eps } = of.options;
    const plugin = dinov2With({ ratio, epsilon, headEpsilon: head_norm_eps! });
    const plan = new Registry([plugin]).plan("model", {
      type: "dinov2",
      options: {
        size: { width, blocks, heads },
        patch,
        table,
        registers,
        ...encoder_size === undefined ? { image_scale: 1 } : {},
      },
    });
    const setup = setupOf(classes!);
    const model = plan.create(setup);
    fill(of, model.params);
    const [view] = model.forward([readInput(of, "x")], { training: false });
    await equalsBackbone(of, "features", view!.taps[`block${blocks - 1}`]!);
    await equalsBackbone(of, "logits", view!.logits);
    setup.dispose();
  });
}
