/**
 * Writes the nodes of an ONNX graph while lowerings (maps.ts, plain.ts, tokens.ts) go through the steps.
 *
 * The difficulty is the order of axes. plca has maps as rows, [N, H, W, C]; ONNX's convolutions want planes,
 * [N, C, H, W]. A transposition around every convolution would be slow, so each value exists in the form in
 * which it was last made, or in both, and is transposed only when a node asks for the other form. A chain of
 * convolutions, norms and ReLUs then stays in planes from its first to its last.
 *
 * The other: a file that takes images of any size cannot have sizes as numbers in it. A side that varies is
 * known by its lengths in the recordings (graph.ts); where a node needs one, it is read from a tensor that
 * has it, by a Shape node.
 */
import {
  ELEMENTS,
  type ElementType,
  type Initializer,
  type Node,
  type OnnxAttribute,
} from "../backends/onnx_model.ts";
import type { Numbers } from "../backends/recorder/recording.ts";
import { fixedSide, type GraphValue, needsSize, type Side } from "./graph.ts";
import { asHalf } from "./half.ts";

/** The place in planes of each axis of rows. */
const IN_PLANES = [0, 2, 3, 1] as const;

/** The forms in which a value exists so far, by the names of their tensors. */
interface Forms {
  rows?: string;
  planes?: string;
}

/** The options of writing a graph. */
export interface EmitterOptions {
  /** Whether weights and all tensors between input and output are float16. */
  readonly half: boolean;
}

/**
 * A graph while it is written. Methods that return a name have added the nodes that make it, if there were
 * none.
 */
export class Emitter {
  readonly nodes: Node[] = [];
  readonly initializers: Initializer[] = [];
  readonly #options: EmitterOptions;
  readonly #forms = new Map<GraphValue, Forms>();
  /** For each side that was seen, by its lengths, a value that has it and at which axis. */
  readonly #sides = new Map<string, { readonly value: GraphValue; readonly axis: number }>();
  readonly #made = new Map<string, string>();
  readonly #constants = new Map<Numbers, Map<string, string>>();
  #count = 0;

  constructor(options: EmitterOptions) {
    this.#options = options;
  }

  /** A name that no other tensor has. */
  name(hint: string): string {
    return `${hint}_${this.#count++}`;
  }

