/**
 * The names that a PyTorch file may use, and what a call of each gives (see torch_world.ts). Every value is
 * checked: a name that is called with values that PyTorch does not write becomes an {@linkcode Opaque} or is
 * an error; it never runs.
 */
import type { Cursor } from "./cursor.ts";
import type { DType } from "./stored_tensor.ts";
import { NumpyArray, NumpyType } from "./torch_numpy.ts";
import { type TorchStorage, TorchTensor } from "./torch_tensor.ts";
import {
  isGlobal,
  Opaque,
  type PickleGlobal,
  pickleGlobal,
  plainText,
  unknownGlobal,
} from "./pickle_values.ts";

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

/** The names that are known; {@linkcode torchNames} fills it. */
class Names {
  readonly #known = new Map<string, PickleGlobal>();
  readonly #cursor: Cursor;
  readonly #copies: Copies;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
    this.#copies = new Copies(cursor);
  }

  /** A name that may be read, and called if `call` is given. */
  add(name: string, call?: PickleGlobal["call"]): PickleGlobal {
    const global = pickleGlobal(name, call);
    this.#known.set(name, global);
    return global;
  }

  /** The same with a `call` that gives undefined for values that it does not know: the call stays opaque. */
  addPlain(name: string, call: (args: readonly unknown[]) => unknown): void {
    this.add(name, (args) => call(args) ?? new Opaque(name, args));
  }

  /** What a name of the file means; names that are not known are remembered, so that each is one object. */
  find(name: string): PickleGlobal {
    const known = this.#known.get(name);
    if (known) return known;
    const other = runsCode(name) ? refusedGlobal(name, this.#cursor) : unknownGlobal(name);
    this.#known.set(name, other);
    return other;
  }

  unexpected(name: string): never {
    return this.#cursor.fail(`the file is damaged: ${name} is called with other values`);
  }

  /** Counts values that a call copies, since a small file may ask for very many copies. */
  copy(count: number): void {
    this.#copies.add(count);
  }

  listOf(value: unknown, name: string): readonly unknown[] {
    if (!Array.isArray(value)) return this.unexpected(name);
    this.copy(value.length);
    return value;
  }

  counts(value: unknown, name: string): readonly number[] {
    const list = this.listOf(value, name);
    return list.every(isCount) ? [...list] : this.unexpected(name);
  }
}

/** All names of a PyTorch file, and the types of elements of its storages by their class. */
export function torchNames(
  cursor: Cursor,
): { readonly names: Names; readonly storages: ReadonlyMap<unknown, DType> } {
  const names = new Names(cursor);
  addContainers(names);
  addConstructors(names);
  const storages = addStorages(names);
  addTensors(names, cursor);
  addNumpy(names);
  return { names, storages };
}

/** Dictionaries, lists and sets of Python. */
function addContainers(names: Names): void {
  const dictionary = ([items]: readonly unknown[]) => {
    if (items === undefined) return new Map();
    // Counter is built from one; no other type is.
    if (items instanceof Map) return items;
    if (!Array.isArray(items)) return undefined;
    names.copy(items.length);
    return items.every(isPair) ? new Map(items) : undefined;
  };
  names.addPlain("collections.OrderedDict", dictionary);
  names.addPlain("collections.Counter", dictionary);
  names.addPlain("collections.defaultdict", ([, items]) => dictionary([items]));
  names.addPlain("collections.deque", ([items = []]) => {
    if (!Array.isArray(items)) return undefined;
    names.copy(items.length);
    return [...items];
  });
  for (const name of ["set", "frozenset"]) {
    for (const module of ["builtins", "__builtin__"]) {
      names.addPlain(
        `${module}.${name}`,
        ([items = []]) => Array.isArray(items) ? new Set(names.listOf(items, name)) : undefined,
      );
    }
  }
}

