import assert from "node:assert/strict";
import { decodeSafetensors, encodeSafetensors, readMetadata } from "../../weights/safetensors.ts";
import {
  firstNonFinite,
  isDType,
  sizeOf,
  type StoredTensor,
  toFloat32,
} from "../../weights/stored_tensor.ts";

/** A file with this header and so many bytes behind it. */
function fileOf(header: unknown, data = 16): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const entry = (more: Record<string, unknown> = {}) => ({
  w: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...more },
});

const refused = (why: string) => ({
  name: "UserError",
  message: `a.safetensors: ${why}; expected a safetensors file`,
});

const DAMAGED: Readonly<Record<string, readonly [bytes: Uint8Array, why: string]>> = {
  "nothing": [new Uint8Array(0), "only 0 bytes"],
  "seven bytes": [new Uint8Array(7), "only 7 bytes"],
  "a header beyond the end": [fileOf("{}", 0).subarray(0, 9), "its header claims 2 bytes, the file has 9"],
  "a header of 2^64 bytes": [
    new Uint8Array(16).fill(0xff),
    "its header claims 18446744073709551615 bytes, the file has 16",
  ],
  "a header of another kind": [fileOf("{"), "its header is not JSON"],
  "a header that is no text": [fileOf("{}").fill(0xff, 8, 10), "its header is not JSON"],
  "a list as header": [fileOf("[]"), "its header is no mapping of names to tensors"],
  "null as header": [fileOf("null"), "its header is no mapping of names to tensors"],
  "an entry that is a number": [
    fileOf({ w: 3 }),
    "tensor w has no dtype, shape and data_offsets of whole numbers",
  ],
  "a shape with a fraction": [
    fileOf(entry({ shape: [0.5] })),
    "tensor w has no dtype, shape and data_offsets of whole numbers",
  ],
  "a negative side": [
    fileOf(entry({ shape: [-2] })),
    "tensor w has no dtype, shape and data_offsets of whole numbers",
  ],
  "three offsets": [
    fileOf(entry({ data_offsets: [0, 8, 8] })),
    "tensor w has no dtype, shape and data_offsets of whole numbers",
  ],
  "a dtype without a name": [fileOf(entry({ dtype: 7 })), "tensor w has no dtype of those that have a name"],
  "offsets that go back": [fileOf(entry({ data_offsets: [8, 0] })), "tensor w of shape [2] has -8 bytes"],
  "too few bytes for the shape": [
    fileOf(entry({ data_offsets: [0, 4] })),
    "tensor w of shape [2] has 4 bytes",
  ],
  "data beyond the end": [fileOf(entry(), 7), "tensor w ends beyond the file, which was cut short"],
  "a name with an escape": [
    fileOf({ "a\x1b": 3 }),
    "tensor a? has no dtype, shape and data_offsets of whole numbers",
  ],
};

for (const [name, [bytes, why]] of Object.entries(DAMAGED)) {
  Deno.test(`decodeSafetensors: ${name} is refused in words`, () => {
    assert.throws(() => decodeSafetensors(bytes, "a.safetensors"), refused(why));
  });
}

Deno.test("decodeSafetensors: a type that plca does not know is told apart, with its shape", () => {
  const { tensors, unread } = decodeSafetensors(
    fileOf({ ...entry(), q: { ...entry().w, dtype: "F8_E4M3" } }),
    "x",
  );
  assert.deepEqual([...tensors.keys()], ["w"]);
  assert.deepEqual([...unread!], [["q", { dtype: "F8_E4M3", shape: [2] }]]);
  assert.equal("unread" in decodeSafetensors(fileOf(entry()), "x"), false);
  assert.deepEqual([isDType("toString"), isDType(3), isDType("BOOL")], [false, false, true]);
});

Deno.test("decodeSafetensors: a scalar, an empty tensor and names of any kind", () => {
  const file = {
    tensors: new Map<string, StoredTensor>([
      ["scalar", { dtype: "F32", shape: [], data: Float32Array.of(7) }],
      ["empty", { dtype: "F32", shape: [0, 3], data: new Float32Array(0) }],
      ['größe " \\', { dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) }],
    ]),
    metadata: {},
  };
  assert.deepEqual(decodeSafetensors(encodeSafetensors(file), "x"), file);
  assert.deepEqual([sizeOf([]), sizeOf([0, 3]), sizeOf([2, 3])], [1, 0, 6]);
});

