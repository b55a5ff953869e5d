/** Checkpoints: a safetensors file with state-dict names and a JSON file beside it. */
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import type { FileReader } from "../core/plugin.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "../core/safetensors.ts";
import type { StateEntry } from "./assemble.ts";
import { writeWhole } from "./files.ts";

/** The version of the layout that this file reads and writes. */
export const CHECKPOINT_FORMAT = 1;

/** What the JSON file beside the tensors says. */
export interface CheckpointState {
  readonly format: typeof CHECKPOINT_FORMAT;
  /** The recipe's name. */
  readonly recipe: string;
  readonly phase: string;
  /** Updates done. */
  readonly step: number;
  readonly steps: number;
  readonly seed: number;
  /** The best validation so far; mIoU in 0..1. */
  readonly best: { readonly step: number; readonly miou: number } | null;
}

/**
 * Writes `<base>.safetensors`, then `<base>.json`, each by renaming a finished file. Filters are stored OIHW.
 * @returns the path of the tensors @throws UserError when a file cannot be written
 */
export async function saveCheckpoint(
  base: string,
  entries: readonly StateEntry[],
  state: CheckpointState,
): Promise<string> {
  const tensors = new Map<string, StoredTensor>();
  for (const entry of entries) tensors.set(entry.name, await stored(entry));
  const metadata = {
    producer: "plca",
    format: String(state.format),
    recipe: state.recipe,
    step: String(state.step),
  };
  await writeWhole(`${base}.safetensors`, encodeSafetensors({ tensors, metadata }));
  await writeWhole(`${base}.json`, new TextEncoder().encode(`${JSON.stringify(state, null, 2)}\n`));
  return `${base}.safetensors`;
}

async function stored({ variable, filter }: StateEntry): Promise<StoredTensor> {
  const tensor = tf.tidy(() => filter ? tf.transpose(variable, [3, 2, 0, 1]) : tf.clone(variable));
  const data = await tensor.data();
  tensor.dispose();
  if (data instanceof Float32Array) return { dtype: "F32", shape: tensor.shape, data };
  return { dtype: "I32", shape: tensor.shape, data: Int32Array.from(data) };
}

/**
 * Reads tensors into the variables of `entries`, all or none. Names below `optimizer/`, `player/` and `loss/` that
 * are not asked for, and PyTorch's `num_batches_tracked`, are passed over.
 * @throws UserError that names `path` and every missing, unexpected or differently shaped tensor
 * @throws DataError when the file cannot be read
 */
export async function loadCheckpoint(
  path: string,
  entries: readonly StateEntry[],
  files: FileReader,
): Promise<void> {
  const { tensors, metadata } = decodeSafetensors(await files.read(path), path);
  const { producer, format } = metadata;
  if (producer === "plca" && format !== String(CHECKPOINT_FORMAT)) {
    throw new UserError(`${path}: checkpoint format ${format}; this plca reads format ${CHECKPOINT_FORMAT}`);
  }
  const faults = differences(tensors, entries);
  if (faults.length > 0) {
    throw new UserError(`${path}: does not fit the recipe's model\n${faults.join("\n")}`);
  }
  for (const { name, variable, filter } of entries) {
    const { data, shape } = tensors.get(name)!;
    tf.tidy(() => {
      const tensor = tf.tensor(data, [...shape], variable.dtype);
      variable.assign(filter ? tf.transpose(tensor, [2, 3, 1, 0]) : tensor);
    });
  }
}

const SHOWN = 5;

function differences(tensors: ReadonlyMap<string, StoredTensor>, entries: readonly StateEntry[]): string[] {
  const wanted = new Set(entries.map(({ name }) => name));
  const missing = [...wanted].filter((name) => !tensors.has(name));
  const unexpected = [...tensors.keys()].filter((name) => !wanted.has(name) && !passedOver(name));
  const shapes = entries.flatMap(({ name, variable, filter }) => {
    const [h, w, i, o] = variable.shape;
    const expected = filter ? [o, i, h, w] : variable.shape;
    const found = tensors.get(name)?.shape;
    return found === undefined || String(found) === String(expected)
      ? []
      : [`  ${name}: the file has shape [${found.join(", ")}], the model [${expected.join(", ")}]`];
  });
  return [...listed("missing", missing), ...listed("unexpected", unexpected), ...shortened(shapes)];
}

function passedOver(name: string): boolean {
  return /^(optimizer|player|loss)\//.test(name) || name.endsWith(".num_batches_tracked");
}

function listed(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
  return [`  ${what}: ${names.slice(0, SHOWN).join(", ")}${more}`];
}

function shortened(lines: readonly string[]): readonly string[] {
  if (lines.length <= SHOWN) return lines;
  return [...lines.slice(0, SHOWN), `  and ${lines.length - SHOWN} more of another shape`];
}
