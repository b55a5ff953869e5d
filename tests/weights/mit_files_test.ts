/** Files of Mix Transformers in the namings that are published, and the wrappers around them. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { Registry } from "../../core/registry.ts";
import { diskFiles } from "../../datasets/files.ts";
import type { WeightsSource } from "../../core/weights.ts";
import { MIT_SIZES } from "../../models/mit.ts";
import { daformerHead, segformerHead } from "../../models/mit_heads.ts";
import { mixTransformer, PUBLISHED_EPSILONS } from "../../models/mix_transformer.ts";
import { mitNames } from "../../models/mit_names.ts";
import { models } from "../../models/mod.ts";
import type { Layers } from "../../ops/layers/scope.ts";
import { assembleModel } from "../../train/assemble.ts";
import { modelState } from "../../train/state.ts";
import { initialiseFrom } from "../../train/weights.ts";
import { describeImport, fitWeights } from "../../weights/mapping.ts";
import { readWeights } from "../../weights/read.ts";
import { sizeOf, type StoredTensor, toFloat32 } from "../../weights/stored_tensor.ts";
import { backboneCase, equalsBackbone, readInput, weightOf } from "../backbones.ts";
import { backendTest } from "../goldens.ts";
import { asStored, encoderShape, fill, looseLayers, type MitCase } from "../mit.ts";
import { plainFiles, tinyPlan } from "../train/fakes.ts";

const goldens = new URL("../goldens/", import.meta.url);
const pathOf = (name: string) => new URL(name, goldens).pathname;
const readFile = (name: string) => readWeights(Deno.readFileSync(new URL(name, goldens)), name);

interface FilesCase extends MitCase {
  readonly files: Readonly<Record<string, string>>;
  readonly tensor_counts: Readonly<Record<string, number>>;
}

// --- namings ----------------------------------------------------------------------------------------------

const encoder = backboneCase<FilesCase>("checkpoint/mit_tiny");
const wanted = Object.entries(encoder.weights!).map(([name, { shape }]) => ({
  name: `backbone.${name}`,
  shape,
}));

/** What the model's names make of a file. */
function fitted(name: string) {
  const file = readFile(name);
  return { file, ...fitWeights({ path: name, file, names: mitNames("segformer"), wanted, classes: [] }) };
}

for (const [naming, name] of Object.entries(encoder.files)) {
  Deno.test(`${name} (${naming} names) has every tensor of the encoder and nothing else`, () => {
    const { file, tensors, unexpected, report } = fitted(name);
    assert.deepEqual([...tensors.keys()], wanted.map(({ name }) => name));
    for (const { name: own, shape } of wanted) {
      const expected = weightOf(encoder, own.slice("backbone.".length));
      assert.deepEqual(tensors.get(own)!.shape, shape, own);
      assert.deepEqual(tensors.get(own)!.data, toFloat32(expected), own);
    }
    assert.deepEqual([unexpected, report.initialised, report.warnings], [[], [], []]);
    // The classifier of ImageNet is all that is left.
    const skipped = report.skipped.flatMap(({ names }) => names);
    assert.equal(file.tensors.size - skipped.length, encoder.tensor_counts[naming]);
    assert.ok(skipped.every((one) => /^(?:head|classifier)\./.test(one)), skipped.join());
  });
}

Deno.test("whoever uses a published file is told its licence; of plca's own files nothing is said", () => {
  const { file, report } = fitted(encoder.files["original"]!);
  assert.match(
    report.notice!,
    /^the published weights of MiT and SegFormer are under the NVIDIA Source Code License/,
  );
  const own = { ...file, metadata: { producer: "plca" } };
  const again = fitWeights({ path: "own", file: own, names: mitNames("segformer"), wanted, classes: [] });
  assert.equal(again.report.notice, undefined);
});

