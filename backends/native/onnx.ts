/** Builds the bytes of small ONNX models. Field numbers are those of onnx.proto. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** An operator call: `outputs = type(inputs)` with integer attributes. */
export interface Node {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** A graph over float32 tensors of any shape. */
export interface Graph {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
}

const OPSET = 20;
const IR_VERSION = 9;
const FLOAT = 1;

/** The serialised model. */
export function encodeModel(graph: Graph): Uint8Array {
  return message((model) => {
    field(model, 1).int64(IR_VERSION);
    nested(model, 7, (g) => {
      for (const node of graph.nodes) nested(g, 1, (w) => writeNode(w, node));
      text(g, 2, "plca");
      for (const name of graph.inputs) nested(g, 11, (w) => writeValue(w, name));
      for (const name of graph.outputs) nested(g, 12, (w) => writeValue(w, name));
    });
    nested(model, 8, (w) => field(w, 2).int64(OPSET));
  });
}

function writeNode(writer: BinaryWriter, node: Node): void {
  for (const name of node.inputs) text(writer, 1, name);
  for (const name of node.outputs) text(writer, 2, name);
  text(writer, 4, node.type);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    nested(writer, 5, (w) => {
      text(w, 1, name);
      if (typeof value === "number") {
        field(w, 3).int64(value);
        field(w, 20).int32(2);
      } else {
        for (const item of value) field(w, 8).int64(item);
        field(w, 20).int32(7);
      }
    });
  }
}

function writeValue(writer: BinaryWriter, name: string): void {
  text(writer, 1, name);
  nested(writer, 2, (type) => nested(type, 1, (tensor) => field(tensor, 1).int32(FLOAT)));
}

function message(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

function field(writer: BinaryWriter, number: number): BinaryWriter {
  return writer.tag(number, WireType.Varint);
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value);
}

function nested(writer: BinaryWriter, number: number, write: (writer: BinaryWriter) => void): void {
  writer.tag(number, WireType.LengthDelimited).bytes(message(write));
}
