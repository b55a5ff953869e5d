/**
 * What a PyTorch file may call by name, each as a plain value: nothing of it is code.
 *
 * A pickle is a program that calls functions by their names. Python would import and run them, which is why
 * loading a stranger's `.pth` can run anything. Here a name is only a key of a list:
 * `torch._utils._rebuild_tensor_v2` makes a view, `collections.OrderedDict` a `Map`, numpy's scalars numbers.
 * A name that is not in the list makes an {@linkcode Opaque}, which carries its arguments and does nothing,
 * so that a checkpoint with an unknown object beside its weights can still be read. A few names (`os.system`,
 * `eval`, ...) have no business in weights; a file with one of them is refused with a warning not to load it
 * in Python either.
 */
import type { DType } from "./stored_tensor.ts";
import type { Cursor } from "./cursor.ts";
import { type TorchStorage, TorchTensor } from "./torch_tensor.ts";
import {
  type Buildable,
  isGlobal,
  Opaque,
  type PickleGlobal,
  pickleGlobal,
  type PickleWorld,
  plainText,
  unknownGlobal,
} from "./unpickle.ts";

/** How a file names a storage. */
export interface StorageId {
  readonly dtype: DType;
  readonly key: string;
  /** Elements. */
  readonly length: number;
  /** Legacy files: this is a part of the storage `key`. */
  readonly view?: { readonly key: string; readonly offset: number; readonly length: number };
}

/** Types of element by the name of the storage class. */
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

/** Types of element that a checkpoint may hold as values. */
const TORCH_DTYPES = [
  ..."float32 float float64 double float16 half bfloat16 uint8 int8 int16 short int32 int int64 long bool"
    .split(" "),
];

/** numpy's letters and sizes, little-endian. */
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

/** numpy's own limit is 64. */
const MOST_SIDES = 64;

/**
 * Elements that calls may copy, however long the file is: sets and dictionaries of so many still fit into
 * memory.
 */
const MOST_COPIED = 2 ** 24;

/**
 * A limit on what calls copy. A description gives each element and letter in a byte or more, and torch.save
 * copies each once; only a description that hands the same list to many calls copies more than the file has
 * bytes.
 */
