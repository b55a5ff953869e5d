/** Files of Mix Transformers in the namings that are published, and the wrappers around them. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { diskFiles } from "../../datasets/files.ts";
import type { WeightsSource } from "../../core/weights.ts";
import { segformerHead } from "../../models/mit_heads.ts";
import { mixTransformer, PUBLISHED_EPSILONS } from "../../models/mix_transformer.ts";
import { mitNames } from "../../models/mit_names.ts";
import { assembleModel } from "../../train/assemble.ts";
import { modelState } from "../../train/state.ts";
import { initialiseFrom } from "../../train/weights.ts";
import { describeImport, fitWeights } from "../../weights/mapping.ts";
import { readWeights } from "../../weights/read.ts";
import { type LazyTensor, type StoredTensor, toFloat32 } from "../../weights/stored_tensor.ts";
import type { WeightsFile } from "../../weights/weights_file.ts";
import { backboneCases, equalsBackbone, readInput, weightOf } from "../backbones.ts";
import { backendTest } from "../goldens.ts";
import {
  asStored,
  encoderShape,
  fill,
  fuseOrder,
  looseLayers,
  type MitCase,
  mitPlanOf,
  recordedSpace,
} from "../mit.ts";
import { plainFiles, tinyPlan } from "../train/fakes.ts";

const goldens = new URL("../goldens/", import.meta.url);
const pathOf = (name: string) => new URL(name, goldens).pathname;
const readFile = (name: string) => readWeights(Deno.readFileSync(new URL(name, goldens)), name);

interface FilesCase extends MitCase {
  /** By naming, files with the encoder; by head, files with the whole network. */
  readonly files: Readonly<Record<string, string>>;
}

/** Files of encoders in several namings, and files of whole networks. */
const checkpoints = backboneCases<FilesCase>("checkpoint/");

// --- namings ----------------------------------------------------------------------------------------------

