/** Checkpoints: a safetensors file with state-dict names and a JSON file beside it. */
import * as tf from "@tensorflow/tfjs-core";
import { encodeSafetensors, type StoredTensor } from "../core/safetensors.ts";
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