class Copies {
  readonly #cursor: Cursor;
  /** How much may be copied in all. */
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

/** A storage of a type of element that is not read. */
export interface UnreadId {
  /** Of its class, as in `torch.ComplexFloatStorage`. */
  readonly type: string;
  readonly key: string;
  /** Elements. */
  readonly length: number;
}

/** Where a file has its storages; each container has its own. */
export interface Storages {
  find(id: StorageId): TorchStorage;
  /** Called for one that is not read. @throws DataError when what follows it cannot be found then */
  passOver(id: UnreadId): void;
}

/**
 * Modules and built-in functions that make no value of a checkpoint: a file that names one wants code to run.
 */
const MODULES = new Set(
  "os posix nt subprocess sys runpy shutil socket pty webbrowser importlib ctypes commands"
    .split(" "),
);
/** Functions of Python itself that run code or reach files. */
const FUNCTIONS = new Set(
  "print eval exec execfile compile open input __import__ breakpoint exit quit".split(" "),
);

/** Whether a name belongs to code that no weights need. */
function runsCode(name: string): boolean {
  const [module, ...rest] = name.split(".");
  return MODULES.has(module!) ||
    ["builtins", "__builtin__"].includes(module!) && FUNCTIONS.has(rest.join("."));
}

/**
 * A name that ends the reading when it is called. Passing the call over would be safe here, but not for the
 * next person who loads the file.
 */
function refusedGlobal(name: string, cursor: Cursor): PickleGlobal {
  return pickleGlobal(name, () =>
    cursor.fail(
      `it names ${name}, which plca does not call: Python runs that as code when it loads the file, and no weights need ` +
        "it; do not load the file with torch.load, and get it again from where you trust it",
    ));
}

/** The names of a PyTorch file. @param storagesOf where its storages are found */
export function torchWorld(cursor: Cursor, storagesOf: Storages): PickleWorld {
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

  /** What is called in a way that is not known is as good as a name that is not. */
  const addPlain = (name: string, call: (args: readonly unknown[]) => unknown) =>
    add(name, (args) => call(args) ?? new Opaque(name, args));
  const dictionary = ([items]: readonly unknown[]) => {
    if (items === undefined) return new Map();
    // Counter is built from one; no other type is.
    if (items instanceof Map) return items;
    if (!Array.isArray(items)) return undefined;
    copies.add(items.length);
    return items.every(isPair) ? new Map(items) : undefined;
  };
  addPlain("collections.OrderedDict", dictionary);
  addPlain("collections.Counter", dictionary);
  addPlain("collections.defaultdict", ([, items]) => dictionary([items]));
  addPlain("collections.deque", ([items = []]) => {
    if (!Array.isArray(items)) return undefined;
    copies.add(items.length);
    return [...items];
  });
  for (const name of ["set", "frozenset"]) {
    for (const module of ["builtins", "__builtin__"]) {
      addPlain(
        `${module}.${name}`,
        ([items = []]) => Array.isArray(items) ? new Set(listOf(items, name)) : undefined,
      );
    }
  }
  for (const module of ["copyreg", "copy_reg"]) {
    for (const name of ["_reconstructor", "__newobj__", "__newobj_ex__"]) {
      add(`${module}.${name}`, (args) => {
        const [made] = args;
        return new Opaque(isGlobal(made) ? made.name : `${module}.${name}`, args);
      });
    }
  }
  addPlain("_codecs.encode", ([text, encoding]) => {
    if (typeof text !== "string" || encoding !== "latin1") return undefined;
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
    if (storage instanceof Opaque) return new Opaque(storage.name, [], view.shape);
    if (!isStorage(storage) || !isCount(offset)) return unexpected(name);
    return new TorchTensor(storage, { offset, ...view }, cursor);
  };
  const parameter = ([data]: readonly unknown[]) =>
    data instanceof TorchTensor || data instanceof Opaque
      ? data
      : unexpected("torch._utils._rebuild_parameter");
  add("torch._utils._rebuild_tensor", tensor);
  add("torch._utils._rebuild_tensor_v2", tensor);
  add("torch._utils._rebuild_parameter", parameter);
  add("torch._utils._rebuild_parameter_with_state", parameter);
  // As PyTorch before 0.4 wrote them.
  add("torch.nn.parameter.Parameter", parameter);
  add("torch.autograd.variable.Variable", parameter);

  // A tensor or parameter with attributes of its own.
  add("torch._tensor._rebuild_from_type_v2", (args) => {
    const [rebuild, type, given] = args;
    const isPlain = isGlobal(type) && PLAIN_TENSORS.includes(type.name);
    if (isPlain && isGlobal(rebuild) && rebuild.call && Array.isArray(given)) return rebuild.call(given);
    return new Opaque(isGlobal(type) ? type.name : "torch._tensor._rebuild_from_type_v2", args);
  });

  addPlain("numpy.dtype", ([name]) => typeof name === "string" ? new NumpyType(name) : undefined);
  for (const module of ["numpy.core", "numpy._core"]) {
    add(`${module}.multiarray.scalar`, (args) => {
      const [type, bytes] = args;
      const value = type instanceof NumpyType && bytes instanceof Uint8Array ? type.read(bytes) : undefined;
      return value ?? new Opaque(`NumPy scalar${type instanceof NumpyType ? ` ${type.name}` : ""}`, args);
    });
    add(`${module}.multiarray._reconstruct`, () => new NumpyArray());
  }

  return {
    find(module, name) {
      const full = `${module}.${name}`;
      const found = known.get(full) ?? (runsCode(full) ? refusedGlobal(full, cursor) : unknownGlobal(full));
      known.set(full, found);
      return found;
    },
    persistent(id) {
      const found = storageId(id, storages);
      if (found) return storagesOf.find(found);
      // Legacy files give a module's class with its source beside it.
      if (Array.isArray(id) && id[0] === "module" && isGlobal(id[1])) return id[1];
      const unread = unreadId(id);
      if (unread === undefined) cursor.fail("the file is damaged: a storage is described in another way");
      storagesOf.passOver(unread);
      return new Opaque(unread.type, []);
    },
  };
}

/** What a tensor may be besides a tensor, without being anything else. */
const PLAIN_TENSORS = [
  "torch.Tensor",
  "torch._tensor.Tensor",
  "torch.nn.parameter.Parameter",
  "torch.nn.parameter.Buffer",
];

/** A storage of a class that is not read; undefined when it is described in another way. */
function unreadId(id: unknown): UnreadId | undefined {
  if (!Array.isArray(id)) return undefined;
  const [what, type, key, , length] = id;
  if (what !== "storage" || !isGlobal(type) || !isKey(key) || !isCount(length)) return undefined;
  return { type: type.name, key: String(key), length };
}

/**
 * A storage of a known class: `("storage", class, key, location, length)`, and in legacy files `(key, offset,
 * length)` or None after it; undefined for anything else.
 */
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

/** Whether it may name a storage. */
function isKey(value: unknown): value is string | number | bigint {
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint";
}

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

/** Whether it is a whole number from 0 up. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isStorage(value: unknown): value is TorchStorage {
  return typeof value === "object" && value !== null && "bigEndian" in value && "length" in value;
}
