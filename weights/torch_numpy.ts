/** Single numbers and arrays of numpy in a pickle, as far as a checkpoint's values need them. */
import { type Buildable, plainText } from "./pickle_values.ts";

/** numpy's own limit is 64. */
const MOST_SIDES = 64;

/** numpy's types by letter and bytes; each reads a number. */
const NUMPY_READERS: Readonly<Record<string, (view: DataView, little: boolean) => unknown>> = {
  f8: (view, little) => view.getFloat64(0, little),
  f4: (view, little) => view.getFloat32(0, little),
  f2: (view, little) => view.getFloat16(0, little),
  i8: (view, little) => plain(view.getBigInt64(0, little)),
  u8: (view, little) => plain(view.getBigUint64(0, little)),
  i4: (view, little) => view.getInt32(0, little),
  u4: (view, little) => view.getUint32(0, little),
  i2: (view, little) => view.getInt16(0, little),
  u2: (view, little) => view.getUint16(0, little),
  i1: (view) => view.getInt8(0),
  u1: (view) => view.getUint8(0),
  b1: (view) => view.getUint8(0) !== 0,
};

/** A whole number as a `number` where that is exact. */
function plain(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** numpy's type of element, as far as single numbers need it. */
export class NumpyType implements Buildable {
  readonly name: string;
  #little = true;

  constructor(name: string) {
    this.name = name;
  }

  build(state: unknown): void {
    if (Array.isArray(state)) this.#little = state[1] !== ">";
  }

  read(bytes: Uint8Array): unknown {
    const reader = NUMPY_READERS[this.name];
    if (reader === undefined || bytes.length !== Number(this.name.slice(1))) return undefined;
    return reader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), this.#little);
  }
}

/** An array of numpy. It lies beside the weights, so only its kind is kept. */
export class NumpyArray implements Buildable {
  #shape: readonly unknown[] = [];
  #type = "?";

  /** As in `NumPy array of f8 [19]`. */
  get name(): string {
    return `NumPy array of ${this.#type} [${this.#shape.map(plainText).join(", ")}]`;
  }

  build(state: unknown): void {
    if (!Array.isArray(state)) return;
    const [, shape, type] = state;
    if (Array.isArray(shape)) this.#shape = shape.slice(0, MOST_SIDES);
    if (type instanceof NumpyType) this.#type = type.name;
  }
}
