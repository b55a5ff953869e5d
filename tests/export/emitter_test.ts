import assert from "node:assert/strict";
import { Emitter } from "../../export/emitter.ts";
import { asHalf } from "../../export/half.ts";
import { lower } from "../../export/lower.ts";
import { fixed, stepOf, valueOf } from "./graphs.ts";

const emitter = (half = false) => new Emitter({ half });
const typesOf = ({ nodes }: Emitter) => nodes.map(({ type }) => type);
const numbersOf = ({ initializers }: Emitter, name: string) => {
  const { bytes } = initializers.find((one) => one.name === name)!;
  return [...new BigInt64Array(bytes.buffer as ArrayBuffer)].map(Number);
};

Deno.test("Emitter: a map is transposed once for each form in which it is asked for", () => {
  const emit = emitter(), map = fixed([1, 4, 5, 3]);
  emit.set(map, { planes: "images" });
  assert.equal(emit.planes(map), "images");
  assert.ok(emit.inPlanes(map));
  const rows = emit.rows(map);
  assert.equal(emit.rows(map), rows);
  assert.equal(emit.inPlanes(map), false);
  assert.deepEqual(emit.nodes.map(({ type, inputs, attributes }) => [type, inputs, attributes]), [
    ["Transpose", ["images"], { perm: [0, 2, 3, 1] }],
  ]);
  const other = fixed([1, 4, 5, 3]);
  emit.set(other, { rows: "rows" });
  emit.planes(other);
  assert.deepEqual(emit.nodes.at(-1)!.attributes, { perm: [0, 3, 1, 2] });
});

Deno.test("Emitter: a constant lies in the file once for each shape, whoever asks", () => {
  const emit = emitter(), numbers = Float32Array.of(1, 2, 3, 4);
  assert.equal(emit.floats(numbers, [4]), emit.floats(numbers, [4]));
  assert.notEqual(emit.floats(numbers, [4]), emit.floats(numbers, [2, 2]));
  assert.deepEqual(emit.initializers.map(({ type, dims }) => [type, dims]), [
    ["float32", [4]],
    ["float32", [2, 2]],
  ]);
  assert.equal(emit.scalar(0.5), emit.scalar(0.5));
  assert.equal(emit.integers([1, 2]), emit.integers([1, 2]));
  assert.notEqual(emit.integers([1, 2]), emit.integers([12]));
  assert.deepEqual(numbersOf(emit, emit.integers([1, -2, 2n ** 53n])), [1, -2, 2 ** 53]);
});

Deno.test("Emitter: constants of a number or one for each channel are broadcast over planes", () => {
  const emit = emitter();
  emit.planes(fixed([], [7]));
  emit.planes(fixed([1], [7]));
  emit.planes(fixed([3], [1, 2, 3]));
  assert.deepEqual(emit.initializers.map(({ dims }) => dims), [[], [], [3, 1, 1]]);
  emit.planes(fixed([1, 2, 2, 1], [1, 2, 3, 4]));
  assert.deepEqual(typesOf(emit), ["Transpose"]);
});

Deno.test("Emitter: whole numbers and truths keep their type, floats take the graph's width", () => {
  const emit = emitter(true);
  emit.rows({ sides: [[2]], dtype: "int32", constant: Int32Array.of(1, -1) });
  emit.rows({ sides: [[2]], dtype: "bool", constant: Uint8Array.of(1, 0) });
  emit.rows(fixed([2], [1, -2]));
  assert.deepEqual(emit.initializers.map(({ type, bytes }) => [type, bytes.length]), [
    ["int32", 8],
    ["bool", 2],
    ["float16", 4],
  ]);
  emit.cast("a", 1);
  emit.cast("a", 6);
  assert.deepEqual(emit.nodes.map(({ attributes }) => attributes!["to"]), [10, 6]);
});

Deno.test("Emitter: a constant along a side that changes is expanded when the model runs", () => {
  const emit = emitter(), images = valueOf([[1, 2], [4, 7], [5, 9], [3, 3]]);
  emit.set(images, { planes: "images" });
  emit.rows(valueOf([[1, 2], [3, 3]], [1, 2, 3]));
  assert.deepEqual(emit.initializers[0]!.dims, [1, 3]);
  assert.deepEqual(typesOf(emit), ["Shape", "Concat", "Expand"]);
});

