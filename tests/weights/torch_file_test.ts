/** Files of torch.save: what is read from them, and what is refused in which words. */
import assert from "node:assert/strict";
import { strToU8, unzipSync, zipSync } from "fflate";
import { UserError } from "../../core/errors.ts";
import { readWeights } from "../../weights/read.ts";
import { isTorchFile, readTorch } from "../../weights/torch_file.ts";
import { TorchTensor } from "../../weights/torch_tensor.ts";
import { readGoldenJson } from "../goldens.ts";

const golden = (name: string) => Deno.readFileSync(new URL(`../goldens/torch/${name}`, import.meta.url));
const fixture = (name: string) => Deno.readFileSync(new URL(`fixtures/${name}`, import.meta.url));

/** A value of a file by `a/0/b`. */
function at(value: unknown, path: string): unknown {
  return path.split("/").reduce((inner: unknown, key) => {
    if (inner instanceof Map) return inner.has(key) ? inner.get(key) : inner.get(Number(key));
    assert.ok(Array.isArray(inner), `${path}: ${key}`);
    return inner[Number(key)];
  }, value);
}

function numbers(tensor: unknown): number[] {
  assert.ok(tensor instanceof TorchTensor);
  const stored = tensor.read();
  assert.equal(stored.dtype, tensor.dtype);
  assert.deepEqual(stored.shape, tensor.shape);
  if (stored.dtype === "BF16") {
    return [...new Float32Array(Uint32Array.from(stored.data, (x) => x << 16).buffer)];
  }
  return [...stored.data].map(Number);
}

/** PyTorch's names in the record. */
const DTYPES: Readonly<Record<string, string>> = {
  F32: "float32",
  F64: "float64",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  U8: "uint8",
  BOOL: "bool",
};

type Recorded = { dtype: string; shape: number[]; values: number[] } | { value: unknown };

for (const [file, format] of [["sample_zip", "zip"], ["sample_legacy", "legacy"]] as const) {
  Deno.test(`${file}.pth: every tensor and value is the recorded one`, () => {
    const read = readTorch(golden(`${file}.pth`), file);
    assert.equal(read.format, format);
    const recorded = Object.entries(readGoldenJson<Record<string, Recorded>>("torch/sample_expected.json"));
    assert.ok(recorded.length > 20);
    for (const [path, expected] of recorded) {
      const found = at(read.value, path);
      if ("value" in expected) {
        assert.equal(found, expected.value, path);
        continue;
      }
      assert.ok(found instanceof TorchTensor, path);
      assert.equal(DTYPES[found.dtype], expected.dtype, path);
      assert.deepEqual(found.shape, expected.shape, path);
      assert.deepEqual(numbers(found), expected.values, path);
    }
  });
}

Deno.test("bare_state_dict.pth: its tensors lie at the top, in PyTorch's order", () => {
  const { format, wrapper, tensors, others } = readWeights(golden("bare_state_dict.pth"), "x");
  assert.deepEqual([format, wrapper, others.size], ["PyTorch zip", undefined, 0]);
  assert.deepEqual([...tensors.keys()], [
    "conv.weight",
    "bn.weight",
    "bn.bias",
    "bn.running_mean",
    "bn.running_var",
    "bn.num_batches_tracked",
    "head.weight",
    "head.bias",
  ]);
});

Deno.test("sample_legacy.pth: the state dict is found under its key, the rest beside it", () => {
  const { format, wrapper, tensors, others } = readWeights(golden("sample_legacy.pth"), "x");
  assert.deepEqual([format, wrapper, tensors.size], ["PyTorch legacy", "weights", 8]);
  assert.deepEqual([...others.keys()], [
    "extra",
    "epochs",
    "iters",
    "name",
    "nested",
    "optimizer_state_dict",
  ]);
});

