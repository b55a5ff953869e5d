/** What a PyTorch file may call by name, each as a plain value: nothing of it is code. */
import type { DType } from "./stored_tensor.ts";
import type { Cursor } from "./cursor.ts";
import { type TorchStorage, TorchTensor } from "./torch_tensor.ts";
import { type Buildable, type PickleGlobal, pickleGlobal, type PickleWorld, plainText } from "./unpickle.ts";

/** How a file names a storage. */
export interface StorageId {
  readonly dtype: DType;
  readonly key: string;
  /** Elements. */
  readonly length: number;
  /** Legacy files: this is a part of the storage `key`. */
  readonly view?: { readonly key: string; readonly offset: number; readonly length: number };
}

/** By the name of the storage class. */
const STORAGES: Readonly<Record<string, DType>> = {
  FloatStorage: "F32",
  DoubleStorage: "F64",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** Element types as values of their own. */
const TORCH_DTYPES = [
  ..."float32 float float64 double float16 half bfloat16 uint8 int8 int16 short int32 int int64 long bool"
    .split(" "),
];

/** numpy's letters and sizes, little-endian. */
const NUMPY_READERS: Readonly<Record<string, (view: DataView, little: boolean) => unknown>> = {
  f8: (view, little) => view.getFloat64(0, little),
  f4: (view, little) => view.getFloat32(0, little),
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

function plain(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** numpy's element type, as far as single numbers need it. */
class NumpyType implements Buildable {
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

/** Elements that calls may copy, however long the file is: sets and dictionaries of so many still fit into memory. */
const MOST_COPIED = 2 ** 24;

/**
 * Counts what calls copy. A description gives every element and every letter in a byte or more, and torch.save copies
 * each once; only one that hands the same list to many calls comes to more than the file has bytes.
 */
class Copies {
  readonly #cursor: Cursor;
  readonly #most: number;
  #copied = 0;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
    this.#most = Math.min(cursor.bytes.length, MOST_COPIED);
  }

  /** Before anything is copied. @throws DataError */
  add(count: number): void {
    this.#copied += count;
    if (this.#copied <= this.#most) return;
    this.#cursor.fail(
      `its description copies more than ${this.#most} values; expected what torch.save writes of a state dict`,
    );
  }
}

/** The names of a PyTorch file; `storageOf` finds its storages. */
export function torchWorld(cursor: Cursor, storageOf: (id: StorageId) => TorchStorage): PickleWorld {
  const known = new Map<string, PickleGlobal>();
  const add = (name: string, call?: PickleGlobal["call"]) => known.set(name, pickleGlobal(name, call));
  const unexpected = (name: string): never =>
    cursor.fail(`the file is damaged: ${name} is called with other values`);
  const copies = new Copies(cursor);
  const listOf = (value: unknown, name: string): readonly unknown[] => {
    if (!Array.isArray(value)) return unexpected(name);
    copies.add(value.length);
    return value;
  };
  const counts = (value: unknown, name: string): readonly number[] => {
    const list = listOf(value, name);
    return list.every(isCount) ? [...list] : unexpected(name);
  };

  const dictionary = ([items]: readonly unknown[]) => {
    if (items === undefined) return new Map();
    const list = listOf(items, "collections.OrderedDict");
    return list.every(isPair) ? new Map(list) : unexpected("collections.OrderedDict");
  };
  add("collections.OrderedDict", dictionary);
  for (const name of ["set", "frozenset"]) {
    for (const module of ["builtins", "__builtin__"]) {
      add(`${module}.${name}`, ([items = []]) => new Set(listOf(items, name)));
    }
  }
  add("_codecs.encode", ([text, encoding]) => {
    if (typeof text !== "string" || encoding !== "latin1") return unexpected("_codecs.encode");
    copies.add(text.length);
    return Uint8Array.from({ length: text.length }, (_, k) => text.charCodeAt(k));
  });
  add("torch.Size", ([sides]) => counts(sides, "torch.Size"));
  add("torch.device", (parts) => {
    const texts = parts.map((part) => {
      const text = plainText(part);
      copies.add(text.length + 1);
      return text;
    });
    return texts.join(":");
  });
  for (const name of TORCH_DTYPES) add(`torch.${name}`);
  const storages = new Map<unknown, DType>();
  for (const [name, dtype] of Object.entries(STORAGES)) {
    add(`torch.${name}`);
    storages.set(known.get(`torch.${name}`), dtype);
  }

  const tensor = (args: readonly unknown[]) => {
    const name = "torch._utils._rebuild_tensor";
    const [storage, offset, shape, strides] = args;
    const view = { shape: counts(shape, name), strides: counts(strides, name) };
    if (!isStorage(storage) || !isCount(offset)) return unexpected(name);
    return new TorchTensor(storage, { offset, ...view }, cursor);
  };
  const parameter = ([data]: readonly unknown[]) =>
    data instanceof TorchTensor ? data : unexpected("torch._utils._rebuild_parameter");
  add("torch._utils._rebuild_tensor", tensor);
  add("torch._utils._rebuild_tensor_v2", tensor);
  add("torch._utils._rebuild_parameter", parameter);
  add("torch._utils._rebuild_parameter_with_state", parameter);
  // As PyTorch before 0.4 wrote them.
  add("torch.nn.parameter.Parameter", parameter);
  add("torch.autograd.variable.Variable", parameter);

  add("numpy.dtype", ([name]) => typeof name === "string" ? new NumpyType(name) : unexpected("numpy.dtype"));
  for (const module of ["numpy.core", "numpy._core"]) {
    add(`${module}.multiarray.scalar`, ([type, bytes]) => {
      const value = type instanceof NumpyType && bytes instanceof Uint8Array ? type.read(bytes) : undefined;
      return value ?? unexpected("numpy.core.multiarray.scalar");
    });
  }

  return {
    find: (module, name) => known.get(`${module}.${name}`) ?? cursor.fail(refusal(`${module}.${name}`)),
    persistent(id) {
      const found = storageId(id, storages);
      return found
        ? storageOf(found)
        : cursor.fail("the file is damaged: a storage is described in another way");
    },
  };
}

function refusal(name: string): string {
  return `it names ${name}, which plca does not call: only tensors and plain values are read; re-save it in Python with torch.save(model.state_dict(), "weights.pth")`;
}

/** `("storage", class, key, location, length)`, and in legacy files `(key, offset, length)` or None after it. */
function storageId(id: unknown, storages: ReadonlyMap<unknown, DType>): StorageId | undefined {
  if (!Array.isArray(id)) return undefined;
  const [what, type, key, , length, view] = id;
  const dtype = storages.get(type);
  if (what !== "storage" || dtype === undefined || !isKey(key) || !isCount(length)) return undefined;
  if (!Array.isArray(view)) return { dtype, key: String(key), length };
  const [viewKey, offset, viewLength] = view;
  if (!isKey(viewKey) || !isCount(offset) || !isCount(viewLength)) return undefined;
  return { dtype, key: String(key), length, view: { key: String(viewKey), offset, length: viewLength } };
}

function isKey(value: unknown): value is string | number | bigint {
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint";
}

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isStorage(value: unknown): value is TorchStorage {
  return typeof value === "object" && value !== null && "bigEndian" in value && "length" in value;
}