Deno.test("encodeSafetensors: wide elements lie first, the header in the map's order, padded to eight bytes", () => {
  const tensors = new Map<string, StoredTensor>([
    ["bytes", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
    ["halves", { dtype: "F16", shape: [1], data: Float16Array.of(1) }],
    ["wide", { dtype: "I64", shape: [1], data: BigInt64Array.of(-5n) }],
    ["part", { dtype: "F32", shape: [1], data: Float32Array.of(0, 2, 0).subarray(1, 2) }],
  ]);
  const bytes = encodeSafetensors({ tensors, metadata: { a: "b" } });
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assert.equal(length % 8, 0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  assert.deepEqual(Object.keys(header), ["__metadata__", "bytes", "halves", "wide", "part"]);
  assert.deepEqual(["wide", "part", "halves", "bytes"].map((name) => header[name].data_offsets), [
    [0, 8],
    [8, 12],
    [12, 14],
    [14, 17],
  ]);
  assert.equal(bytes.length, 8 + length + 17);
  assert.deepEqual(decodeSafetensors(bytes, "x").tensors.get("part")!.data, Float32Array.of(2));
});

/** Reads the texts of a file whose bytes are handed on as they are asked for. */
async function textsOf(bytes: Uint8Array, largest = 1000) {
  let at = 0;
  const fill = (part: Uint8Array) => {
    part.set(bytes.subarray(at, at += part.length));
    return Promise.resolve();
  };
  const found = await readMetadata(fill, { name: "a.safetensors", size: bytes.length, largest });
  return { found, read: at };
}

Deno.test("readMetadata: the texts, and nothing behind the header is asked for", async () => {
  const header = { ...entry(), __metadata__: { step: "3", count: 4, none: null } };
  const bytes = fileOf(header);
  assert.deepEqual(await textsOf(bytes), { found: { step: "3" }, read: bytes.length - 16 });
  for (const other of [undefined, [], "text", null]) {
    assert.deepEqual((await textsOf(fileOf({ __metadata__: other }))).found, {});
  }
});

Deno.test("readMetadata: a header larger than allowed is refused before it is read", async () => {
  const bytes = fileOf(" ".repeat(998) + "{}");
  assert.deepEqual((await textsOf(bytes)).found, {});
  await assert.rejects(textsOf(bytes, 999), refused("its header has 1000 bytes"));
  await assert.rejects(textsOf(bytes.subarray(0, 5)), refused("only 5 bytes"));
  await assert.rejects(
    textsOf(bytes.subarray(0, 500)),
    refused("its header claims 1000 bytes, the file has 500"),
  );
});

Deno.test("toFloat32: every type, rounded where it must be; float32 itself is not copied", () => {
  const own = Float32Array.of(1.5);
  assert.equal(toFloat32({ dtype: "F32", shape: [1], data: own }), own);
  const read = (tensor: StoredTensor) => [...toFloat32(tensor)];
  assert.deepEqual(read({ dtype: "BF16", shape: [3], data: Uint16Array.of(0x3fc0, 0xc000, 0x7f80) }), [
    1.5,
    -2,
    Infinity,
  ]);
  assert.deepEqual(read({ dtype: "F16", shape: [2], data: Float16Array.of(0.1, -2) }), [0.0999755859375, -2]);
  assert.deepEqual(read({ dtype: "F64", shape: [3], data: Float64Array.of(1e300, 0.5, 16777217) }), [
    Infinity,
    0.5,
    16777216,
  ]);
  assert.deepEqual(read({ dtype: "I64", shape: [1], data: BigInt64Array.of(-(2n ** 53n)) }), [-(2 ** 53)]);
  assert.deepEqual(read({ dtype: "I8", shape: [1], data: Int8Array.of(-3) }), [-3]);
  assert.deepEqual(read({ dtype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) }), [1, 0]);
});

Deno.test("firstNonFinite: the place of the first NaN or infinite element", () => {
  const at = (...values: number[]) => firstNonFinite(Float32Array.from(values));
  assert.deepEqual([at(), at(1, -3e38), at(1, NaN, Infinity), at(-Infinity), at(0, 1, Infinity)], [
    -1,
    -1,
    1,
    0,
    2,
  ]);
});
