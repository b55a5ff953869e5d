/**
 * Files that torch.load opens: a zip archive with a pickle of protocol 2 and one entry for each tensor. The
 * pickle is written instruction by instruction; weights/unpickle.ts reads them. Pure.
 */
import { type Zippable, zipSync } from "fflate";
import type { DType, StoredTensor } from "./stored_tensor.ts";

/** The class of PyTorch's storage by type of element. */
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

/**
 * A state dict as torch.save writes it: `torch.load` gives an OrderedDict of contiguous CPU tensors in the
 * map's order, or, with `wrapper`, a dict with that one key and the OrderedDict in it. The same tensors give
 * the same bytes.
 */
export function encodeTorch(
  tensors: ReadonlyMap<string, StoredTensor>,
  { wrapper }: { readonly wrapper?: string | undefined } = {},
): Uint8Array {
  const pickle = new Pickle();
  if (wrapper !== undefined) pickle.opcode("}").text(wrapper);
  pickle.global("collections", "OrderedDict").opcode(")").opcode("R");
  const entries: Record<string, Uint8Array> = {};
  pickle.opcode("(");
  [...tensors].forEach(([name, { dtype, shape, data }], key) => {
    pickle.text(name).tensor({ dtype, shape, length: data.length, key: String(key) });
    entries[`archive/data/${key}`] = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  });
  pickle.opcode("u");
  if (wrapper !== undefined) pickle.opcode("s");
  const ascii = (text: string) => new TextEncoder().encode(text);
  const files: Zippable = {
    "archive/data.pkl": pickle.end(),
    "archive/byteorder": ascii("little"),
    ...entries,
    "archive/version": ascii("3\n"),
  };
  // The date is written in local time, so it is made in local time: the bytes are the same everywhere.
  return zipSync(files, { level: 0, mtime: new Date(1980, 0, 1) });
}

/** A tensor as the pickle describes it; `key` names its entry in the archive. */
interface TensorRecord {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly length: number;
  readonly key: string;
}

/** Writes a pickle, opcode by opcode. */
class Pickle {
  readonly #parts: Uint8Array[] = [new Uint8Array([0x80, 2])];

  /**
   * An instruction, by its letter (Python's pickletools lists them), with its argument where that is text.
   */
  opcode(letter: string): this {
    return this.#add(new TextEncoder().encode(letter));
  }

  /** A name that the reader looks up: here always one of torch or collections. */
  global(module: string, name: string): this {
    return this.opcode(`c${module}\n${name}\n`);
  }

  /** A text of UTF-8, with its length in 4 bytes. */
  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.opcode("X").#number(4, bytes.length).#add(bytes);
  }

  /** A whole number from 0 up, in the shortest of three instructions that holds it. */
  integer(value: number): this {
    if (value < 256) return this.opcode("K").#number(1, value);
    if (value < 2 ** 31) return this.opcode("J").#number(4, value);
    return this.#add(new Uint8Array([0x8a, 8])).#number(8, value);
  }

  /** A tuple of whole numbers. */
  tuple(values: readonly number[]): this {
    this.opcode("(");
    for (const value of values) this.integer(value);
    return this.opcode("t");
  }

  /**
   * The call `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`, which makes a tensor.
   * The storage is a value that lies elsewhere in the file, `("storage", class, key, "cpu", length)`. Strides
   * are those of row-major order: each is the product of the sides behind it.
   */
  tensor({ dtype, shape, length, key }: TensorRecord): this {
    const strides = shape.map((_, k) =>
      shape.slice(k + 1).reduce((product, side) => product * Math.max(1, side), 1)
    );
    this.global("torch._utils", "_rebuild_tensor_v2").opcode("((").text("storage").global(
      "torch",
      STORAGES[dtype],
    );
    this.text(key).text("cpu").integer(length).opcode("tQ").integer(0).tuple(shape).tuple(strides);
    // requires_grad is false (0x89); no backward hooks.
    this.#add(new Uint8Array([0x89]));
    return this.global("collections", "OrderedDict").opcode(")R").opcode("tR");
  }

  /** Ends the pickle. @returns its bytes */
  end(): Uint8Array {
    this.opcode(".");
    const bytes = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** A whole number from 0 up in so many bytes, little-endian. */
  #number(width: 1 | 4 | 8, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
    return this.#add(bytes.subarray(0, width));
  }

  #add(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }
}
