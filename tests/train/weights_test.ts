/** Files of weights into networks: the recorded ResNet-101 from a PyTorch file, published class orders, runs that start from a file. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { selectBackend } from "../../backends/select.ts";
import type { NoteEvent } from "../../core/events.ts";
import type { LabelSpace } from "../../core/label_space.ts";
import { lastPhase, type RunPlan } from "../../core/plan.ts";
import type { FileReader } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { decodeSafetensors } from "../../weights/safetensors.ts";
import type { StoredTensor } from "../../weights/stored_tensor.ts";
import { CITYSCAPES_SPACES } from "../../datasets/cityscapes_classes.ts";
import { models } from "../../models/mod.ts";
import { inClassOrder, torchStateDict } from "../../weights/export.ts";
import { encodeTorch } from "../../weights/write_torch.ts";
import { assembleModel, type Model } from "../../train/assemble.ts";
import { saveCheckpoint } from "../../train/checkpoint.ts";
import { train } from "../../train/mod.ts";
import { initialiseFrom, loadWeights } from "../../train/weights.ts";
import { inFolder } from "../cli/fake_host.ts";
import { fillByFormula, formulaImages } from "../formula.ts";
import { nhwc, readGolden, relative } from "../goldens.ts";
import { torchTest } from "../python.ts";
import { plainFiles, tinyPlan } from "./fakes.ts";

const registry = new Registry(models);
const { "cityscapes-19": NINETEEN, "synthia-16": SIXTEEN } = CITYSCAPES_SPACES;
const SLIM = { layers: [1, 1, 1, 1], width: 0.125 };

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false }, async () => {
    await selectBackend("native");
    await fn();
  });
}

function planWith(labelSpace: LabelSpace, options: unknown): RunPlan {
  const plan = registry.plan("model", { type: "deeplab-v2", options });
  return tinyPlan({ labelSpace, model: { type: "deeplab-v2", plan } });
}

/** A reader with one file. */
const only = (bytes: Uint8Array): FileReader => ({ ...plainFiles, read: () => Promise.resolve(bytes) });

/** What a checkpoint of the network holds. */
async function stored({ state }: Model): Promise<Map<string, StoredTensor>> {
  let tensors = new Map<string, StoredTensor>();
  await inFolder(async (folder) => {
    const path = `${folder}/x.safetensors`;
    await saveCheckpoint(path, {
      entries: state,
      state: { recipe: "x", phase: "x", step: 1, steps: 1, seed: 1, best: null, validated: 0 },
      keep: 1,
    });
    tensors = new Map(decodeSafetensors(await Deno.readFile(path), path).tensors);
  });
  return tensors;
}

