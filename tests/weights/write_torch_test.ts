/** Files written for torch.load: read back bit for bit, here and by PyTorch. */
import assert from "node:assert/strict";
import { encodeSafetensors } from "../../weights/safetensors.ts";
import type { StoredTensor } from "../../weights/stored_tensor.ts";
import { torchStateDict } from "../../weights/export.ts";
import { readWeights } from "../../weights/read.ts";
import { encodeTorch } from "../../weights/write_torch.ts";
import { inFolder } from "../cli/fake_host.ts";
import { torchTest } from "../python.ts";

const floats = (values: readonly number[], shape = [values.length]): StoredTensor => ({
  dtype: "F32",
  shape,
  data: new Float32Array(values),
});

/** One of every type, with values at their ends. */
const every = new Map<string, StoredTensor>([
  ["f32", floats([0.1, -0, 3.4e38, 1e-45, NaN, Infinity], [2, 3])],
  ["f64", { dtype: "F64", shape: [1], data: new Float64Array([Math.PI]) }],
  ["f16", { dtype: "F16", shape: [2], data: new Float16Array([65504, -6e-8]) }],
  ["bf16", { dtype: "BF16", shape: [1, 2], data: new Uint16Array([0x3f80, 0xc000]) }],
  ["i64", { dtype: "I64", shape: [2], data: new BigInt64Array([2n ** 62n, -1n]) }],
  ["i32", { dtype: "I32", shape: [1], data: new Int32Array([-(2 ** 31)]) }],
  ["i16", { dtype: "I16", shape: [1], data: new Int16Array([-300]) }],
  ["i8", { dtype: "I8", shape: [1], data: new Int8Array([-128]) }],
  ["u8", { dtype: "U8", shape: [1], data: new Uint8Array([255]) }],
  ["bool", { dtype: "BOOL", shape: [2], data: new Uint8Array([1, 0]) }],
  ["scalar", floats([2.5], [])],
  ["empty", floats([], [0, 3])],
  ["größe.weight", floats(Array.from({ length: 700 }, (_, k) => k), [350, 2])],
]);

function readAll(bytes: Uint8Array) {
  const { wrapper, tensors } = readWeights(bytes, "x");
  return { wrapper, tensors: new Map([...tensors].map(([name, tensor]) => [name, tensor.read()])) };
}

for (const wrapper of [undefined, "weights"]) {
  Deno.test(`every type of element comes back bit for bit from a PyTorch file, ${wrapper ?? "bare"}`, () => {
    const bytes = encodeTorch(every, { wrapper });
    assert.deepEqual(readAll(bytes), { wrapper, tensors: every });
    assert.deepEqual(encodeTorch(every, { wrapper }), bytes);
  });
}

Deno.test("every type of element comes back bit for bit from a safetensors file", () => {
  assert.deepEqual(readAll(encodeSafetensors({ tensors: every, metadata: {} })), {
    wrapper: undefined,
    tensors: every,
  });
});

Deno.test("a module's tensors lie together, a counter follows each running_var, training's are left out", () => {
  const names = [
    "a.conv.weight",
    "a.bn.weight",
    "a.bn.bias",
    "head.weight",
    "a.bn.running_mean",
    "a.bn.running_var",
  ];
  const dict = torchStateDict(
    new Map(
      [...names, "optimizer/a.bn.weight/momentum", "player/d/w", "loss/x/n"].map((
        name,
      ) => [name, floats([1])]),
    ),
  );
  assert.deepEqual([...dict.keys()], [
    "a.conv.weight",
    "a.bn.weight",
    "a.bn.bias",
    "a.bn.running_mean",
    "a.bn.running_var",
    "a.bn.num_batches_tracked",
    "head.weight",
  ]);
  assert.deepEqual(dict.get("a.bn.num_batches_tracked"), {
    dtype: "I64",
    shape: [],
    data: new BigInt64Array(1),
  });
});

const DESCRIBE = `
import sys, torch
for file in ["bare.pth", "wrapped.pth"]:
    state = torch.load(sys.argv[1] + "/" + file)
    print(type(state).__name__, list(state) if "weights" in state else len(state))
    state = state.get("weights", state)
    for name, tensor in state.items():
        bits = tensor.contiguous().reshape(-1).view(torch.uint8) if tensor.numel() and tensor.dim() else tensor.reshape(-1)
        print(name, str(tensor.dtype)[6:], list(tensor.shape), bits[:8].tolist())
torch.save(torch.load(sys.argv[1] + "/bare.pth"), sys.argv[1] + "/zip.pth")
torch.save(torch.load(sys.argv[1] + "/bare.pth"), sys.argv[1] + "/legacy.pth", _use_new_zipfile_serialization=False)
`;

torchTest(
  "torch.load reads what is written here, and what it saves again is the same",
  (python) =>
    inFolder(async (folder) => {
      await Deno.writeFile(`${folder}/bare.pth`, encodeTorch(every));
      await Deno.writeFile(`${folder}/wrapped.pth`, encodeTorch(every, { wrapper: "weights" }));
      const lines = (await python(DESCRIBE, folder)).split("\n");
      const half = lines.length / 2;
      assert.equal(lines[0], "OrderedDict 13");
      assert.equal(lines[half], "dict ['weights']");
      assert.deepEqual(lines.slice(1, half), lines.slice(half + 1));
      assert.deepEqual(lines.slice(1, half), [
        "f32 float32 [2, 3] [205, 204, 204, 61, 0, 0, 0, 128]",
        "f64 float64 [1] [24, 45, 68, 84, 251, 33, 9, 64]",
        "f16 float16 [2] [255, 123, 1, 128]",
        "bf16 bfloat16 [1, 2] [128, 63, 0, 192]",
        "i64 int64 [2] [0, 0, 0, 0, 0, 0, 0, 64]",
        "i32 int32 [1] [0, 0, 0, 128]",
        "i16 int16 [1] [212, 254]",
        "i8 int8 [1] [128]",
        "u8 uint8 [1] [255]",
        "bool bool [2] [1, 0]",
        "scalar float32 [] [2.5]",
        "empty float32 [0, 3] []",
        "größe.weight float32 [350, 2] [0, 0, 0, 0, 0, 0, 128, 63]",
      ]);
      for (const file of ["zip", "legacy"]) {
        const { tensors } = readAll(await Deno.readFile(`${folder}/${file}.pth`));
        assert.deepEqual(tensors, every, file);
      }
    }),
);
