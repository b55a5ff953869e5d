/** Files of torch.save: what is read from them, and what is refused in which words. */
import assert from "node:assert/strict";
import { strToU8, unzipSync, zipSync } from "fflate";
import fc from "fast-check";
import { UserError } from "../../../core/errors.ts";
import { bytesOf } from "../../../core/stored_tensor.ts";
import { readWeights } from "../../../models/weights/read.ts";
import { isTorchFile, readTorch } from "../../../models/weights/torch_file.ts";
import { TorchTensor } from "../../../models/weights/torch_tensor.ts";
import { readGoldenJson } from "../../goldens.ts";

const golden = (name: string) => Deno.readFileSync(new URL(`../../goldens/torch/${name}`, import.meta.url));
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

const RESAVE =
  'which plca does not call: only tensors and plain values are read; re-save it in Python with torch.save(model.state_dict(), "weights.pth")';

const REFUSED: readonly (readonly [file: string, bytes: Uint8Array, message: string])[] = [
  ["refuse_global.pth", golden("refuse_global.pth"), `it names __builtin__.print, ${RESAVE}`],
  ["whole_model.pth", fixture("whole_model.pth"), `it names torch.nn.modules.linear.Linear, ${RESAVE}`],
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
    "two_state_dicts.pth",
    fixture("two_state_dicts.pth"),
    "it holds several state dicts, a, b; save the one that is meant alone",
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
  ["empty.pth", new Uint8Array(), "only 0 bytes; expected a safetensors file"],
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

// --- attacks ----------------------------------------------------------------------------------------------

/** A zip file whose description is this pickle, with one storage of two float32. */
function withPickle(...parts: readonly (string | readonly number[])[]): Uint8Array {
  const pickle = parts.flatMap((part) => typeof part === "string" ? [...strToU8(part, true)] : [...part]);
  return zipSync({ "a/data.pkl": new Uint8Array(pickle), "a/data/0": new Uint8Array(8) }, { level: 0 });
}

const long = (value: bigint): number[] => [
  0x8a,
  9,
  ...Array.from({ length: 9 }, (_, k) => Number((BigInt.asUintN(72, value) >> BigInt(8 * k)) & 255n)),
];

/** `{"w": tensor}` on a storage that claims `length` elements. */
function withTensor(
  { length = 2n, offset = 0n, shape = [2n], strides = [1n] }: {
    length?: bigint;
    offset?: bigint;
    shape?: readonly bigint[];
    strides?: readonly bigint[];
  },
): Uint8Array {
  return withPickle(
    [0x80, 2],
    "}U\x01wctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu",
    long(length),
    "tQ",
    long(offset),
    "(",
    shape.flatMap(long),
    "t(",
    strides.flatMap(long),
    "t",
    [0x89],
    "NtRs.",
  );
}

Deno.test("parameters of PyTorch before 0.4, with the state they had", () => {
  const bytes = withPickle(
    [0x80, 2],
    "}U\x01wctorch.nn.parameter\nParameter\nctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\n",
    "U\x010U\x03cpuK\x02tQK\x00(K\x02t(K\x01ttR",
    [0x85],
    "R(",
    [0x88, 0x89],
    "}tbs.",
  );
  const { tensors } = readWeights(bytes, "x");
  assert.deepEqual(tensors.get("w")!.read(), { dtype: "F32", shape: [2], data: new Float32Array(2) });
});

const ATTACKS: readonly (readonly [what: string, bytes: Uint8Array, message: string])[] = [
  [
    "a storage larger than the file",
    withTensor({ length: 2n ** 40n }),
    "the file is cut short: storage 0 has 8 of 4398046511104 bytes",
  ],
  [
    "a shape beyond its storage",
    withTensor({ shape: [2n ** 40n] }),
    "the file is damaged: a tensor of shape [1099511627776] ends at element 1099511627776 of its storage, which has 2",
  ],
  [
    "an offset beyond its storage",
    withTensor({ offset: 1n }),
    "the file is damaged: a tensor of shape [2] ends at element 3 of its storage, which has 2",
  ],
  [
    "two elements repeated to a terabyte",
    withTensor({ shape: [2n ** 20n, 2n ** 20n], strides: [0n, 0n] }),
    "a tensor of shape [1048576, 1048576] repeats 2 stored elements 1099511627776 times; expected what torch.save writes of a state dict",
  ],
  [
    "a negative stride",
    withTensor({ strides: [-1n] }),
    "the file is damaged: torch._utils._rebuild_tensor is called with other values",
  ],
  [
    "a count beyond whole numbers",
    withTensor({ shape: [2n ** 70n] }),
    "the file is damaged: torch._utils._rebuild_tensor is called with other values",
  ],
  [
    "fewer strides than dimensions",
    withTensor({ shape: [1n, 1n] }),
    "the file is damaged: a tensor has 2 dimensions and 1 strides",
  ],
  [
    "a text longer than the file",
    withPickle([0x80, 2, 0x58, 0xff, 0xff, 0xff, 0xff]),
    "the file is cut short: 4294967295 bytes are announced where 0 are left",
  ],
  [
    "a whole number of a thousand bytes",
    withPickle([0x8b, 0xe8, 3, 0, 0], Array(1000).fill(1), "."),
    "the file is damaged: a whole number has 1000 bytes (byte 1005 of its description)",
  ],
  [
    "an end without a value",
    withPickle("."),
    "the file is damaged: a value is missing (byte 1 of its description)",
  ],
  [
    "a value that was never given",
    withPickle("h\x07."),
    "the file is damaged: it refers to value 7, which it never gave (byte 2 of its description)",
  ],
  [
    "a class by its instance",
    withPickle("(ios\nsystem\n."),
    "the file is damaged: 0x69 is no operation that state dicts need (byte 2 of its description)",
  ],
  [
    "a name that holds a line",
    withPickle("U\x06po\nsixU\x06system", [0x93], "."),
    `it names po?six.system, ${RESAVE}`,
  ],
  [
    "a name in two texts",
    withPickle("U\x05posixU\x06system", [0x93], "."),
    `it names posix.system, ${RESAVE}`,
  ],
  [
    "a type that is called",
    withPickle("ctorch\nFloatStorage\n)R."),
    "the file is damaged: it calls torch.FloatStorage, which is a value (byte 22 of its description)",
  ],
  [
    "attributes of a list",
    withPickle("]}b."),
    "the file is damaged: attributes are set on a plain value (byte 3 of its description)",
  ],
  [
    "an archive that unpacks to much more",
    zipSync({ "a/data.pkl": new Uint8Array(1_000_000) }, { level: 9 }),
    "its entries claim more than 16 times the file's 1102 bytes; expected a file of torch.save",
  ],
];

for (const [what, bytes, message] of ATTACKS) {
  Deno.test(`${what} is refused in one line and without memory`, () => {
    assert.throws(() => readWeights(bytes, "x.pth"), { name: "DataError", message: `x.pth: ${message}` });
  });
}

Deno.test("lists that hold themselves, and texts doubled forty times, take no time", () => {
  const byte = String.fromCharCode;
  const doubled = Array.from({ length: 40 }, (_, k) => `(h${byte(k)}h${byte(k)}tq${byte(k + 1)}0`);
  const key = withPickle("U\x01aq\x000", ...doubled, "}h\x28U\x01bs.");
  assert.throws(
    () => readWeights(key, "x"),
    /^DataError: x: it holds no tensors by name, only a collection; /,
  );
  const itself = withPickle("]q\x00h\x00a.");
  assert.throws(() => readWeights(itself, "x"), /^DataError: x: it holds no dictionary; /);
  const device = withPickle("U\x01aq\x000", ...doubled, "}U\x01dctorch\ndevice\nh\x28Rs.");
  assert.throws(() => readWeights(device, "x"), /^DataError: x: it holds no tensors by name, only d; /);
});

for (const name of ["bare_state_dict", "sample_legacy"]) {
  Deno.test(`${name}.pth: any 250 changes of bytes, and any cut, give tensors or one line, soon`, () => {
    const whole = golden(`${name}.pth`);
    const change = fc.record({
      edits: fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      cut: fc.option(fc.nat(whole.length), { nil: whole.length, freq: 4 }),
    });
    const started = performance.now();
    let read = 0, refused = 0;
    fc.assert(
      fc.property(change, ({ edits, cut }) => {
        const bytes = whole.slice();
        for (const [place, value] of edits) bytes[place] = value;
        try {
          for (const [, tensor] of readWeights(bytes.subarray(0, cut), "x").tensors) {
            const { data, shape } = tensor.read();
            assert.equal(data.byteLength, shape.reduce((a, b) => a * b, 1) * bytesOf(tensor.dtype));
          }
          read++;
        } catch (error) {
          assert.ok(error instanceof UserError, String(error instanceof Error ? error.stack : error));
          assert.match(error.message, /^x: [^\n]+$/);
          refused++;
        }
      }),
      { numRuns: 250, seed: 7 },
    );
    assert.ok(read > 10 && refused > 10, `${read} read, ${refused} refused`);
    assert.ok(performance.now() - started < 10_000);
  });
}

Deno.test("files are told apart by their first bytes", () => {
  assert.ok(isTorchFile(golden("sample_zip.pth")) && isTorchFile(golden("sample_legacy.pth")));
  assert.ok(!isTorchFile(new Uint8Array([0x80, 2, 0x7d, 0x2e])));
});
