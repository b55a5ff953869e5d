import assert from "node:assert/strict";
import { decodeSafetensors, encodeSafetensors } from "../../weights/safetensors.ts";
import { type StoredTensor, toFloat32 } from "../../weights/stored_tensor.ts";

const CASES: readonly (readonly [StoredTensor, readonly number[]])[] = [
  [{ dtype: "F16", shape: [3], data: new Float16Array([0.5, -65504, 2 ** -24]) }, [0.5, -65504, 2 ** -24]],
  [
    { dtype: "BF16", shape: [3], data: new Uint16Array([0x3f80, 0xc040, 0x7f80]) },
    [1, -3, Infinity],
  ],
  [{ dtype: "F64", shape: [2], data: new Float64Array([0.1, 1e300]) }, [Math.fround(0.1), Infinity]],
  [{ dtype: "I64", shape: [2], data: new BigInt64Array([-3n, 2n ** 40n]) }, [-3, 2 ** 40]],
  [{ dtype: "I32", shape: [1], data: new Int32Array([-7]) }, [-7]],
  [{ dtype: "I16", shape: [1], data: new Int16Array([-300]) }, [-300]],
  [{ dtype: "I8", shape: [1], data: new Int8Array([-128]) }, [-128]],
  [{ dtype: "U8", shape: [1], data: new Uint8Array([200]) }, [200]],
  [{ dtype: "BOOL", shape: [2], data: new Uint8Array([1, 0]) }, [1, 0]],
];

for (const [tensor, expected] of CASES) {
  Deno.test(`${tensor.dtype} as float32`, () => {
    assert.deepEqual([...toFloat32(tensor)], expected);
  });
}

Deno.test("float32 stays the same array", () => {
  const data = new Float32Array([NaN, -0]);
  assert.equal(toFloat32({ dtype: "F32", shape: [2], data }), data);
});

Deno.test("safetensors: elements are aligned to their size, whatever the order of the tensors", () => {
  const tensors = new Map(CASES.map(([tensor]) => [tensor.dtype, tensor] as const).toReversed());
  const bytes = encodeSafetensors({ tensors, metadata: {} });
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  for (const [dtype, { data }] of tensors) {
    const [begin, end] = header[dtype].data_offsets;
    assert.equal((8 + length + begin) % data.BYTES_PER_ELEMENT, 0, dtype);
    assert.equal(end - begin, data.byteLength);
  }
  assert.deepEqual([...decodeSafetensors(bytes, "x").tensors], [...tensors]);
});

const header = (value: unknown) => {
  const text = new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
  const bytes = new Uint8Array(8 + text.length + 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
};

const DAMAGED: readonly (readonly [value: unknown, message: string])[] = [
  [[1], "x: its header is no mapping of names to tensors; expected a safetensors file"],
  ["{", "x: its header is not JSON; expected a safetensors file"],
  [
    { a: null },
    "x: tensor a has no dtype, shape and data_offsets of whole numbers; expected a safetensors file",
  ],
  [
    { a: { dtype: "F32", shape: [-1], data_offsets: [0, 4] } },
    "x: tensor a has no dtype, shape and data_offsets of whole numbers; expected a safetensors file",
  ],
  [
    { "a\nb": 1 },
    "x: tensor a?b has no dtype, shape and data_offsets of whole numbers; expected a safetensors file",
  ],
  [
    { a: { dtype: 8, shape: [4], data_offsets: [0, 4] } },
    "x: tensor a has no dtype of those that have a name; expected a safetensors file",
  ],
  [
    { a: { dtype: "F8_E4M3", shape: [40], data_offsets: [0, 40] } },
    "x: tensor a ends beyond the file, which was cut short; expected a safetensors file",
  ],
  [
    { a: { dtype: "F8_E4M3", shape: [4], data_offsets: [4, 0] } },
    "x: tensor a of shape [4] has -4 bytes; expected a safetensors file",
  ],
  [
    { a: { dtype: "F32", shape: [2 ** 40, 2 ** 40], data_offsets: [0, 8] } },
    "x: tensor a of shape [1099511627776,1099511627776] has 8 bytes; expected a safetensors file",
  ],
  [
    { a: { dtype: "F32", shape: [2 ** 40], data_offsets: [0, 2 ** 42] } },
    "x: tensor a ends beyond the file, which was cut short; expected a safetensors file",
  ],
];

for (const [value, message] of DAMAGED) {
  Deno.test(`safetensors: ${JSON.stringify(value)} is refused in one line`, () => {
    assert.throws(() => decodeSafetensors(header(value), "x"), { name: "UserError", message });
  });
}
