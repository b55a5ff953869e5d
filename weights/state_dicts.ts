/**
 * The dictionaries of tensors in the value of a PyTorch file, and which of them a person would mean.
 *
 * `torch.save` takes anything. The state dict may be the whole file, lie under a key such as `state_dict`, or
 * stand there several times (a model and its average). All dictionaries with tensors are kept; the likeliest
 * is a proposal, made without knowing the network.
 */
import { DataError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { holderOf, refusal } from "./hidden_tensors.ts";
import { isGlobal, Opaque, plainText } from "./pickle_values.ts";
import type { LazyTensor } from "./stored_tensor.ts";
import { NumpyArray } from "./torch_numpy.ts";
import { TorchTensor } from "./torch_tensor.ts";
import { DEEPEST, type Dictionary, type UnreadTensor, type WeightsFile } from "./weights_file.ts";

/** Keys under which people keep a state dict, the surest first. */
const WRAPPERS = ["weights", "state_dict", "model_state_dict", "model_state", "model", "net", "network"];

type StateDicts = Omit<WeightsFile, "format" | "metadata">;

/** A dictionary, and the `Map` that it was read from. */
interface FoundDictionary extends Dictionary {
  readonly map: ReadonlyMap<unknown, unknown>;
}

/** The dictionaries of a PyTorch file's value. @throws DataError when it has no tensor under a name */
export function stateDicts(value: unknown, name: string): StateDicts {
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

const SHOWN = 5;

/** The first keys of a dictionary, for messages. */
function listed(keys: readonly unknown[]): string {
  if (keys.length === 0) return "an empty dictionary";
  const more = keys.length > SHOWN ? ` and ${keys.length - SHOWN} more` : "";
  return `${printable(keys.slice(0, SHOWN).map(plainText).join(", "))}${more}`;
}