/** What Python makes objects by, and bytes in the pickles of Python 2. */
function addConstructors(names: Names): void {
  for (const module of ["copyreg", "copy_reg"]) {
    for (const name of ["_reconstructor", "__newobj__", "__newobj_ex__"]) {
      names.add(`${module}.${name}`, (args) => {
        const [type] = args;
        return new Opaque(isGlobal(type) ? type.name : `${module}.${name}`, args);
      });
    }
  }
  names.addPlain("_codecs.encode", ([text, encoding]) => {
    if (typeof text !== "string" || encoding !== "latin1") return undefined;
    names.copy(text.length);
    return Uint8Array.from({ length: text.length }, (_, k) => text.charCodeAt(k));
  });
}

/** Sizes, devices and types of elements. @returns the types of elements of the storages that are read */
function addStorages(names: Names): ReadonlyMap<unknown, DType> {
  names.add("torch.Size", ([sides]) => names.counts(sides, "torch.Size"));
  names.add("torch.device", (parts) => {
    const texts = parts.map((part) => {
      const text = plainText(part);
      names.copy(text.length + 1);
      return text;
    });
    return texts.join(":");
  });
  for (const name of TORCH_DTYPES) names.add(`torch.${name}`);
  const storages = new Map<unknown, DType>();
  for (const [name, dtype] of Object.entries(STORAGES)) storages.set(names.add(`torch.${name}`), dtype);
  return storages;
}

/** Tensors and parameters, as the versions of PyTorch wrote them. */
function addTensors(names: Names, cursor: Cursor): void {
  const tensor = (args: readonly unknown[]) => {
    const name = "torch._utils._rebuild_tensor";
    const [storage, offset, shape, strides] = args;
    const view = { shape: names.counts(shape, name), strides: names.counts(strides, name) };
    if (storage instanceof Opaque) return new Opaque(storage.name, [], view.shape);
    if (!isStorage(storage) || !isCount(offset)) return names.unexpected(name);
    return new TorchTensor(storage, { offset, ...view }, cursor);
  };
  const parameter = ([data]: readonly unknown[]) =>
    data instanceof TorchTensor || data instanceof Opaque
      ? data
      : names.unexpected("torch._utils._rebuild_parameter");
  names.add("torch._utils._rebuild_tensor", tensor);
  names.add("torch._utils._rebuild_tensor_v2", tensor);
  names.add("torch._utils._rebuild_parameter", parameter);
  names.add("torch._utils._rebuild_parameter_with_state", parameter);
  // As PyTorch before 0.4 wrote them.
  names.add("torch.nn.parameter.Parameter", parameter);
  names.add("torch.autograd.variable.Variable", parameter);

  // A tensor or parameter with attributes of its own.
  names.add("torch._tensor._rebuild_from_type_v2", (args) => {
    const [rebuild, type, given] = args;
    const isPlain = isGlobal(type) && PLAIN_TENSORS.includes(type.name);
    if (isPlain && isGlobal(rebuild) && rebuild.call && Array.isArray(given)) return rebuild.call(given);
    return new Opaque(isGlobal(type) ? type.name : "torch._tensor._rebuild_from_type_v2", args);
  });
}

/** Single numbers of NumPy; arrays are known by name only. */
function addNumpy(names: Names): void {
  names.addPlain("numpy.dtype", ([name]) => typeof name === "string" ? new NumpyType(name) : undefined);
  for (const module of ["numpy.core", "numpy._core"]) {
    names.add(`${module}.multiarray.scalar`, (args) => {
      const [type, bytes] = args;
      const value = type instanceof NumpyType && bytes instanceof Uint8Array ? type.read(bytes) : undefined;
      return value ?? new Opaque(`NumPy scalar${type instanceof NumpyType ? ` ${type.name}` : ""}`, args);
    });
    names.add(`${module}.multiarray._reconstruct`, () => new NumpyArray());
  }
}

/** What a tensor may be besides a tensor, without being anything else. */
const PLAIN_TENSORS = [
  "torch.Tensor",
  "torch._tensor.Tensor",
  "torch.nn.parameter.Parameter",
  "torch.nn.parameter.Buffer",
];

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

/** Whether it is a whole number from 0 up. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isStorage(value: unknown): value is TorchStorage {
  return typeof value === "object" && value !== null && "bigEndian" in value && "length" in value;
}