for (const file of ["values_zip", "values_protocol_4", "values_legacy"]) {
  Deno.test(`${file}.pth: parts of a storage, numpy's numbers, sets, large integers`, () => {
    const { value } = readTorch(fixture(`${file}.pth`), file);
    const plain: Readonly<Record<string, unknown>> = {
      epoch: 4,
      accuracy: 0.25,
      steps: -7,
      small: 1.5,
      best: false,
      device: "cuda:1",
      size: [2, 3],
      tags: new Set(["x"]),
      big: 2n ** 70n,
      negative: -(2 ** 40),
      raw: new Uint8Array([0, 255]),
      nothing: null,
    };
    for (const [key, expected] of Object.entries(plain)) assert.deepEqual(at(value, key), expected, key);
    const tensor = (name: string) =>
      numbers((at(value, "state_dict") as Map<string, unknown>).get(`module.${name}`));
    assert.deepEqual(tensor("whole"), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert.deepEqual(tensor("part"), [4, 5, 6, 7]);
    assert.deepEqual(tensor("last_column"), [3, 7, 11]);
    assert.deepEqual(tensor("repeated"), [5, 5, 5, 5, 5, 5]);
    assert.deepEqual(tensor("integers"), [-3, 2]);
    assert.deepEqual(tensor("bytes"), [-128, 127]);
    assert.deepEqual(tensor("ids"), [2 ** 31 - 1]);
  });
}

Deno.test("a zip file of a big-endian machine is read as the same numbers", () => {
  const entries = unzipSync(golden("sample_zip.pth"));
  const [folder] = Object.keys(entries)[0]!.split("/");
  // Storage 8 is the row 0, 1, 2, ... behind the transposed view; 12 holds three int64.
  const swapped = Object.fromEntries(
    Object.entries(entries).map(([name, bytes]) => {
      const width = name.endsWith("data/8") ? 4 : name.endsWith("data/12") ? 8 : 1;
      const copy = bytes.slice();
      for (let k = 0; k < copy.length; k += width) copy.subarray(k, k + width).reverse();
      return [name, copy];
    }),
  );
  const { value } = readTorch(zipSync({ ...swapped, [`${folder}/byteorder`]: strToU8("big") }), "x");
  assert.deepEqual(numbers(at(value, "extra/view_transposed")).slice(0, 4), [0, 6, 12, 18]);
  assert.deepEqual(numbers(at(value, "extra/i64")), [1, -2, 2 ** 40]);
});

Deno.test("two_state_dicts.pth: both are there", () => {
  const { dictionaries } = readWeights(fixture("two_state_dicts.pth"), "x");
  assert.deepEqual(dictionaries!.map(({ keys }) => keys), [["a"], ["b"]]);
});

const REFUSED: readonly (readonly [file: string, bytes: Uint8Array, message: string])[] = [
  [
    "refuse_global.pth",
    golden("refuse_global.pth"),
    "it names __builtin__.print, which plca does not call: Python runs that as code when it loads the file, and no " +
    "weights need it; do not load the file with torch.load, and get it again from where you trust it",
  ],
  [
    "whole_model.pth",
    fixture("whole_model.pth"),
    "it names torch.nn.modules.linear.Linear, which plca does not call, and the tensors lie in what that makes; " +
    'save them alone in Python, where it can be imported: torch.save(torch.load("whole_model.pth").state_dict(), "weights.pth")',
  ],
  [
    "truncated.pth",
    golden("truncated.pth"),
    "the file is cut short: it begins as a zip archive, whose directory at the end is missing; copy or download it again",
  ],
  [
    "cut_legacy.pth",
    golden("sample_legacy.pth").subarray(0, 4860),
    "the file is cut short: storage 363797712 has 852 of 864 bytes",
  ],
  [
    "list.pth",
    fixture("list.pth"),
    'it holds no dictionary; expected a state dict, as torch.save(model.state_dict(), "weights.pth") writes it',
  ],
  [
    "picture.png",
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0]),
    "neither a PyTorch file nor safetensors; expected a checkpoint as torch.save or safetensors write it",
  ],
  [
    "plain.pkl",
    new Uint8Array([0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0]),
    "a pickle, but not one of torch.save; expected a checkpoint as torch.save or safetensors write it",
  ],
  [
    "other.zip",
    zipSync({ "folder/readme.txt": strToU8("hello") }),
    "a zip archive, but not one of torch.save: expected data.pkl in its only folder",
  ],
];

for (const [file, bytes, message] of REFUSED) {
  Deno.test(`${file} is refused in one line`, () => {
    assert.throws(() => readWeights(bytes, file), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.message, `${file}: ${message}`);
      return true;
    });
  });
}

Deno.test("files are told apart by their first bytes", () => {
  assert.ok(isTorchFile(golden("sample_zip.pth")) && isTorchFile(golden("sample_legacy.pth")));
  assert.ok(!isTorchFile(new Uint8Array([0x80, 2, 0x7d, 0x2e])));
});