  /**
   * Adds one operator call with one result. @param into the result's name; absent: a new one @returns the
   * result's name
   */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    into = this.name(type.toLowerCase()),
  ): string {
    this.nodes.push({ type, inputs, outputs: [into], attributes });
    return into;
  }

  /** Records in which forms a value exists; its sides can be read from it from now on. */
  set(value: GraphValue, forms: Forms): void {
    this.#forms.set(value, { ...this.#forms.get(value), ...forms });
    value.sides.forEach((side, axis) => {
      const key = side.join();
      if (!this.#sides.has(key)) this.#sides.set(key, { value, axis });
    });
  }

  /** Whether a map exists as planes only, so that going on with planes saves a transposition. */
  inPlanes(value: GraphValue): boolean {
    const forms = this.#forms.get(value);
    return forms?.planes !== undefined && forms.rows === undefined;
  }

  /** The name of a value with its axes in plca's order. */
  rows(value: GraphValue): string {
    if (value.constant) return this.#constant(value);
    const forms = this.#forms.get(value)!;
    return forms.rows ??= this.node("Transpose", [forms.planes!], { perm: [0, 2, 3, 1] });
  }

  /** The name of a map with its channels before its rows, as ONNX has it. */
  planes(value: GraphValue): string {
    if (value.constant) {
      if (value.sides.length < 3) return this.#perChannel(value);
      return this.node("Transpose", [this.#constant(value)], { perm: [0, 3, 1, 2] });
    }
    const forms = this.#forms.get(value)!;
    return forms.planes ??= this.node("Transpose", [forms.rows!], { perm: [0, 3, 1, 2] });
  }

  /** A constant with one value for each channel, or one for all, in a shape that is broadcast over planes. */
  #perChannel({ constant, sides }: GraphValue): string {
    const count = constant!.length;
    return this.floats(constant!, sides.length === 0 || count === 1 ? [] : [count, 1, 1]);
  }

  /**
   * The name of a constant. One that is repeated along a side that varies is expanded when the model runs.
   */
  #constant(value: GraphValue): string {
    const dims = value.sides.map(fixedSide);
    const { constant, dtype } = value;
    if (dims.some((side) => side === undefined)) {
      const once = this.#typed(constant!, dims.map((side) => side ?? 1), dtype);
      return this.node("Expand", [once, this.shape(value.sides)]);
    }
    return this.#typed(constant!, dims as number[], dtype);
  }

  /** The name of numbers of a type that lie in the file. */
  #typed(numbers: Numbers, dims: readonly number[], dtype: GraphValue["dtype"]): string {
    if (dtype === "float32") return this.floats(numbers, dims);
    if (dtype === "bool") return this.#initializer(numbers, dims, "bool");
    return this.#initializer(Int32Array.from(numbers), dims, "int32");
  }

  /**
   * The name of float numbers that lie in the file, in the graph's width. The same array is written once for
   * each shape.
   */
  floats(numbers: ArrayLike<number>, dims: readonly number[]): string {
    const data = numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
    return this.#initializer(data, dims, this.#options.half ? "float16" : "float32");
  }

  /** The name of one float number. */
  scalar(number: number): string {
    return this.#made.get(`scalar ${number}`) ??
      this.#remember(`scalar ${number}`, this.floats(Float32Array.of(number), []));
  }

  /** Converts to another type, by its number in ONNX; float32 means the graph's width. */
  cast(name: string, type: number): string {
    return this.node("Cast", [name], { to: type === ELEMENTS.float32 ? this.floatType : type });
  }

  /** ONNX's number for the type of the graph's floats. */
  get floatType(): number {
    return this.#options.half ? ELEMENTS.float16 : ELEMENTS.float32;
  }

  /** The name of int64 numbers, as ONNX wants shapes and axes. */
  integers(numbers: readonly (number | bigint)[]): string {
    const key = `integers ${numbers.join()}`, known = this.#made.get(key);
    if (known !== undefined) return known;
    const name = this.name("integers");
    const bytes = new Uint8Array(BigInt64Array.from(numbers, BigInt).buffer);
    this.initializers.push({ name, type: "int64", dims: [numbers.length], bytes });
    return this.#remember(key, name);
  }

  /** The name of a shape, int64 [rank]. @throws UserError for a side that no value has */
  shape(sides: readonly Side[]): string {
    const lengths = sides.map(fixedSide);
    if (lengths.every((length) => length !== undefined)) return this.integers(lengths);
    const key = `shape ${sides.join(" ")}`;
    return this.#made.get(key) ??
      this.#remember(key, this.node("Concat", sides.map((side) => this.side(side)), { axis: 0 }));
  }

  /**
   * The name of the length of a side, int64 [1]: a number, the length of another value's side, or a product
   * of two. @throws UserError for one that follows from none
   */
  side(side: Side): string {
    const length = fixedSide(side);
    if (length !== undefined) return this.integers([length]);
    const key = `side ${side.join()}`, known = this.#made.get(key);
    if (known !== undefined) return known;
    const holder = this.#sides.get(side.join());
    if (holder !== undefined) return this.#remember(key, this.#sideOf(holder));
    for (const [one, { value, axis }] of this.#sides) {
      const factor = one.split(",").map(Number);
      const rest = this.#sides.get(side.map((product, k) => product / factor[k]!).join());
      if (fixedSide(factor) !== undefined || rest === undefined) continue;
      const name = this.node("Mul", [this.#sideOf({ value, axis }), this.#sideOf(rest)]);
      return this.#remember(key, name);
    }
    return needsSize(`a side of ${side.join(", ")} pixels or tokens follows from no other`);
  }

  /** Reads the length of a value's side when the model runs. */
  #sideOf({ value, axis }: { readonly value: GraphValue; readonly axis: number }): string {
    const { planes, rows } = this.#forms.get(value)!;
    const at = rows === undefined ? IN_PLANES[axis]! : axis;
    return this.node("Shape", [rows ?? planes!], { start: at, end: at + 1 });
  }

  #initializer(numbers: Numbers, dims: readonly number[], type: ElementType): string {
    const known = this.#constants.get(numbers) ?? new Map<string, string>();
    this.#constants.set(numbers, known);
    const key = dims.join();
    if (!known.has(key)) {
      const name = this.name("constant");
      const data = type === "float16" ? asHalf(numbers) : numbers;
      const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
      this.initializers.push({ name, type, dims, bytes });
      known.set(key, name);
    }
    return known.get(key)!;
  }

  /** Keeps the name of something that may be asked for again. */
  #remember(key: string, name: string): string {
    this.#made.set(key, name);
    return name;
  }
}

/** The place in planes of an axis of rows. */
export function axisInPlanes(axis: number): number {
  return IN_PLANES[axis]!;
}
