/** PyTorch files made by hand: old versions' forms, attacks on memory and time, damage. */
import assert from "node:assert/strict";
import { strToU8, zipSync } from "fflate";
import fc from "fast-check";
import { UserError } from "../../core/errors.ts";
import { bytesOf } from "../../weights/stored_tensor.ts";
import { readWeights } from "../../weights/read.ts";
import { withoutChecksums } from "./zip_files.ts";

const golden = (name: string) => Deno.readFileSync(new URL(`../goldens/torch/${name}`, import.meta.url));

const EXPECTED = 'expected a state dict, as torch.save(model.state_dict(), "weights.pth") writes it';

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

/** A legacy file with one tensor of two elements on a part of a storage of four: 0, 1, 2, 3. */
function withStoragePart(offset: number): Uint8Array {
  const pickle = (...parts: readonly (string | readonly number[])[]) => [
    0x80,
    2,
    ...parts.flatMap((part) => typeof part === "string" ? [...strToU8(part, true)] : [...part]),
    0x2e,
  ];
  const start = [...golden("sample_legacy.pth").subarray(0, 15)];
  const tensor = pickle(
    "}U\x01wctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x01kU\x03cpuK\x04(U\x01vK",
    [offset],
    "K\x02ttQK\x00(K\x02t(K\x01ttRs",
  );
  const data = new Uint8Array(8 + 16);
  data[0] = 4;
  data.set(new Uint8Array(new Float32Array([0, 1, 2, 3]).buffer), 8);
  return new Uint8Array([
    ...start,
    ...pickle("M\xe9\x03"),
    ...pickle("}"),
    ...tensor,
    ...pickle("(U\x01kl"),
    ...data,
  ]);
}

Deno.test("a legacy file's part of a storage", () => {
  const { format, tensors } = readWeights(withStoragePart(1), "x");
  assert.equal(format, "PyTorch legacy");
  assert.deepEqual(tensors.get("w")!.read(), { dtype: "F32", shape: [2], data: new Float32Array([1, 2]) });
  assert.throws(() => readWeights(withStoragePart(3), "x"), {
    message: "x: the file is damaged: a part of a storage ends at element 5 of 4",
  });
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
    "it names os.system, which plca does not call: Python runs that as code when it loads the file, and no weights " +
    "need it; do not load the file with torch.load, and get it again from where you trust it",
  ],
  [
    "a name that holds a line",
    withPickle("U\x06po\nsixU\x06system", [0x93], "."),
    `it holds no dictionary, only the name po?six.system; ${EXPECTED}`,
  ],
  [
    "a name in two texts",
    withPickle("U\x05posixU\x06system", [0x93], "."),
    `it holds no dictionary, only the name posix.system; ${EXPECTED}`,
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

const get = "h\x00", list = `(${"K\x01".repeat(100_000)}l`, text = `X\xa0\x86\x01\x00${"a".repeat(100_000)}`;
const COPYING: readonly (readonly [name: string, value: string, call: string])[] = [
  ["torch.Size", list, `ctorch\nSize\n${get}\x85R`],
  ["set", list, `cbuiltins\nset\n${get}\x85R`],
  ["frozenset", list, `c__builtin__\nfrozenset\n${get}\x85R`],
  [
    "collections.OrderedDict",
    `(${"(K\x01K\x01l".repeat(40_000)}l`,
    `ccollections\nOrderedDict\n${get}\x85R`,
  ],
  ["_codecs.encode", text, `c_codecs\nencode\n${get}U\x06latin1\x86R`],
  ["torch.device by one text", text, `ctorch\ndevice\n${get}${get}\x86R`],
  ["torch.device by many", list, `ctorch\ndevice\n${get}R`],
  ["torch.device by its own text", "U\x01a", `ctorch\ndevice\n${get}${get}\x86Rq\x00`],
];

for (const [name, value, call] of COPYING) {
  Deno.test(`a thousand calls of ${name} with one value copy no more than the file has bytes`, () => {
    const description = `${value}q\x00${call.repeat(1000)}.`;
    assert.throws(() => readWeights(withPickle(description), "x"), {
      name: "DataError",
      message: `x: its description copies more than ${description.length} values; ` +
        "expected what torch.save writes of a state dict",
    });
  });
}

Deno.test("calls with values of their own copy as many as there are", () => {
  const calls = "ctorch\nSize\n(K\x01K\x02t\x85R".repeat(10_000);
  const tensor =
    "ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x02tQK\x00(K\x02t(K\x01ttR";
  const { others } = readWeights(withPickle(`}(U\x01w${tensor}U\x01s(${calls}lu.`), "x");
  const sizes = others.get("s");
  assert.ok(Array.isArray(sizes) && sizes.length === 10_000);
  assert.deepEqual(sizes.at(-1), [1, 2]);
});

const FUZZED = {
  // With checksums no change would come as far as the description.
  "bare_state_dict": withoutChecksums(golden("bare_state_dict.pth")),
  "sample_legacy": golden("sample_legacy.pth"),
};

for (const [name, whole] of Object.entries(FUZZED)) {
  Deno.test(`${name}.pth: any 250 changes of bytes, and any cut, give tensors or one line, soon`, () => {
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
