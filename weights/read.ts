/** A file of weights, whatever wrote it: its tensors by name. Pure. */
import { DataError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { decodeSafetensors } from "./safetensors.ts";
import type { LazyTensor } from "./stored_tensor.ts";
import { isTorchFile, readTorch } from "./torch_file.ts";
import { TorchTensor } from "./torch_tensor.ts";
import { plainText } from "./unpickle.ts";

/** What a file of weights holds. */
export interface WeightsFile {
  readonly format: "safetensors" | "PyTorch zip" | "PyTorch legacy";
  /** The key of the dictionary in which the tensors lie; absent: they lie at the top, as in every safetensors file. */
  readonly wrapper?: string;
  /** In the file's order. */
  readonly tensors: ReadonlyMap<string, LazyTensor>;
  /** What lies beside the tensors or their dictionary, by key: plain values or dictionaries of a training. */
  readonly others: ReadonlyMap<string, unknown>;
  /** Of a safetensors file; empty otherwise. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Keys under which people keep a state dict, the surest first. */
const WRAPPERS = ["weights", "state_dict", "model_state_dict", "model_state", "model", "net", "network"];

/**
 * Reads PyTorch's two formats and safetensors, told apart by their first bytes; executes nothing. A tensor's elements
 * are brought together when it is read.
 * @param name the file, for messages
 * @throws DataError, UserError in one line when the file is cut short, damaged, of another kind, or without a state dict
 */
export function readWeights(bytes: Uint8Array, name: string): WeightsFile {
  if (!isTorchFile(bytes)) return readSafetensors(bytes, name);
  const { format, value } = readTorch(bytes, name);
  return { format: `PyTorch ${format}`, ...stateDict(value, name), metadata: {} };
}

function readSafetensors(bytes: Uint8Array, name: string): WeightsFile {
  // The header's length, then JSON.
  if (bytes.length >= 9 && bytes[8] !== 0x7b) {
    const kind = bytes[0] === 0x80
      ? "a pickle, but not one of torch.save"
      : "neither a PyTorch file nor safetensors";
    throw new DataError(name, `${kind}; expected a checkpoint as torch.save or safetensors write it`);
  }
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  const lazy = [...tensors].map(([key, tensor]): [string, LazyTensor] => [
    key,
    { dtype: tensor.dtype, shape: tensor.shape, read: () => tensor },
  ]);
  return { format: "safetensors", tensors: new Map(lazy), others: new Map(), metadata };
}

type StateDict = Pick<WeightsFile, "wrapper" | "tensors" | "others">;

function stateDict(value: unknown, name: string): StateDict {
  const expected = 'expected a state dict, as torch.save(model.state_dict(), "weights.pth") writes it';
  if (!(value instanceof Map)) throw new DataError(name, `it holds no dictionary; ${expected}`);
  if (tensorsOf(value).size > 0) return split(value);
  const found = [...value].filter(([key, inner]) =>
    typeof key === "string" && inner instanceof Map && tensorsOf(inner).size > 0
  ).map(([key]) => key as string);
  const wrapper = WRAPPERS.find((key) => found.includes(key)) ?? (found.length === 1 ? found[0] : undefined);
  if (wrapper === undefined) {
    throw new DataError(
      name,
      found.length === 0
        ? `it holds no tensors by name, only ${listed([...value.keys()])}; ${expected}`
        : `it holds several state dicts, ${listed(found)}; save the one that is meant alone`,
    );
  }
  const others = [...value].filter(([key]) => key !== wrapper).map(([key, other]): [string, unknown] => [
    plainText(key),
    other,
  ]);
  const inner = split(value.get(wrapper));
  return { wrapper, tensors: inner.tensors, others: new Map([...others, ...inner.others]) };
}

function split(map: ReadonlyMap<unknown, unknown>): StateDict {
  const tensors = tensorsOf(map);
  const others = [...map].filter(([, value]) => !(value instanceof TorchTensor));
  return { tensors, others: new Map(others.map(([key, value]) => [plainText(key), value])) };
}

function tensorsOf(map: ReadonlyMap<unknown, unknown>): Map<string, LazyTensor> {
  return new Map(
    [...map].filter((entry): entry is [string, TorchTensor] =>
      typeof entry[0] === "string" && entry[1] instanceof TorchTensor
    ),
  );
}

const SHOWN = 5;

function listed(keys: readonly unknown[]): string {
  if (keys.length === 0) return "an empty dictionary";
  const more = keys.length > SHOWN ? ` and ${keys.length - SHOWN} more` : "";
  return `${printable(keys.slice(0, SHOWN).map(plainText).join(", "))}${more}`;
}