function sameBits(
  actual: ReadonlyMap<string, StoredTensor>,
  expected: ReadonlyMap<string, StoredTensor>,
): void {
  assert.deepEqual([...actual.keys()], [...expected.keys()]);
  const bytes = ({ data }: StoredTensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  for (const [name, tensor] of actual) assert.ok(bytes(tensor).equals(bytes(expected.get(name)!)), name);
}

/** Logits NHWC of the formula image of `side` pixels. */
async function logitsOf({ segmenter }: Model, side: number): Promise<Float32Array> {
  const logits = tf.tidy(() => {
    const images = tf.tensor4d(formulaImages("input:plca", [1, side, side]), [1, side, side, 3]);
    return segmenter.forward([images], { training: false })[0]!.logits;
  });
  const values = await logits.data() as Float32Array;
  logits.dispose();
  return values.slice();
}

const RESNET101 = planWith(NINETEEN, { layers: "resnet101" });

async function givesRecordedLogits(path: string, model: Model, files: FileReader): Promise<void> {
  await loadWeights(path, { plan: RESNET101, state: model.state }, files);
  const expected = nhwc(readGolden("resnet101_forward.safetensors").tensors.get("logits")!);
  const error = relative(await logitsOf(model, 65), await expected.data());
  expected.dispose();
  assert.ok(error < 1e-3, `off by ${error}`);
}

async function filled(plan: RunPlan): Promise<Map<string, StoredTensor>> {
  const model = assembleModel(plan);
  try {
    fillByFormula(model.state);
    return await stored(model);
  } finally {
    model.dispose();
  }
}

test("ResNet-101 from a PyTorch file gives the recorded logits, and what is saved again is the same", async () => {
  const model = assembleModel(RESNET101);
  try {
    fillByFormula(model.state);
    const original = await stored(model);
    for (const { variable } of model.state) variable.assign(tf.zerosLike(variable));
    await givesRecordedLogits("x.pth", model, only(encodeTorch(torchStateDict(original))));
    sameBits(await stored(model), original);
  } finally {
    model.dispose();
  }
});

torchTest("ResNet-101 from a file that PyTorch wrote gives the recorded logits", async (python) => {
  await selectBackend("native");
  await inFolder(async (folder) => {
    const script = await Deno.readTextFile(new URL("../models/fixtures/deeplab.py", import.meta.url));
    const save = `
import sys
network = fill(DeepLab(19, [3, 4, 23, 3]))
torch.save(network.state_dict(), sys.argv[1] + "/x.pth")
`;
    await python(script.slice(0, script.indexOf("if __name__")) + save, folder);
    const model = assembleModel(RESNET101);
    try {
      await givesRecordedLogits(`${folder}/x.pth`, model, plainFiles);
    } finally {
      model.dispose();
    }
  });
});

for (const space of [NINETEEN, SIXTEEN]) {
  const { classes } = space;
  test(`a published checkpoint of ${classes.length} classes: the original's logits, reordered by name`, async () => {
    const plan = planWith(space, SLIM);
    const names = plan.model.plan.weightNames!;
    const model = assembleModel(plan);
    try {
      fillByFormula(model.state);
      const original = await logitsOf(model, 33);
      const tensors = torchStateDict(await stored(model));
      // A network trained in the published order is the same one with other meanings of its outputs.
      const published = names.classOrders["published"]!.slice(0, classes.length);
      const bytes = encodeTorch(tensors, { wrapper: "weights" });
      fillByFormula(model.state.filter(({ name }) => name.startsWith("backbone")));
      await loadWeights("x.pth", { plan, state: model.state }, only(bytes));
      const imported = await logitsOf(model, 33);
      const { length } = classes;
      for (let k = 0; k < original.length; k++) {
        const pixel = Math.floor(k / length), name = classes[k % length]!;
        assert.ok(Math.abs(imported[k]! - original[pixel * length + published.indexOf(name)]!) < 1e-5, name);
      }
      // And back: an export in that order, imported, is the same bit for bit.
      const kept = await stored(model);
      const options = { path: "x", names, classes, classOrder: "published" };
      const back = encodeTorch(torchStateDict(inClassOrder(kept, options)), { wrapper: "weights" });
      assert.deepEqual(back, bytes);
      await loadWeights("x.pth", { plan, state: model.state }, only(back));
      sameBits(await stored(model), kept);
    } finally {
      model.dispose();
    }
  });
}

torchTest(
  "load_state_dict(strict) takes an export, and PyTorch's network gives our logits",
  async (python) => {
    await selectBackend("native");
    const options = { ...SLIM, stride_in: "conv2", classifier_bias: true };
    const model = assembleModel(planWith(NINETEEN, options));
    try {
      fillByFormula(model.state);
      const bytes = encodeTorch(torchStateDict(await stored(model)));
      await inFolder(async (folder) => {
        await Deno.writeFile(`${folder}/x.pth`, bytes);
        const script = await Deno.readTextFile(new URL("../models/fixtures/deeplab.py", import.meta.url));
        const load = `
import sys
network = DeepLab(19, [1, 1, 1, 1], 0.125, stride_in="conv2", classifier_bias=True).eval()
network.load_state_dict(torch.load(sys.argv[1] + "/x.pth"), strict=True)
with torch.no_grad():
    print(json.dumps(network(images("input:plca", [1, 3, 33, 33])).permute(0, 2, 3, 1).flatten().tolist()))
`;
        const printed = await python(script.slice(0, script.indexOf("if __name__")) + load, folder);
        const error = relative(await logitsOf(model, 33), JSON.parse(printed));
        assert.ok(error < 1e-4, `off by ${error}`);
      });
    } finally {
      model.dispose();
    }
  },
);

test("a backbone alone leaves the classifier at its seeded start; a whole network is asked for elsewhere", async () => {
  const plan = planWith(SIXTEEN, SLIM);
  const model = assembleModel(plan);
  try {
    const before = await stored(model);
    const donor = new Map([...await filled(plan)].filter(([name]) => name.startsWith("backbone.")));
    const bytes = encodeTorch(
      new Map([...donor].map(([name, tensor]) => [name.replace("backbone.", ""), tensor])),
    );
    await assert.rejects(loadWeights("x.pth", { plan, state: model.state }, only(bytes)), {
      name: "UserError",
      message: "x.pth: does not fit the recipe's model: missing " +
        [0, 1, 2, 3].map((k) => `classifier.0.convs.${k}.0.weight`).join(", "),
    });
    sameBits(await stored(model), before);
    await initialiseFrom({ file: "x.pth" }, { plan, state: model.state }, only(bytes));
    const after = await stored(model);
    for (const [name, tensor] of after) assert.deepEqual(tensor, donor.get(name) ?? before.get(name), name);
  } finally {
    model.dispose();
  }
});

test("biases that the model lacks stop an evaluation, with the option that takes them", async () => {
  const tensors = await filled(planWith(SIXTEEN, { ...SLIM, classifier_bias: true }));
  const plan = planWith(SIXTEEN, SLIM);
  const model = assembleModel(plan);
  try {
    await assert.rejects(loadWeights("x.pth", { plan, state: model.state }, only(encodeTorch(tensors))), {
      message: "x.pth: does not fit the recipe's model: unexpected " +
        [0, 1, 2, 3].map((k) => `classifier.0.convs.${k}.0.bias`).join(", ") +
        "; the file's classifier has biases other than zero and the model none: with model.options.classifier_bias: true they are used",
    });
  } finally {
    model.dispose();
  }
});

test("a run and its baseline start from model.weights and say what they took", () =>
  inFolder(async (folder) => {
    const first = tinyPlan({}, { steps: 1 });
    const options = (run: string, events: NoteEvent[] = []) => ({
      runDir: `${folder}/${run}`,
      signal: new AbortController().signal,
      files: plainFiles,
      onEvent: (event: { type: string }) => event.type === "note" && events.push(event as NoteEvent),
    });
    await train(first, options("first"));
    const weights = `${folder}/first/checkpoints/last.safetensors`;
    const events: NoteEvent[] = [];
    const still = { apply: () => {}, rate: 0, slots: {} };
    const second = tinyPlan({
      seed: 9,
      model: { ...first.model, weights: { file: weights } },
      baseline: { name: "before", losses: lastPhase(first).losses },
      optimizer: { create: () => still },
    }, { steps: 1 });
    await train(second, options("second", events));
    const line = `weights of ${weights}: 3 tensors used (plca names); skipped: optimizer (2)`;
    assert.deepEqual(events.map(({ phase, message }) => [phase, message]), [["before", line], [
      "tiny",
      line,
    ]]);
    const read = async (path: string) => decodeSafetensors(await Deno.readFile(path), path).tensors;
    const [was, is] = [await read(weights), await read(`${folder}/second/checkpoints/last.safetensors`)];
    for (const name of ["first.weight", "second.weight"]) assert.deepEqual(is.get(name), was.get(name));
  }));

test("loading keeps no tensor", async () => {
  const plan = planWith(SIXTEEN, SLIM);
  const bytes = encodeTorch(await filled(plan));
  const model = assembleModel(plan);
  try {
    const before = tf.memory().numTensors;
    await loadWeights("x.pth", { plan, state: model.state }, only(bytes));
    assert.equal(tf.memory().numTensors, before);
  } finally {
    model.dispose();
  }
});
