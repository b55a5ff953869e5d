/**
 * Writes a graph of operators as an ONNX model. Each step of the graph has a lowering, a function that adds
 * its nodes. To export another operator, give it a lowering here and, if it is one of tfjs's, a shape rule in
 * backends/recorder/shapes.ts.
 */
import { UserError } from "../core/errors.ts";
import { ELEMENTS, encodeModel, type Graph, type Port } from "../backends/onnx_model.ts";
import { Emitter } from "./emitter.ts";
import { foldNorms } from "./fold_norms.ts";
import { fixedSide, type GraphValue, type OperatorGraph, type Side } from "./graph.ts";
import { LIBRARY_MAPS } from "./library_maps.ts";
import { MAPS } from "./maps.ts";
import { PLAIN } from "./plain.ts";
import { TOKENS } from "./tokens.ts";

/** The version of ONNX's operators that files use, and the version of the file format of that time. */
const OPSET = 17, IR_VERSION = 8;

const LOWERINGS = { ...MAPS, ...LIBRARY_MAPS, ...TOKENS, ...PLAIN };

/** The options of writing a model. */
export interface LowerOptions {
  /** The names of input and output. */
  readonly input: string;
  readonly output: string;
  /** Whether the input is bytes, [N, H, W, 3]; else float32, [N, 3, H, W]. */
  readonly bytes: boolean;
  /**
   * Whether weights and all tensors between input and output are float16. The input and a float output stay
   * float32.
   */
  readonly half: boolean;
  readonly producerVersion: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A written model. */
export interface LoweredModel {
  /** The bytes of the ONNX file. */
  readonly model: Uint8Array;
  /** Its only input. */
  readonly input: Port;
  /** Its only output. */
  readonly output: Port;
  /** How many operator calls it has. */
  readonly nodes: number;
}

/**
 * Writes the model. Maps come out as [N, C, H, W], labels as int32 [N, H, W]. @throws UserError that names an
 * operator that cannot be written
 */
export function lower(graph: OperatorGraph, options: LowerOptions): LoweredModel {
  const { half, bytes } = options;
  const { input: x, output: y, steps } = foldNorms(graph);
  const emit = new Emitter({ half });
  const names = sideNames(x, y);
  const type = bytes ? "uint8" : "float32";
  const input: Port = { name: options.input, type, dims: portDims(x, bytes ? "rows" : "planes", names) };
  const images = bytes || half ? emit.cast(input.name, ELEMENTS.float32) : input.name;
  emit.set(x, bytes ? { rows: images } : { planes: images });
  for (const step of steps) {
    const write = LOWERINGS[step.op];
    if (write === undefined) throw new UserError(`the operator ${step.op} cannot be exported`);
    write(emit, step);
  }
  const map = y.sides.length === 4;
  const output: Port = {
    name: options.output,
    type: y.dtype === "int32" ? "int32" : "float32",
    dims: portDims(y, map ? "planes" : "rows", names),
  };
  const last = map ? emit.planes(y) : emit.rows(y);
  if (half && output.type === "float32") {
    emit.node("Cast", [last], { to: ELEMENTS.float32 }, output.name);
  } else emit.node("Identity", [last], {}, output.name);
  const { nodes, initializers } = emit;
  const whole: Graph<Port> = { inputs: [input], outputs: [output], nodes, initializers };
  const { producerVersion, metadata } = options;
  const model = encodeModel(whole, { opset: OPSET, irVersion: IR_VERSION, producerVersion, metadata });
  return { model, input, output, nodes: nodes.length };
}

/**
 * Names of the sides that vary, by their lengths: those of the input, and `map_...` for those of the output
 * alone.
 */
function sideNames(x: GraphValue, y: GraphValue): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const note = (value: GraphValue, prefix: string) =>
    value.sides.forEach((side, axis) => {
      const key = side.join();
      if (fixedSide(side) === undefined && !names.has(key)) {
        names.set(key, `${prefix}${["batch", "height", "width", "channels"][axis]}`);
      }
    });
  note(x, "");
  note(y, "map_");
  return names;
}

/** The sides of an input or output, as numbers or names. */
function portDims(
  { sides }: GraphValue,
  form: "rows" | "planes",
  names: ReadonlyMap<string, string>,
): (number | string)[] {
  const dims = sides.map((side: Side) => fixedSide(side) ?? names.get(side.join())!);
  if (form === "rows") return dims;
  const [n, height, width, channels] = dims;
  return [n!, channels!, height!, width!];
}