Deno.test("keys without values, and rows that do not divide, stay what they are and are named", () => {
  const file = readFile(encoder.files["hf"]!);
  const key = "segformer.encoder.block.0.0.attention.self.key.weight";
  const tensors = new Map([...file.tensors].filter(([name]) => name !== key));
  const { dictionaries: _, ...rest } = file;
  const { report } = fitWeights({
    path: "cut",
    file: { ...rest, tensors },
    names: mitNames("segformer"),
    wanted,
    classes: [],
  });
  assert.deepEqual(report.initialised, [{ group: "backbone", names: ["backbone.block1.0.attn.kv.weight"] }]);
  assert.deepEqual(report.warnings, [
    "1 of the model's 100 tensors of backbone are not in the file: is it of another network?",
  ]);
});

/** Layers that count what they are asked for and allocate nothing. */
function counting() {
  const sizes = new Map<string, number>();
  const counted = (name: string, size: number) => {
    sizes.set(name, size);
    return {} as tf.Variable;
  };
  const layers: Layers = {
    params: [],
    buffers: {},
    param: (name, initial) => counted(name, initial.size),
    buffer: () => ({}) as tf.Variable,
    normal: (name, shape) => counted(name, sizeOf(shape)),
    normalFilter: (name, shape) => counted(name, sizeOf(shape)) as tf.Variable<tf.Rank.R4>,
  };
  return { sizes, layers };
}

backendTest(
  "native",
  "every size has as many tensors and numbers as the published files, its head too",
  () => {
    const published = {
      b0: [176, 3_319_392, 399_635],
      b1: [176, 13_151_424, 530_707],
      b2: [332, 24_196_288, 3_164_947],
      b3: [572, 44_072_128, 3_164_947],
      b4: [832, 60_842_688, 3_164_947],
      b5: [1052, 81_443_008, 3_164_947],
    };
    const sum = (sizes: ReadonlyMap<string, number>) => [...sizes.values()].reduce((a, b) => a + b, 0);
    for (const [size, { dims, blocks, width }] of Object.entries(MIT_SIZES)) {
      const numbers = { dims, blocks, heads: [1, 2, 5, 8], reductions: [8, 4, 2, 1], mlp_ratio: 4 } as const;
      const encoder = counting(), head = counting();
      tf.tidy(() => {
        mixTransformer(encoder.layers, encoderShape({ ...numbers, eps: PUBLISHED_EPSILONS }));
        segformerHead(head.layers, { dims, width, classes: 19, affine: true }, [3, 2, 1, 0]);
      });
      const found = [encoder.sizes.size, sum(encoder.sizes), sum(head.sizes)];
      assert.deepEqual(found, published[size as keyof typeof published], size);
    }
    const head = counting();
    const { dims } = MIT_SIZES.b5;
    tf.tidy(() => void daformerHead(head.layers, { dims, width: 256, classes: 19, affine: true }));
    assert.equal(sum(head.sizes), 3_712_275);
    return Promise.resolve();
  },
);

// --- wrappers ---------------------------------------------------------------------------------------------

const wrapped = backboneCase<FilesCase>("checkpoint/wrappers");

/** The model that a file of the case is read into. */
async function imported(head: "segformer" | "daformer", source: Omit<WeightsSource, "file">) {
  const { dims, blocks, heads, reductions, head_width, classes } = wrapped.options;
  const options = { dims, blocks, heads, reductions, head_width, head };
  const plan = new Registry(models).plan("model", { type: "mit", options });
  const labelSpace = {
    name: "wrapped",
    classes: Array.from({ length: classes! }, (_, k) => `class ${k}`),
    ignore: 255,
  };
  const planned = { ...tinyPlan(), labelSpace, model: { type: "mit", plan } };
  const model = assembleModel(planned);
  const target = { plan: planned, state: model.state };
  const report = await initialiseFrom({ file: pathOf(wrapped.files[head]!), ...source }, target, plainFiles);
  const values = new Map(modelState(model.segmenter).map(({ name, variable }) => [name, asStored(variable)]));
  model.dispose();
  return { report, values };
}

