/**
 * Collects the nodes of an ONNX graph. Maps exist as rows (NHWC, as plca has them), as planes (NCHW, as ONNX
 * has them), or both.
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

/** Where the axes of rows lie in planes. */
const IN_PLANES = [0, 2, 3, 1] as const;

/** How a value exists: the names of its forms. */
interface Forms {
  rows?: string;
  planes?: string;
}

/** How a graph is written. */
export interface EmitterOptions {
  /** Whether weights and what is between are float16. */
  readonly half: boolean;
}

/** The graph while it is written. */
export class Emitter {
  readonly nodes: Node[] = [];
  readonly initializers: Initializer[] = [];
  readonly #options: EmitterOptions;
  readonly #forms = new Map<GraphValue, Forms>();
  /** Values by the lengths of a side, for whoever needs it. */
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

  /** One operator call with one result. @returns the result's name */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    into = this.name(type.toLowerCase()),
  ): string {
    this.nodes.push({ type, inputs, outputs: [into], attributes });
    return into;
  }

  /** Says how a value exists. */
  set(value: GraphValue, forms: Forms): void {
    this.#forms.set(value, { ...this.#forms.get(value), ...forms });
    value.sides.forEach((side, axis) => {
      const key = side.join();
      if (!this.#sides.has(key)) this.#sides.set(key, { value, axis });
    });
  }

  /** Whether a map exists as planes alone, so that it is cheaper to go on with those. */
  inPlanes(value: GraphValue): boolean {
    const forms = this.#forms.get(value);
    return forms?.planes !== undefined && forms.rows === undefined;
  }

  /** The value with its axes in plca's order. */
  rows(value: GraphValue): string {
    if (value.constant) return this.#constant(value);
    const forms = this.#forms.get(value)!;
    return forms.rows ??= this.node("Transpose", [forms.planes!], { perm: [0, 2, 3, 1] });
  }

  /** A map with its channels before its rows. */
  planes(value: GraphValue): string {
    if (value.constant) {
      if (value.sides.length < 3) return this.#perChannel(value);
      return this.node("Transpose", [this.#constant(value)], { perm: [0, 3, 1, 2] });
    }
    const forms = this.#forms.get(value)!;
    return forms.planes ??= this.node("Transpose", [forms.rows!], { perm: [0, 3, 1, 2] });
  }

  /** A constant of one value for each channel, or of one for all, as what is added to planes. */
  #perChannel({ constant, sides }: GraphValue): string {
    const count = constant!.length;
    return this.floats(constant!, sides.length === 0 || count === 1 ? [] : [count, 1, 1]);
  }

  #constant(value: GraphValue): string {
    const dims = value.sides.map(fixedSide);
    const { constant, dtype } = value;
    if (dims.some((side) => side === undefined)) {
      const once = this.#typed(constant!, dims.map((side) => side ?? 1), dtype);
      return this.node("Expand", [once, this.shape(value.sides)]);
    }
    return this.#typed(constant!, dims as number[], dtype);
  }

  #typed(numbers: Numbers, dims: readonly number[], dtype: GraphValue["dtype"]): string {
    if (dtype === "float32") return this.floats(numbers, dims);
    if (dtype === "bool") return this.#initializer(numbers, dims, "bool");
    return this.#initializer(Int32Array.from(numbers), dims, "int32");
  }

  /**
   * Float numbers that lie in the file.
   * @param dims how they lie; the same numbers are written once for each
   */
  floats(numbers: ArrayLike<number>, dims: readonly number[]): string {
    const data = numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
    return this.#initializer(data, dims, this.#options.half ? "float16" : "float32");
  }

  /** One float number. */
  scalar(number: number): string {
    return this.#made.get(`scalar ${number}`) ??
      this.#remember(`scalar ${number}`, this.floats(Float32Array.of(number), []));
  }

  /** Another type, by its number; floats are as wide as all of the graph. */
  cast(name: string, type: number): string {
    return this.node("Cast", [name], { to: type === ELEMENTS.float32 ? this.floatType : type });
  }

  /** The number of the type of floats. */
  get floatType(): number {
    return this.#options.half ? ELEMENTS.float16 : ELEMENTS.float32;
  }

  /** Whole numbers, as shapes and axes are given. */
  integers(numbers: readonly (number | bigint)[]): string {
    const key = `integers ${numbers.join()}`, known = this.#made.get(key);
    if (known !== undefined) return known;
    const name = this.name("integers");
    const bytes = new Uint8Array(BigInt64Array.from(numbers, BigInt).buffer);
    this.initializers.push({ name, type: "int64", dims: [numbers.length], bytes });
    return this.#remember(key, name);
  }

  /** A shape: int64 [rank]. @throws UserError for a side that nothing has */
  shape(sides: readonly Side[]): string {
    const lengths = sides.map(fixedSide);
    if (lengths.every((length) => length !== undefined)) return this.integers(lengths);
    const key = `shape ${sides.join(" ")}`;
    return this.#made.get(key) ??
      this.#remember(key, this.node("Concat", sides.map((side) => this.side(side)), { axis: 0 }));
  }

  /** The length of a side: int64 [1]. @throws UserError for one that nothing has */
  side(side: Side): string {
    const length = fixedSide(side);
    if (length !== undefined) return this.integers([length]);
    const key = `side ${side.join()}`, known = this.#made.get(key);
    if (known !== undefined) return known;
    const found = this.#sides.get(side.join());
    if (found !== undefined) return this.#remember(key, this.#sideOf(found));
    for (const [one, { value, axis }] of this.#sides) {
      const factor = one.split(",").map(Number);
      const rest = this.#sides.get(side.map((product, k) => product / factor[k]!).join());
      if (fixedSide(factor) !== undefined || rest === undefined) continue;
      const name = this.node("Mul", [this.#sideOf({ value, axis }), this.#sideOf(rest)]);
      return this.#remember(key, name);
    }
    return needsSize(`a side of ${side.join(", ")} pixels or tokens follows from no other`);
  }

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

  #remember(key: string, name: string): string {
    this.#made.set(key, name);
    return name;
  }
}

/** The place in planes of an axis of rows. */
export function axisInPlanes(axis: number): number {
  return IN_PLANES[axis]!;
}
