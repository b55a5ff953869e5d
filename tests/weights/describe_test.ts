/** What `plca weights inspect` prints of files that mean harm. */
import assert from "node:assert/strict";
import type { StoredTensor } from "../../weights/stored_tensor.ts";
import { describeWeights, weightsDescription } from "../../weights/describe.ts";
import { readWeights } from "../../weights/read.ts";
import type { WeightsFile } from "../../weights/weights_file.ts";
import { encodeTorch } from "../../weights/write_torch.ts";

const one: StoredTensor = { dtype: "F32", shape: [1], data: new Float32Array(1) };

Deno.test("the key of the dictionary cannot write to the terminal", () => {
  const file = readWeights(encodeTorch(new Map([["a", one]]), { wrapper: "\x1b]0;title\x07\nforged" }), "x");
  assert.equal(
    describeWeights("x.pth", weightsDescription(file, [])),
    `x.pth: PyTorch zip
  names     of no model that plca has
  under     ?]0;title??forged
  tensors   1 (1 F32), 1 elements, 4 bytes

a  F32   [1]`,
  );
});

Deno.test("200,000 names are a table as wide as the longest", () => {
  const names = Array.from({ length: 200_000 }, (_, k) => `t${k}`);
  const lazy = { dtype: "F32", shape: [1], read: () => one } as const;
  const file: WeightsFile = {
    format: "safetensors",
    tensors: new Map(names.map((name) => [name, lazy])),
    others: new Map(),
    metadata: {},
  };
  const lines = describeWeights("x", weightsDescription(file, [])).split("\n");
  assert.equal(lines.length, 4 + 200_000);
  assert.equal(lines[4], "t0       F32   [1]");
  assert.equal(lines.at(-1), "t199999  F32   [1]");
});