for (const head of ["segformer", "daformer"] as const) {
  backendTest("native", `${wrapped.files[head]}: the network that was evaluated, whole`, async () => {
    const { report, values } = await imported(head, {});
    for (const [name, { values: found }] of values) {
      assert.deepEqual(Array.from(found), Array.from(toFloat32(weightOf(wrapped, name))), name);
    }
    assert.deepEqual(report.initialised, []);
    assert.equal(report.used.length, values.size);
  });
}

backendTest(
  "native",
  "of DAFormer's checkpoints the student is taken, or the teacher who asks for it",
  async () => {
    const student = await imported("daformer", {});
    assert.equal(
      describeImport(student.report),
      "150 tensors used (SegFormer and DAFormer names, after model.); skipped: num_batches_tracked (24), ema_model (150), " +
        "imnet_model (150)",
    );
    assert.deepEqual(student.report.warnings, [
      "it also holds ema_model. (150 tensors that fit), which --take ema_model. takes instead",
      "it also holds imnet_model. (150 tensors that fit), which --take imnet_model. takes instead",
    ]);
    const teacher = await imported("daformer", { take: "ema_model" });
    assert.equal(teacher.report.used.length, teacher.values.size);
    for (const [name, { values }] of teacher.values) {
      assert.notDeepEqual(values, student.values.get(name)!.values, name);
    }
  },
);

// --- a folder of transformers -----------------------------------------------------------------------------

const folder = backboneCase<MitCase & { readonly folder: string }>("hf/segformer_tiny");

backendTest(
  "native",
  "a folder that transformers wrote gives the logits that transformers computes",
  async () => {
    const file = readFile(`${folder.folder}/model.safetensors`);
    const { classes, head_width: width, eps, dims } = folder.options;
    const original = { block: 1e-6, patch: 1e-5, reduction: 1e-5 };
    for (const [key, epsilon] of [["logits_eps_hf", eps], ["logits_eps_original", original]] as const) {
      const layers = looseLayers(classes);
      const encode = mixTransformer(layers, encoderShape({ ...folder.options, eps: epsilon }));
      const head = segformerHead(layers, { dims, width: width!, classes: classes!, affine: true }, [
        3,
        2,
        1,
        0,
      ]);
      const all = [
        ...layers.params.map(({ name, value }) => [name, value] as const),
        ...Object.entries(layers.buffers),
      ];
      const { tensors, unexpected, report } = fitWeights({
        path: folder.folder,
        file,
        names: mitNames("segformer"),
        wanted: all.map(([name, value]) => ({ name, shape: asStored(value).shape })),
        classes: Array.from({ length: classes! }, (_, k) => `class ${k}`),
      });
      assert.deepEqual([unexpected, report.initialised, report.warnings], [[], [], []]);
      assert.equal(report.scheme, "Hugging Face");
      fill(layers, (name) => tensors.get(name) as StoredTensor);
      const stages = encode(readInput<tf.Tensor4D>(folder, "x"), {});
      const { stage1, stage2, stage3, stage4 } = stages;
      const logits = head.classify(head.fuse([stage1, stage2, stage3, stage4], {}));
      await equalsBackbone(folder, key, logits);
      if (epsilon !== eps) continue;
      for (const [k, map] of Object.values(stages).entries()) await equalsBackbone(folder, `c${k + 1}`, map);
    }
  },
);

backendTest("native", "a recipe may name the folder instead of the file in it", async () => {
  const { dims, blocks, head_width, classes } = folder.options;
  const plan = new Registry(models).plan("model", { type: "mit", options: { dims, blocks, head_width } });
  const labelSpace = {
    name: "hf",
    classes: Array.from({ length: classes! }, (_, k) => `class ${k}`),
    ignore: 255,
  };
  const planned = { ...tinyPlan(), labelSpace, model: { type: "mit", plan } };
  const model = assembleModel(planned);
  const report = await initialiseFrom(
    { file: pathOf(folder.folder) },
    { plan: planned, state: model.state },
    diskFiles(),
  );
  assert.equal(report.used.length, model.state.length);
  model.dispose();
});
