/** DINOv2's files in the namings they come in: all of them give the same tensors, none left over and none missing. */
import assert from "node:assert/strict";
import { DINOV2_NAMES } from "../../models/dinov2_names.ts";
import { describeImport, fitWeights } from "../../weights/mapping.ts";
import { readWeights } from "../../weights/read.ts";
import type { StoredTensor } from "../../weights/stored_tensor.ts";
import { encodeTorch } from "../../weights/write_torch.ts";

const WIDTH = 4, BLOCKS = 2;

/** The model's own tensors, each with numbers of its own. */
function network({ registers = 0, head = true, from = 0 } = {}): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  let value = from;
  const add = (name: string, ...shape: number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    tensors.set(name, { dtype: "F32", shape, data: Float32Array.from({ length: size }, () => value++) });
  };
  const pair = (name: string, ...shape: number[]) => {
    add(`${name}.weight`, ...shape);
    add(`${name}.bias`, shape[0]!);
  };
  add("backbone.cls_token", 1, 1, WIDTH);
  add("backbone.pos_embed", 1, 10, WIDTH);
  if (registers > 0) add("backbone.register_tokens", 1, registers, WIDTH);
  add("backbone.mask_token", 1, WIDTH);
  pair("backbone.patch_embed.proj", WIDTH, 3, 2, 2);
  for (let k = 0; k < BLOCKS; k++) {
    const block = `backbone.blocks.${k}`;
    pair(`${block}.norm1`, WIDTH);
    pair(`${block}.attn.qkv`, 3 * WIDTH, WIDTH);
    pair(`${block}.attn.proj`, WIDTH, WIDTH);
    add(`${block}.ls1.gamma`, WIDTH);
    pair(`${block}.norm2`, WIDTH);
    pair(`${block}.mlp.fc1`, 4 * WIDTH, WIDTH);
    pair(`${block}.mlp.fc2`, WIDTH, 4 * WIDTH);
    add(`${block}.ls2.gamma`, WIDTH);
  }
  pair("backbone.norm", WIDTH);
  if (!head) return tensors;
  add("upscale.0.weight", WIDTH, 2, 2, 2);
  pair("upscale.1", 2);
  add("out.weight", 3, 1, 1, 1);
  return tensors;
}

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^backbone\.(cls_token|mask_token|register_tokens)$/, "embeddings.$1"],
  [/^backbone\.pos_embed$/, "embeddings.position_embeddings"],
  [/^backbone\.patch_embed\.proj\./, "embeddings.patch_embeddings.projection."],
  [/^backbone\.blocks\.(\d+)\.attn\.proj\./, "encoder.layer.$1.attention.output.dense."],
  [/^backbone\.blocks\.(\d+)\.ls([12])\.gamma$/, "encoder.layer.$1.layer_scale$2.lambda1"],
  [/^backbone\.blocks\.(\d+)\.(norm[12]|mlp\.fc[12])\./, "encoder.layer.$1.$2."],
  [/^backbone\.norm\./, "layernorm."],
];

/** As transformers writes it: queries, keys and values apart. */
function huggingFace(tensors: ReadonlyMap<string, StoredTensor>): Map<string, StoredTensor> {
  return new Map([...tensors].flatMap(([name, tensor]): [string, StoredTensor][] => {
    const [, block, what] = /^backbone\.blocks\.(\d+)\.attn\.qkv\.(.*)$/.exec(name) ?? [];
    if (block === undefined) {
      const rule = NAMES.find(([pattern]) => pattern.test(name));
      assert.ok(rule, name);
      return [[name.replace(...rule), tensor]];
    }
    const size = tensor.data.length / 3, shape = [tensor.shape[0]! / 3, ...tensor.shape.slice(1)];
    return ["query", "key", "value"].map((part, k) => [
      `encoder.layer.${block}.attention.attention.${part}.${what}`,
      { ...tensor, shape, data: tensor.data.slice(k * size, (k + 1) * size) } as StoredTensor,
    ]);
  }));
}

const renamed = (tensors: ReadonlyMap<string, StoredTensor>, to: (name: string) => string) =>
  new Map([...tensors].map(([name, tensor]) => [to(name), tensor]));

function fit(file: ReadonlyMap<string, StoredTensor>, model: ReadonlyMap<string, StoredTensor>) {
  return fitWeights({
    path: "x.pth",
    file: readWeights(encodeTorch(file), "x.pth"),
    names: DINOV2_NAMES,
    wanted: [...model].map(([name, { shape }]) => ({ name, shape })),
    classes: ["road", "car", "sky"],
  });
}

const LICENCE =
  "the published weights of DINOv2, with and without registers, are under the Apache License 2.0";

for (const registers of [0, 4]) {
  const model = network({ registers }), encoder = network({ registers, head: false });
  const files = {
    "DINOv2": renamed(encoder, (name) => name.replace("backbone.", "")),
    "Hugging Face": huggingFace(encoder),
  };
  for (const [scheme, file] of Object.entries(files)) {
    Deno.test(`${scheme} with ${registers} registers: the encoder's tensors, the head begins anew`, () => {
      const fitted = fit(file, model);
      assert.deepEqual(fitted.tensors, encoder);
      assert.deepEqual(fitted.unexpected, []);
      const used = 35 + Number(registers > 0);
      assert.equal(
        describeImport(fitted.report),
        `${used} tensors used (${scheme} names); upscale: 3 tensors, initialised anew; ` +
          "out: 1 tensor, initialised anew",
      );
      assert.deepEqual(fitted.report.warnings, []);
      assert.equal(fitted.report.notice, LICENCE);
    });
  }
}

Deno.test("a prefix before Hugging Face's names is taken off and told; a classifier of images is left out", () => {
  const model = network({ head: false });
  const file = renamed(huggingFace(model), (name) => `dinov2.${name}`);
  file.set("classifier.weight", { dtype: "F32", shape: [2, 8], data: new Float32Array(16) });
  const fitted = fit(file, model);
  assert.deepEqual(fitted.tensors, model);
  assert.match(describeImport(fitted.report), /^35 tensors used \(Hugging Face names, after dinov2\.\)/);
});

Deno.test("VFM-UDA: encoder and head of the student, not the teacher's", () => {
  const model = network();
  const named = (name: string) => name.replace("backbone.", "encoder.");
  const file = new Map([
    ...renamed(model, (name) => `network.${named(name)}`),
    ["network.token_masking.mask_token", model.get("backbone.mask_token")!],
    ...renamed(network({ from: 10_000 }), (name) => `network_ema.${named(name)}`),
  ]);
  const fitted = fit(file, model);
  assert.deepEqual(fitted.tensors, model);
  assert.match(describeImport(fitted.report), /^39 tensors used \(VFM-UDA names, after network\.\)/);
});

Deno.test("register tokens that the model has not are told, with what uses them", () => {
  const file = renamed(network({ registers: 4, head: false }), (name) => name.replace("backbone.", ""));
  const [warning] = fit(file, network({ head: false })).report.warnings;
  assert.equal(
    warning,
    "the file has register tokens and the model none: with model.options.registers: 4 they are used",
  );
});
