/** Files of torch.save with whatever a test puts into them. */
import { strToU8, zipSync } from "fflate";
import { bytesOf, type DType, type StoredTensor } from "../../weights/stored_tensor.ts";

/** What Python makes by calling a name. */
export class Made {
  constructor(
    readonly name: string,
    readonly args: readonly unknown[] = [],
    readonly more: {
      /** Attributes, given after it is made. */
      readonly state?: unknown;
      /** Keys and values, set after it is made. */
      readonly items?: ReadonlyMap<unknown, unknown>;
      /** As classes are called that are made without `__init__`. */
      readonly isNew?: boolean;
    } = {},
  ) {}
}

/** A name, not called. */
export class Name {
  constructor(readonly name: string) {}
}

/** What lies outside the pickle, by what names it. */
export class Outside {
  constructor(readonly id: Tuple) {}
}

/** A tuple; arrays are lists. */
export class Tuple {
  constructor(readonly values: readonly unknown[]) {}
}

/** A float, where a number that is whole would become an integer. */
export class Float {
  constructor(readonly value: number) {}
}

/** A tensor whose elements lie in a storage of this class, as bytes. */
export class StorageTensor {
  constructor(readonly storage: string, readonly shape: readonly number[], readonly bytes: Uint8Array) {}
}

const STORAGES: Readonly<Record<DType, string>> = {
  F32: "FloatStorage",
  F64: "DoubleStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I64: "LongStorage",
  I32: "IntStorage",
  I16: "ShortStorage",
  I8: "CharStorage",
  U8: "ByteStorage",
  BOOL: "BoolStorage",
};

/** The class of a storage of tensors of a type. */
export const storageOf = (dtype: DType): string => `torch.${STORAGES[dtype]}`;

/** float32 [n]: `first`, `first + 1`, ... */
export function vector(length: number, first = 0): StoredTensor {
  return { dtype: "F32", shape: [length], data: Float32Array.from({ length }, (_, k) => first + k) };
}

/** A plain object as a dictionary. */
export function dict(entries: Readonly<Record<string, unknown>>): Map<string, unknown> {
  return new Map(Object.entries(entries));
}

/** A file of torch.save's zip format. */
export function torchZip(value: unknown): Uint8Array {
  const writer = new Writer();
  writer.write(value);
  const data = writer.storages.map((bytes, key) => [`archive/data/${key}`, bytes] as const);
  return zipSync(
    { "archive/data.pkl": writer.end(), ...Object.fromEntries(data), "archive/version": strToU8("3\n") },
    { level: 0 },
  );
}

/** The same in the format before PyTorch 1.6. */
export function torchLegacy(value: unknown): Uint8Array {
  const start = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
  const pickled = (each: unknown) => {
    const writer = new Writer();
    writer.write(each);
    return [...writer.end()];
  };
  const writer = new Writer();
  writer.write(value);
  const storages = writer.storages.flatMap((bytes, key) => {
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(writer.lengths[key]!), true);
    return [...length, ...bytes];
  });
  return new Uint8Array([
    ...start,
    ...pickled(1001),
    ...pickled(dict({ little_endian: true })),
    ...writer.end(),
    ...pickled(writer.storages.map((_, key) => String(key))),
    ...storages,
  ]);
}

class Writer {
  readonly storages: Uint8Array[] = [];
  /** Elements of each storage. */
  readonly lengths: number[] = [];
  readonly #bytes: number[] = [0x80, 2];

  end(): Uint8Array {
    this.#text(".");
    return new Uint8Array(this.#bytes);
  }

  #text(text: string): void {
    for (const byte of new TextEncoder().encode(text)) this.#bytes.push(byte);
  }

  #number(code: number, bytes: number, set: (view: DataView) => void): void {
    const buffer = new ArrayBuffer(bytes);
    set(new DataView(buffer));
    this.#bytes.push(code, ...new Uint8Array(buffer));
  }

  #global(name: string): void {
    const at = name.lastIndexOf(".");
    this.#text(`c${name.slice(0, at)}\n${name.slice(at + 1)}\n`);
  }

  #many(open: string, values: Iterable<unknown>, close: string): void {
    this.#text(`${open}(`);
    for (const value of values) this.write(value);
    this.#text(close);
  }

  write(value: unknown): void {
    if (value === null) this.#text("N");
    else if (typeof value === "boolean") this.#bytes.push(value ? 0x88 : 0x89);
    else if (value instanceof Float || (typeof value === "number" && !Number.isInteger(value))) {
      this.#number(0x47, 8, (view) => view.setFloat64(0, value instanceof Float ? value.value : value));
    } else if (typeof value === "number") this.#number(0x4a, 4, (view) => view.setInt32(0, value, true));
    else if (typeof value === "string") {
      const bytes = new TextEncoder().encode(value);
      this.#number(0x58, 4, (view) => view.setUint32(0, bytes.length, true));
      this.#bytes.push(...bytes);
    } else if (value instanceof Uint8Array) {
      this.#number(0x42, 4, (view) => view.setUint32(0, value.length, true));
      this.#bytes.push(...value);
    } else if (Array.isArray(value)) this.#many("]", value, "e");
    else if (value instanceof Tuple) this.#many("", value.values, "t");
    else if (value instanceof Map) this.#many("}", [...value].flat(), "u");
    else if (value instanceof Name) this.#global(value.name);
    else if (value instanceof Outside) {
      this.write(value.id);
      this.#text("Q");
    } else if (value instanceof Made) this.#made(value);
    else if (value instanceof StorageTensor) this.#tensor(value);
    else if (isStored(value)) {
      const { data, dtype, shape } = value;
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      this.#tensor(new StorageTensor(storageOf(dtype), shape, bytes), bytesOf(dtype));
    } else throw new Error(`no way to pickle ${String(value)}`);
  }

  #made({ name, args, more: { state, items, isNew = false } }: Made): void {
    this.#global(name);
    this.write(new Tuple(args));
    this.#text(isNew ? "\x81" : "R");
    // The text would be encoded in two bytes.
    if (isNew) this.#bytes.splice(-2, 2, 0x81);
    if (items) this.#many("", [...items].flat(), "u");
    if (state !== undefined) {
      this.write(state);
      this.#text("b");
    }
  }

  #tensor({ storage, shape, bytes }: StorageTensor, width?: number): void {
    const size = shape.reduce((product, side) => product * side, 1);
    const length = width === undefined ? size : bytes.length / width;
    const key = String(this.storages.push(bytes) - 1);
    this.lengths.push(length);
    this.#global("torch._utils._rebuild_tensor_v2");
    this.#text("(");
    this.write(new Tuple(["storage", new Name(storage), key, "cpu", length]));
    this.#text("Q");
    const strides = shape.map((_, k) => shape.slice(k + 1).reduce((product, side) => product * side, 1));
    for (
      const each of [0, new Tuple(shape), new Tuple(strides), false, new Made("collections.OrderedDict")]
    ) {
      this.write(each);
    }
    this.#text("tR");
  }
}

function isStored(value: unknown): value is StoredTensor {
  return typeof value === "object" && value !== null && "dtype" in value && "data" in value;
}