interface NamingCase extends FilesCase {
  /** By naming, without the classifier. */
  readonly tensor_counts: Readonly<Record<string, number>>;
  /** By a weight's original name: the tensors that it is in other namings, or is a part of. */
  readonly names: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** A file with other tensors, all at its top. */
function changed(file: WeightsFile, tensors: Iterable<readonly [string, LazyTensor]>): WeightsFile {
  const { dictionaries: _, ...rest } = file;
  return { ...rest, tensors: new Map(tensors) };
}

const wantedOf = (one: MitCase) =>
  Object.entries(one.weights!).map(([name, { shape }]) => ({ name: `backbone.${name}`, shape }));

/** What the model's names make of a file with an encoder. */
function fitted(one: MitCase, file: WeightsFile) {
  const names = mitNames("segformer"), wanted = wantedOf(one);
  return fitWeights({ path: "file", file, names, wanted, classes: [] });
}

/** Fails unless a file has every tensor of the encoder, and but for the classifier of ImageNet nothing else. */
function assertWhole(one: MitCase, file: WeightsFile, count: number) {
  const { tensors, unexpected, report } = fitted(one, file);
  assert.deepEqual([...tensors.keys()], wantedOf(one).map(({ name }) => name));
  for (const { name: own, shape } of wantedOf(one)) {
    const expected = weightOf(one, own.slice("backbone.".length));
    assert.deepEqual(tensors.get(own)!.shape, shape, own);
    assert.deepEqual(tensors.get(own)!.data, toFloat32(expected), own);
  }
  assert.deepEqual([unexpected, report.initialised, report.warnings], [[], [], []]);
  const skipped = report.skipped.flatMap(({ names }) => names);
  assert.equal(file.tensors.size - skipped.length, count);
  assert.ok(skipped.every((one) => /^(?:encoder\.)?(?:head|classifier)\./.test(one)), skipped.join());
  return report;
}

const isNaming = (one: FilesCase): one is NamingCase => "tensor_counts" in one;

for (const one of checkpoints.filter(isNaming)) {
  for (const [naming, name] of Object.entries(one.files)) {
    Deno.test(`${name} (${naming} names) has every tensor of the encoder and nothing else`, () => {
      assertWhole(one, readFile(name), one.tensor_counts[naming]!);
    });
  }

  Deno.test(`${one.name}: the encoder of timm and segmentation_models_pytorch lies a level deeper`, () => {
    const file = readFile(one.files["original"]!);
    const deeper = changed(file, [...file.tensors].map(([name, tensor]) => [`encoder.${name}`, tensor]));
    const { scheme, prefix } = assertWhole(one, deeper, one.tensor_counts["original"]!);
    assert.deepEqual([scheme, prefix], ["MiT", "encoder."]);
  });

  Deno.test(`${one.name}: who uses a published file is told its licence; of plca's own files nothing is said`, () => {
    const file = readFile(one.files["original"]!);
    assert.match(
      fitted(one, file).report.notice!,
      /^the published weights of MiT and SegFormer are under the NVIDIA Source Code License/,
    );
    assert.equal(fitted(one, { ...file, metadata: { producer: "plca" } }).report.notice, undefined);
  });

  Deno.test(`${one.name}: keys without values, and rows that do not divide, stay what they are and are named`, () => {
    const file = readFile(one.files["hf"]!);
    const [joined, { hf }] = Object.entries(one.names).find(([, { hf }]) => hf!.length > 1)!;
    const { report } = fitted(one, changed(file, [...file.tensors].filter(([name]) => name !== hf![0])));
    assert.deepEqual(report.initialised, [{ group: "backbone", names: [`backbone.${joined}`] }]);
    assert.deepEqual(report.warnings, [
      `1 of the model's ${
        wantedOf(one).length
      } tensors of backbone are not in the file: is it of another network?`,
    ]);
  });
}

// --- wrappers ---------------------------------------------------------------------------------------------

/** The recorded network with this head, as it begins. @param more options beside the recorded ones */
function begun(one: MitCase, more: object = {}) {
  const plan = mitPlanOf(one, more);
  const planned = { ...tinyPlan(), labelSpace: recordedSpace(one), model: { type: "mit", plan } };
  return { planned, model: assembleModel(planned) };
}

/** What becomes of the network by a file of the case. */
async function imported(one: FilesCase, head: string, source: Omit<WeightsSource, "file">) {
  const { planned, model } = begun(one, { head });
  const target = { plan: planned, state: model.state };
  const report = await initialiseFrom({ file: pathOf(one.files[head]!), ...source }, target, plainFiles);
  const values = new Map(modelState(model.segmenter).map(({ name, variable }) => [name, asStored(variable)]));
  model.dispose();
  return { report, values };
}

/** How many tensors each network of a file has, counts of batches apart. */
function sizesIn(file: WeightsFile) {
  const names = [...file.tensors.keys()];
  const isCount = (name: string) => name.endsWith("num_batches_tracked");
  const networks = names.filter((name) => !isCount(name)).map((name) => name.split(".")[0]!);
  const sizes = [...new Set(networks)].map((network) =>
    [network, networks.filter((one) => one === network).length] as const
  );
  return { counts: names.filter(isCount).length, sizes: new Map(sizes) };
}

for (const one of checkpoints.filter((one) => !isNaming(one))) {
  for (const [head, name] of Object.entries(one.files)) {
    backendTest("native", `${name}: the network that was evaluated, whole`, async () => {
      const { report, values } = await imported(one, head, {});
      for (const [name, { values: found }] of values) {
        assert.deepEqual(Array.from(found), Array.from(toFloat32(weightOf(one, name))), name);
      }
      assert.deepEqual(report.initialised, []);
      assert.equal(report.used.length, values.size);
    });
  }

  backendTest(
    "native",
    `${one.name}: of DAFormer's checkpoints the student is taken, or the teacher`,
    async () => {
      const student = await imported(one, "daformer", {});
      const { counts, sizes } = sizesIn(readFile(one.files["daformer"]!));
      const others = [...sizes].filter(([network]) => network !== "model");
      assert.equal(sizes.get("model"), student.values.size);
      assert.equal(
        describeImport(student.report),
        `${student.values.size} tensors used (SegFormer and DAFormer names, after model.); skipped: ` +
          [["num_batches_tracked", counts], ...others].map(([what, size]) => `${what} (${size})`).join(", "),
      );
      assert.deepEqual(
        student.report.warnings,
        others.map(([network, size]) =>
          `it also holds ${network}. (${size} tensors that fit), which --take ${network}. takes instead`
        ),
      );
      const teacher = await imported(one, "daformer", { take: "ema_model" });
      assert.equal(teacher.report.used.length, teacher.values.size);
      for (const [name, { values }] of teacher.values) {
        assert.notDeepEqual(values, student.values.get(name)!.values, name);
      }
    },
  );

  backendTest("native", `${one.name}: of HRDA's and MIC's two heads the one that labels is taken`, () => {
    const file = readFile(one.files["daformer"]!);
    // HRDA's head lies a level deeper, and beside it one of the same form that weighs the two resolutions.
    const tensors = [...file.tensors].flatMap(([name, tensor]) => {
      const inHead = (part: string) => name.replace(/^(\w+\.decode_head)\./, `$1.${part}.`);
      if (inHead("head") === name) return [[name, tensor] as const];
      const other = file.tensors.get(name.replace(/^\w+\./, "ema_model."))!;
      return [[inHead("head"), tensor] as const, [inHead("scale_attention"), other] as const];
    });
    const { model } = begun(one, { head: "daformer" });
    const wanted = model.state.map(({ name, variable }) => ({ name, shape: asStored(variable).shape }));
    model.dispose();
    const { classes } = recordedSpace(one);
    const fitting = {
      path: "hrda",
      file: changed(file, tensors),
      names: mitNames("daformer"),
      wanted,
      classes,
    };
    const { tensors: own, unexpected, report } = fitWeights(fitting);
    assert.deepEqual([unexpected, report.initialised, report.prefix], [[], [], "model."]);
    assert.equal(own.size, wanted.length);
    for (const [name, { data }] of own) assert.deepEqual(data, toFloat32(weightOf(one, name)), name);
    const { tensors: teacher } = fitWeights({ ...fitting, take: "ema_model" });
    assert.equal(teacher.size, wanted.length);
    for (const [name, { data }] of teacher) {
      assert.deepEqual(data, toFloat32(file.tensors.get(`ema_model.${name}`)!.read()), name);
    }
    return Promise.resolve();
  });
}

// --- a folder of transformers -----------------------------------------------------------------------------

interface FolderCase extends MitCase {
  readonly folder: string;
}

for (const one of backboneCases<FolderCase>("hf/")) {
  backendTest(
    "native",
    `${one.name}: a folder that transformers wrote gives the logits that transformers computes`,
    async () => {
      const file = readFile(`${one.folder}/model.safetensors`);
      const { classes, head_width: width, eps, dims } = one.options;
      for (
        const [key, epsilon] of [["logits_eps_hf", eps], ["logits_eps_original", PUBLISHED_EPSILONS]] as const
      ) {
        const layers = looseLayers(classes);
        const encode = mixTransformer(layers, encoderShape({ ...one.options, eps: epsilon }));
        const sizes = { dims, width: width!, classes: classes!, affine: true };
        const head = segformerHead(layers, sizes, fuseOrder(one));
        const all = [
          ...layers.params.map(({ name, value }) => [name, value] as const),
          ...Object.entries(layers.buffers),
        ];
        const { tensors, unexpected, report } = fitWeights({
          path: one.folder,
          file,
          names: mitNames("segformer"),
          wanted: all.map(([name, value]) => ({ name, shape: asStored(value).shape })),
          classes: recordedSpace(one).classes,
        });
        assert.deepEqual([unexpected, report.initialised, report.warnings], [[], [], []]);
        assert.equal(report.scheme, "Hugging Face");
        fill(layers, (name) => tensors.get(name) as StoredTensor);
        const stages = encode(readInput<tf.Tensor4D>(one, "x"), {});
        const { stage1, stage2, stage3, stage4 } = stages;
        const logits = head.classify(head.fuse([stage1, stage2, stage3, stage4], {}));
        await equalsBackbone(one, key, logits);
        if (epsilon !== eps) continue;
        for (const [k, map] of Object.values(stages).entries()) await equalsBackbone(one, `c${k + 1}`, map);
      }
    },
  );

  backendTest("native", `${one.name}: a recipe may name the folder instead of the file in it`, async () => {
    const { planned, model } = begun(one);
    const target = { plan: planned, state: model.state };
    const report = await initialiseFrom({ file: pathOf(one.folder) }, target, diskFiles());
    assert.equal(report.used.length, model.state.length);
    model.dispose();
  });
}
