import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import { decodeSafetensors, encodeSafetensors } from "../../weights/safetensors.ts";

const file = {
  tensors: new Map([
    ["a", { dtype: "F32" as const, shape: [2, 2], data: new Float32Array([1, -2, 3.5, 0]) }],
    ["b", { dtype: "I32" as const, shape: [1], data: new Int32Array([7]) }],
  ]),
  metadata: { step: "3" },
};

Deno.test("safetensors: what is written is read back", () => {
  assert.deepEqual(decodeSafetensors(encodeSafetensors(file), "x"), file);
});

Deno.test("safetensors: a file cut short is refused by name", () => {
  const bytes = encodeSafetensors(file);
  assert.throws(() => decodeSafetensors(bytes.subarray(0, bytes.length - 1), "last.safetensors"), {
    name: "UserError",
    message:
      "last.safetensors: tensor b ends beyond the file, which was cut short; expected a safetensors file",
  });
  assert.throws(() => decodeSafetensors(bytes.subarray(0, 5), "x"), UserError);
});

Deno.test("safetensors: a recorded PyTorch file is read", async () => {
  const bytes = await Deno.readFile(new URL("../goldens/trajectory.safetensors", import.meta.url));
  const { metadata } = decodeSafetensors(bytes, "trajectory");
  assert.equal(JSON.parse(metadata["losses"]!).length, 6);
});