Deno.test("Emitter.side: read where the value has it, in planes as in rows", () => {
  const sides = [[1, 2], [4, 7], [5, 9], [3, 3]];
  for (const [form, places] of [["planes", [0, 2, 3]], ["rows", [0, 1, 2]]] as const) {
    const emit = emitter();
    emit.set(valueOf(sides), { [form]: "images" });
    for (const [axis, at] of places.entries()) {
      emit.side(sides[axis]!);
      assert.deepEqual(emit.nodes.at(-1), {
        type: "Shape",
        inputs: ["images"],
        outputs: emit.nodes.at(-1)!.outputs,
        attributes: { start: at, end: at + 1 },
      });
    }
    // One that does not change is a number, and one that is known is not read again.
    emit.side([3, 3]);
    emit.side([4, 7]);
    assert.equal(emit.nodes.length, 3);
  }
});

Deno.test("Emitter.side: a product of two sides is multiplied, what follows from none is refused", () => {
  const emit = emitter();
  emit.set(valueOf([[1, 2], [4, 7], [5, 9], [3, 3]]), { planes: "images" });
  const name = emit.side([20, 63]);
  assert.deepEqual(typesOf(emit), ["Shape", "Shape", "Mul"]);
  assert.equal(emit.nodes.at(-1)!.outputs[0], name);
  assert.throws(() => emit.side([21, 63]), {
    name: "UserError",
    message:
      "the network cannot be exported for every size: a side of 21, 63 pixels or tokens follows from no other; " +
      "give one size with --size HEIGHTxWIDTH",
  });
});

Deno.test("Emitter.shape: numbers where nothing changes, else read once", () => {
  const emit = emitter();
  emit.set(valueOf([[1, 2], [4, 7]]), { rows: "tokens" });
  assert.deepEqual(numbersOf(emit, emit.shape([[3, 3], [5, 5]])), [3, 5]);
  const shape = emit.shape([[4, 7], [3, 3]]);
  assert.equal(emit.shape([[4, 7], [3, 3]]), shape);
  assert.deepEqual(typesOf(emit), ["Shape", "Concat"]);
});

Deno.test("Emitter.name: no two are alike, whatever the hint", () => {
  const emit = emitter();
  const names = ["a", "a", "b"].map((hint) => emit.name(hint));
  assert.equal(new Set(names).size, 3);
  assert.equal(emit.node("Relu", ["x"], {}, "out"), "out");
});

Deno.test("asHalf: by their bits, beyond the range the largest, NaN stays", () => {
  const bits = (...numbers: number[]) => [...asHalf(numbers)];
  assert.deepEqual(bits(0, 1, -2, 0.5), [0, 0x3c00, 0xc000, 0x3800]);
  assert.deepEqual(bits(65504, 65505, 1e9, Infinity, -1e9), [0x7bff, 0x7bff, 0x7bff, 0x7bff, 0xfbff]);
  assert.ok((bits(NaN)[0]! & 0x7c00) === 0x7c00 && (bits(NaN)[0]! & 0x3ff) !== 0);
  assert.deepEqual([...asHalf([])], []);
});

const OPTIONS = { input: "x", output: "y", bytes: false, half: false, producerVersion: "1", metadata: {} };

Deno.test("lower: an operator without a lowering is named", () => {
  const [x, y] = [fixed([1, 4, 4, 2]), fixed([1, 4, 4, 2])];
  assert.throws(() => lower({ input: x, steps: [stepOf("Cumsum", [x], y)], output: y }, OPTIONS), {
    name: "UserError",
    message: "the operator Cumsum cannot be exported",
  });
});

Deno.test("lower: the sides that change have names, those of the output alone others", () => {
  const x = valueOf([[1, 2], [8, 9], [6, 5], [3, 3]]), y = valueOf([[1, 2], [4, 5], [6, 5], [2, 2]]);
  const filter = fixed([2, 1, 3, 2], new Float32Array(12));
  const conv = stepOf("conv2d", [x, filter], y, { stride: 1, padding: 0, dilation: 1 });
  const graph = { input: x, steps: [conv], output: y };
  const { input, output, nodes } = lower(graph, OPTIONS);
  assert.deepEqual(input, { name: "x", type: "float32", dims: ["batch", 3, "height", "width"] });
  assert.deepEqual(output, { name: "y", type: "float32", dims: ["batch", 2, "map_height", "width"] });
  assert.equal(nodes, 2);
  const bytes = lower(graph, { ...OPTIONS, bytes: true });
  assert.deepEqual(bytes.input, { name: "x", type: "uint8", dims: ["batch", "height", "width", 3] });
});

Deno.test("lower: labels come out as whole numbers in rows", () => {
  const x = fixed([1, 4, 5, 3]), y = { sides: [[1], [4], [5]], dtype: "int32" as const };
  const { output } = lower({ input: x, steps: [stepOf("ArgMax", [x], y, { axis: 3 })], output: y }, OPTIONS);
  assert.deepEqual(output, { name: "y", type: "int32", dims: [1, 4, 5] });
});
