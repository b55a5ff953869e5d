/**
 * Writes ONNX models as bytes. ONNX is a protocol-buffer format; a message is a list of fields, each a
 * number, a wire type and a value, and a nested message is a field of bytes. A handful of message types is
 * enough here (model, graph, node, attribute, tensor, value info), so they are written by hand, with the
 * field numbers of onnx.proto. Two users: the native backend makes one-node models of its matrix products,
 * and export/ writes whole networks.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** The number that stands for each type of elements in a file (TensorProto.DataType). */
export const ELEMENTS = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
} as const;

/** The type of a tensor's elements. */
export type ElementType = keyof typeof ELEMENTS;

/** The value of a node's attribute. A plain number is written as an integer, `{ float }` as a float. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

/** An operator call: `outputs = type(inputs)`. */
export interface Node {
  readonly type: string;
  /** Names of tensors; an empty name stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** A tensor whose numbers lie in the file: a weight or a constant. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** The numbers, little-endian, as many as `dims` and `type` ask for. */
  readonly bytes: Uint8Array;
}

/** An input or output of a graph. */
export interface Port {
  /** As sessions call it. */
  readonly name: string;
  /** Of its numbers. */
  readonly type: ElementType;
  /** The sides: numbers, or names of sides that are known only when the model runs. */
  readonly dims: readonly (number | string)[];
}

/**
 * A graph over tensors, in an order in which each node's inputs are there before it. A port that is only a
 * name is a float32 tensor of any shape.
 */
export interface Graph<P extends string | Port = string> {
  readonly inputs: readonly P[];
  readonly outputs: readonly P[];
  readonly nodes: readonly Node[];
  readonly initializers?: readonly Initializer[];
}

/**
 * What a model's file says of itself. The defaults (opset 20, IR version 9) are those of plca's own kernels.
 */
export interface ModelFacts {
  readonly opset?: number;
  readonly irVersion?: number;
  readonly producerVersion?: string;
  /** Texts by name, which runtimes show but do not read. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const OPSET = 20;
const IR_VERSION = 9;
const FLOAT = 1, INT = 2, STRING = 3, INTS = 7;

/** The bytes of the model's file. The same graph gives the same bytes. */
export function encodeModel(graph: Graph<string | Port>, facts: ModelFacts = {}): Uint8Array {
  const { opset = OPSET, irVersion = IR_VERSION, producerVersion, metadata = {} } = facts;
  return message((model) => {
    field(model, 1).int64(irVersion);
    text(model, 2, "plca");
    if (producerVersion !== undefined) text(model, 3, producerVersion);
    nested(model, 7, (g) => {
      for (const node of graph.nodes) nested(g, 1, (w) => writeNode(w, node));
      text(g, 2, "plca");
      for (const one of graph.initializers ?? []) nested(g, 5, (w) => writeTensor(w, one));
      for (const port of graph.inputs) nested(g, 11, (w) => writePort(w, port));
      for (const port of graph.outputs) nested(g, 12, (w) => writePort(w, port));
    });
    nested(model, 8, (w) => field(w, 2).int64(opset));
    for (const [key, value] of Object.entries(metadata)) {
      nested(model, 14, (w) => {
        text(w, 1, key);
        text(w, 2, value);
      });
    }
  });
}

/** The fields of NodeProto. */
function writeNode(writer: BinaryWriter, node: Node): void {
  for (const name of node.inputs) text(writer, 1, name);
  for (const name of node.outputs) text(writer, 2, name);
  // Checkers want a different name for each node; a node's first output has one.
  if (node.outputs[0] !== undefined) text(writer, 3, node.outputs[0]);
  text(writer, 4, node.type);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    nested(writer, 5, (w) => {
      text(w, 1, name);
      writeAttribute(w, value);
    });
  }
}

/** The value and the type of an AttributeProto. */
function writeAttribute(writer: BinaryWriter, value: OnnxAttribute): void {
  const type = (number: number) => field(writer, 20).int32(number);
  if (typeof value === "number") {
    field(writer, 3).int64(value);
    type(INT);
  } else if (typeof value === "string") {
    text(writer, 4, value);
    type(STRING);
  } else if ("float" in value) {
    writer.tag(2, WireType.Bit32).float(value.float);
    type(FLOAT);
  } else {
    for (const item of value) field(writer, 8).int64(item);
    type(INTS);
  }
}

/** The fields of TensorProto, with its numbers as raw bytes. */
function writeTensor(writer: BinaryWriter, { name, type, dims, bytes }: Initializer): void {
  for (const side of dims) field(writer, 1).int64(side);
  field(writer, 2).int32(ELEMENTS[type]);
  text(writer, 8, name);
  writer.tag(9, WireType.LengthDelimited).bytes(bytes);
}

/** The fields of ValueInfoProto: the name, and the type of a tensor with its sides. */
function writePort(writer: BinaryWriter, port: string | Port): void {
  const { name, type, dims } = typeof port === "string"
    ? { name: port, type: "float32", dims: undefined } as const
    : port;
  text(writer, 1, name);
  nested(writer, 2, (w) =>
    nested(w, 1, (tensor) => {
      field(tensor, 1).int32(ELEMENTS[type]);
      if (dims === undefined) return;
      nested(tensor, 2, (shape) => {
        for (const side of dims) {
          nested(
            shape,
            1,
            (one) => typeof side === "number" ? field(one, 1).int64(side) : text(one, 2, side),
          );
        }
      });
    }));
}

/** The bytes of a message that `write` fills. */
function message(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

/** Begins a field whose value is an integer. */
function field(writer: BinaryWriter, number: number): BinaryWriter {
  return writer.tag(number, WireType.Varint);
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value);
}

function nested(writer: BinaryWriter, number: number, write: (writer: BinaryWriter) => void): void {
  writer.tag(number, WireType.LengthDelimited).bytes(message(write));
}
