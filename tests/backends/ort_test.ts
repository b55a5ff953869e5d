/** ONNX Runtime by its C interface. */
import assert from "node:assert/strict";
import { encodeModel } from "../../backends/onnx_model.ts";
import { openOrt } from "../../backends/native/ort.ts";

const ort = openOrt(1);
const PRODUCT = encodeModel({
  inputs: ["x0", "x1"],
  outputs: ["y0"],
  nodes: [{ type: "MatMul", inputs: ["x0", "x1"], outputs: ["y0"] }],
});

function operand(values: Float32Array<ArrayBuffer>, dims: number[]) {
  return { address: Deno.UnsafePointer.value(Deno.UnsafePointer.of(values)), dims };
}

Deno.test({
  name: "a model reads and writes memory where it is told",
  sanitizeResources: false,
  fn() {
    const session = ort.load(PRODUCT, ["x0", "x1"], ["y0"]);
    const a = Float32Array.of(1, 2, 3, 4), b = Float32Array.of(5, 6, 7, 8), y = new Float32Array(4);
    session.run([operand(a, [2, 2]), operand(b, [2, 2])], [operand(y, [2, 2])]);
    assert.deepEqual([...y], [19, 22, 43, 50]);
  },
});

Deno.test("what ONNX Runtime refuses becomes an error in its words", () => {
  assert.throws(() => ort.load(Uint8Array.of(1, 2, 3), [], []), /^Error: ONNX Runtime: .*protobuf/);
  const session = ort.load(PRODUCT, ["x0", "x1"], ["y0"]);
  const a = new Float32Array(6), y = new Float32Array(4);
  assert.throws(
    () => session.run([operand(a, [2, 3]), operand(a, [2, 3])], [operand(y, [2, 2])]),
    /^Error: ONNX Runtime: .*MatMul/,
  );
});
