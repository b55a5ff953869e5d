/**
 * A file of weights, whatever wrote it: its tensors by name. Pure: no file is opened here, nothing is
 * executed.
 *
 * Three formats are told apart by their first bytes: safetensors, PyTorch's zip archive, and PyTorch's older
 * row of pickles. The last two hold whatever `torch.save` was given, most often a dictionary, in which the
 * state dict may be the whole thing, lie under a key such as `state_dict`, or stand there several times (a
 * model and its average). So all dictionaries with tensors are kept ({@linkcode WeightsFile.dictionaries})
 * and the likeliest is proposed; which of them fits a network, `networks.ts` and `mapping.ts` find out.
 *
 * Tensors are lazy: their elements are gathered and copied only when one is read, so looking at a large file
 * is cheap.
 */
import { DataError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { notWeights } from "./not_weights.ts";
import { decodeSafetensors } from "./safetensors.ts";
import type { LazyTensor } from "./stored_tensor.ts";
import { isTorchFile, readTorch } from "./torch_file.ts";
import { TorchTensor } from "./torch_tensor.ts";
import { NumpyArray } from "./torch_numpy.ts";
import { isGlobal, Opaque, plainText } from "./unpickle.ts";

/**
 * Something in the place of a tensor that plca cannot read, as a quantised one. It matters only when the
 * network needs it; then `why` is the error.
 */
export interface UnreadTensor {
  /** What it is, as in `F8_E4M3` or `torch._utils._rebuild_qtensor`. */
  readonly kind: string;
  /** Absent: unknown. */
  readonly shape?: readonly number[];
  /** Why it is not read and what helps, after its name. */
  readonly why: string;
}

/** A dictionary of a file with tensors by name. */
export interface Dictionary {
  /** The keys that lead to it; none for the top of the file. */
  readonly keys: readonly string[];
  /** In the file's order. */
  readonly tensors: ReadonlyMap<string, LazyTensor>;
  /** What stands in the place of tensors and is not read. */
  readonly unread: ReadonlyMap<string, UnreadTensor>;
}

/** What a file of weights holds. */
export interface WeightsFile {
  readonly format: "safetensors" | "PyTorch zip" | "PyTorch legacy";
  /**
   * The keys of the likeliest dictionary, joined by `.`; absent: it is the top, as in every safetensors file.
   */
  readonly wrapper?: string;
  /** Those of the likeliest dictionary, in the file's order. */
  readonly tensors: ReadonlyMap<string, LazyTensor>;
  /** What lies beside the tensors or their dictionary, by key: plain values or dictionaries of a training. */
  readonly others: ReadonlyMap<string, unknown>;
  /** Of a safetensors file; empty otherwise. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Every dictionary with tensors, in the file's order; absent: there is but the one of `tensors`. */
  readonly dictionaries?: readonly Dictionary[];
  /**
   * An object that plca cannot make, in which further tensors lie, and what to do, as a sentence; absent:
   * there is none.
   */
  readonly hidden?: string;
}

/** Keys under which people keep a state dict, the surest first. */
const WRAPPERS = ["weights", "state_dict", "model_state_dict", "model_state", "model", "net", "network"];

/**
 * Reads a file of weights.
 * @param bytes all of the file
 * @param name the file, for messages
 * @returns with at least one tensor for PyTorch's formats; a safetensors file may have none
 * @throws DataError, UserError in one line when the file is cut short, damaged, of another kind (with what
 *   it is and what to do), or without a state dict
 */
export function readWeights(bytes: Uint8Array, name: string): WeightsFile {
  if (!isTorchFile(bytes)) return readSafetensors(bytes, name);
  const { format, value } = readTorch(bytes, name);
  return { format: `PyTorch ${format}`, ...stateDicts(value, name), metadata: {} };
}

/** A safetensors file in the form of PyTorch's. @throws DataError when the bytes are something else */
function readSafetensors(bytes: Uint8Array, name: string): WeightsFile {
  const other = notWeights(bytes);
  if (other !== undefined) throw new DataError(name, printable(`it is ${other}`));
  // The header's length, then JSON.
  if (bytes.length >= 9 && bytes[8] !== 0x7b) {
    const kind = bytes[0] === 0x80
      ? "a pickle, but not one of torch.save"
      : "neither a PyTorch file nor safetensors";
    throw new DataError(name, `${kind}; expected a checkpoint as torch.save or safetensors write it`);
  }
  const read = decodeSafetensors(bytes, name);
  const tensors = new Map(
    [...read.tensors].map(([key, tensor]): [string, LazyTensor] => [
      key,
      { dtype: tensor.dtype, shape: tensor.shape, read: () => tensor },
    ]),
  );
  const unread = new Map(
    [...read.unread ?? []].map(([key, { dtype, shape }]): [string, UnreadTensor] => [
      key,
      {
        kind: dtype,
        shape,
        why: `its type is ${dtype}, which plca does not read; convert it to float32 and save the file again`,
      },
    ]),
  );
  const dictionaries = [{ keys: [], tensors, unread }];
  return { format: "safetensors", tensors, others: new Map(), metadata: read.metadata, dictionaries };
}

// --- PyTorch ----------------------------------------------------------------------------------------------

type StateDicts = Omit<WeightsFile, "format" | "metadata">;

/** A dictionary, and the `Map` that it was read from. */
interface FoundDictionary extends Dictionary {
  readonly map: ReadonlyMap<unknown, unknown>;
}

/** The dictionaries of a PyTorch file's value. @throws DataError when it has no tensor under a name */
function stateDicts(value: unknown, name: string): StateDicts {
  const expected = 'expected a state dict, as torch.save(model.state_dict(), "weights.pth") writes it';
  const found = value instanceof Map ? dictionariesIn(value) : [];
  const dictionaries = found.filter(({ tensors }) => tensors.size > 0);
  const likeliest = likeliestOf(dictionaries);
  const holder = holderOf(value);
  const hidden = holder && printable(refusal(holder, name));
  if (likeliest === undefined) {
    if (hidden !== undefined) throw new DataError(name, hidden);
    const unread = found.flatMap((one) => [...one.unread])[0];
    if (unread) {
      throw new DataError(name, printable(`it holds no tensor that is read; ${unread[0]}: ${unread[1].why}`));
    }
    if (!(value instanceof Map)) {
      const only = value instanceof Opaque
        ? `, only what ${value.name} makes, which plca does not call`
        : isGlobal(value)
        ? `, only the name ${value.name}`
        : "";
      throw new DataError(name, printable(`it holds no dictionary${only}; ${expected}`));
    }
    throw new DataError(name, `it holds no tensors by name, only ${listed([...value.keys()])}; ${expected}`);
  }
  const { keys, tensors, map } = likeliest;
  return {
    ...(keys.length === 0 ? {} : { wrapper: keys.join(".") }),
    tensors,
    others: besides(value as ReadonlyMap<unknown, unknown>, { keys, map }),
    dictionaries: found.filter(({ tensors, unread }) => tensors.size + unread.size > 0),
    ...(hidden === undefined ? {} : { hidden }),
  };
}

/** Dictionaries in dictionaries are looked for to here. */
const DEEPEST = 6;

/** Every dictionary that texts lead to, each once; one that is in itself as well. */
function dictionariesIn(top: ReadonlyMap<unknown, unknown>): FoundDictionary[] {
  const found: FoundDictionary[] = [], seen = new Set<unknown>();
  const look = (map: ReadonlyMap<unknown, unknown>, keys: readonly string[]) => {
    if (seen.has(map)) return;
    seen.add(map);
    const tensors = new Map<string, LazyTensor>(), unread = new Map<string, UnreadTensor>();
    found.push({ keys, map, tensors, unread });
    for (const [key, value] of map) {
      if (typeof key !== "string") continue;
      if (value instanceof TorchTensor) tensors.set(key, value);
      else if (value instanceof Opaque || value instanceof NumpyArray) unread.set(key, unreadOf(value));
      else if (value instanceof Map && keys.length < DEEPEST) look(value, [...keys, key]);
    }
  };
  look(top, []);
  return found;
}

/** A tensor whose elements are not read: what it is, its shape where that is known, and what to do. */
function unreadOf(value: Opaque | NumpyArray): UnreadTensor {
  const { name } = value;
  if (value instanceof NumpyArray) {
    return {
      kind: name,
      why: `it is a ${name}, expected a tensor; replace it by torch.as_tensor(...) and save the file again`,
    };
  }
  const { shape } = value;
  if (shape === undefined) {
    return {
      kind: name,
      why: `it names ${name}, which plca does not call, so the tensor that this makes is not known; ` +
        "replace it by an ordinary tensor of float32 and save the file again",
    };
  }
  return {
    kind: name,
    shape,
    why: `its elements lie in a ${name}, which plca does not read; ` +
      "convert the tensor with .float() (a quantised one with .dequantize()) and save the file again",
  };
}

/**
 * The dictionary that a person would mean, as far as that can be told without knowing the network: the top or
 * one under a usual key, whichever has more tensors; where no key is usual, the largest.
 */
function likeliestOf(dictionaries: readonly FoundDictionary[]): FoundDictionary | undefined {
  const usual = ({ keys }: Dictionary) => {
    const place = keys.length === 0 ? -1 : WRAPPERS.indexOf(keys.at(-1)!);
    return place < 0 ? WRAPPERS.length : place;
  };
  const bySize = (a: FoundDictionary, b: FoundDictionary) => b.tensors.size - a.tensors.size;
  const [named] = dictionaries.filter((one) => usual(one) < WRAPPERS.length)
    .toSorted((a, b) => a.keys.length - b.keys.length || usual(a) - usual(b));
  const top = dictionaries.find(({ keys }) => keys.length === 0);
  // A number of the training lies beside the dictionary as a tensor, or the dictionary beside the network.
  const sure = [top, named].filter((one) => one !== undefined).toSorted(bySize);
  const [largest] = dictionaries.toSorted(bySize);
  return named === undefined && largest && largest.tensors.size > (top?.tensors.size ?? 0)
    ? largest
    : sure[0];
}

/** What lies beside the dictionary at `keys`, from the outermost level on, by the keys that lead to it. */
function besides(
  top: ReadonlyMap<unknown, unknown>,
  { keys, map }: Pick<FoundDictionary, "keys" | "map">,
): Map<string, unknown> {
  const others = new Map<string, unknown>();
  let outer: unknown = top;
  keys.forEach((key, depth) => {
    if (!(outer instanceof Map)) return;
    for (const [other, value] of outer) {
      if (other !== key) others.set([...keys.slice(0, depth), plainText(other)].join("."), value);
    }
    outer = outer.get(key);
  });
  for (const [key, value] of map) {
    if (!(typeof key === "string" && value instanceof TorchTensor)) others.set(plainText(key), value);
  }
  return others;
}

// --- tensors in what is not read --------------------------------------------------------------------------

/** An object of an unknown name in which tensors lie, and the keys that lead to it. */
interface Holder {
  readonly opaque: Opaque;
  /** Texts that lead to it. */
  readonly keys: readonly string[];
}

/** The first object of an unknown name in which tensors lie, breadth first; undefined when there is none. */
function holderOf(value: unknown): Holder | undefined {
  const seen = new Set<unknown>(), without = new Set<unknown>();
  const waiting: [unknown, readonly string[]][] = [[value, []]];
  for (const [one, keys] of waiting) {
    if (seen.has(one)) continue;
    seen.add(one);
    if (one instanceof Opaque) {
      if (hasTensor(one, without)) return { opaque: one, keys };
    } else if (one instanceof Map && keys.length < DEEPEST) {
      for (const [key, inner] of one) {
        if (typeof inner === "object") waiting.push([inner, [...keys, plainText(key)]]);
      }
    }
  }
  return undefined;
}

/**
 * Whether a tensor lies anywhere in a value. @param seen what was looked through before without finding one
 */
function hasTensor(value: unknown, seen: Set<unknown>): boolean {
  const waiting = [value];
  while (waiting.length > 0) {
    const one = waiting.pop();
    if (typeof one !== "object" || one === null || seen.has(one)) continue;
    seen.add(one);
    if (one instanceof TorchTensor) return true;
    if (one instanceof Opaque) { for (const part of one.parts) waiting.push(part); }
    else if (one instanceof Map) { for (const inner of one.values()) waiting.push(inner); }
    else if (Array.isArray(one) || one instanceof Set) { for (const inner of one) waiting.push(inner); }
  }
  return false;
}

/**
 * The error for a file whose tensors lie inside a value of an unknown name, with the line of Python that
 * saves them alone.
 */
function refusal({ opaque, keys }: Holder, file: string): string {
  const loaded = `torch.load(${JSON.stringify(file)})${
    keys.map((key) => `[${JSON.stringify(key)}]`).join("")
  }`;
  const weights = opaque.hasItems ? `dict(${loaded})` : `${loaded}.state_dict()`;
  return `it names ${opaque.name}, which plca does not call, and the tensors lie in what that makes; ` +
    `save them alone in Python, where it can be imported: torch.save(${weights}, "weights.pth")`;
}

const SHOWN = 5;

/** The first keys of a dictionary, for messages. */
function listed(keys: readonly unknown[]): string {
  if (keys.length === 0) return "an empty dictionary";
  const more = keys.length > SHOWN ? ` and ${keys.length - SHOWN} more` : "";
  return `${printable(keys.slice(0, SHOWN).map(plainText).join(", "))}${more}`;
}
