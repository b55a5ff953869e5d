/**
 * Checkpoints: everything that a run needs to continue as if it had never stopped, in one file.
 *
 * The file is safetensors: any tool that reads the format reads the weights of the student, which have the
 * names and the layout of PyTorch's state dict (filters OIHW). The file's metadata holds where the run stands
 * ({@linkcode CheckpointState}) and a checksum over the state and all tensors.
 *
 * Why this is enough for an exact continuation: what decides on step n + 1 are the weights, the buffers and
 * the optimisers' slots after step n, which are the tensors; the random numbers, which follow from the seed
 * and the number of the step and have no state; and the batches, which follow from the seed and the number of
 * batches taken. No clock and no file order takes part. A plugin with a state of its own must keep it in
 * buffers.
 *
 * A file is written beside the old one, flushed and renamed. If the process or the machine dies at any
 * moment, the folder holds a whole checkpoint: the new one or the one before.
 */
import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import type { FileReader } from "../core/plugin.ts";
import { printable } from "../core/printable.ts";
import { replaceKeeping } from "../run_folder/write.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "../weights/safetensors.ts";
import type { StateEntry } from "./state.ts";

/**
 * The version of the layout that is written. Version 1, which has no state and no checksum, is read as well.
 */
export const CHECKPOINT_FORMAT = 2;

/** Where a run stands. The position in the data follows from the steps done. */
export interface CheckpointState {
  /** The recipe's name. */
  readonly recipe: string;
  readonly phase: string;
  /** Updates done. */
  readonly step: number;
  readonly steps: number;
  readonly seed: number;
  /** The best validation so far; mIoU in 0..1. */
  readonly best: { readonly step: number; readonly miou: number } | null;
  /** The step of the last validation; 0: none yet. */
  readonly validated: number;
}

/** A checkpoint file as read. */
export interface StoredCheckpoint {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Absent in files of format 1. */
  readonly state?: CheckpointState;
}

/** What is written, and how many former files are kept. */
export interface CheckpointContent {
  readonly entries: readonly StateEntry[];
  readonly state: CheckpointState;
  /**
   * Number of files kept, with the new one: the one before `last.safetensors` is `last.1.safetensors`, ...
   */
  readonly keep: number;
}

/**
 * Writes a checkpoint and keeps `keep - 1` of those before it. At every moment a whole checkpoint lies in the
 * folder.
 * @throws UserError when the file cannot be written, or a value of a network, an owner or an optimiser is not
 * finite (plugins' buffers may be); the files that were there stay as they are then
 */
export async function saveCheckpoint(
  path: string,
  { entries, state, keep }: CheckpointContent,
): Promise<void> {
  const tensors = await storedTensors(entries);
  const free = new Set(entries.filter((entry) => entry.free).map(({ name }) => name));
  const broken = [...tensors].find(([name, { data }]) => !free.has(name) && !data.every(Number.isFinite));
  if (broken) {
    throw new UserError(
      `${path}: not written, for ${broken[0]} has values that are not finite; what lies there stays`,
    );
  }
  const described = JSON.stringify(state);
  const metadata = {
    producer: "plca",
    format: String(CHECKPOINT_FORMAT),
    state: described,
    sha256: digest(tensors, described),
  };
  await replaceKeeping({ path, bytes: encodeSafetensors({ tensors, metadata }), keep });
}

/** SHA-256, in hex, over the state and the names, types, shapes and values of all tensors in their order. */
function digest(tensors: ReadonlyMap<string, StoredTensor>, state: string): string {
  const hash = createHash("sha256").update(state);
  for (const [name, { dtype, shape, data }] of tensors) {
    hash.update(`\n${name} ${dtype} ${shape.join(",")}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

/**
 * Reads a checkpoint that training wrote.
 * @throws UserError that starts with `path` when it is damaged, of a later format, or not written by plca
 * @throws DataError when it cannot be read
 */
export async function readCheckpoint(path: string, files: FileReader): Promise<StoredCheckpoint> {
  const { tensors, metadata } = decodeSafetensors(await files.read(path), path);
  const state = verifiedState({ path, tensors, metadata });
  if (state === undefined && (metadata["producer"] !== "plca" || metadata["format"] !== "1")) {
    throw damaged(path, "it has no checksum, which training writes");
  }
  return { tensors, ...(state ? { state } : {}) };
}

/** The contents of a safetensors file, which plca or another program wrote. */
export interface ReadFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Where the run of a checkpoint stands, after its checksum was found right. Undefined for files without a
 * state: those of format 1, exported ones and those of other programs.
 * @throws UserError that starts with `path` when the file is damaged or of a later format
 */
export function verifiedState({ path, tensors, metadata }: ReadFile): CheckpointState | undefined {
  const { producer, format, state, sha256 } = metadata;
  const complete = state !== undefined && sha256 !== undefined;
  if (producer !== "plca") {
    if (complete) throw damaged(path, `it has plca's checksum, but "producer" is no longer plca`);
    return undefined;
  }
  if (format !== "1" && format !== String(CHECKPOINT_FORMAT)) {
    if (format === undefined) throw damaged(path, 'it has lost its "format"');
    throw new UserError(
      `${path}: checkpoint format ${
        printable(format)
      }; this plca reads up to ${CHECKPOINT_FORMAT}, a newer one wrote the file`,
    );
  }
  if (state === undefined && sha256 === undefined) return undefined;
  if (!complete) throw damaged(path, `it has lost its "${state === undefined ? "state" : "sha256"}"`);
  if (format === "1") throw damaged(path, "it has a checksum, which format 1 does not know");
  if (digest(tensors, state) !== sha256) {
    throw damaged(path, "its contents do not have the checksum they were written with");
  }
  return JSON.parse(state);
}

function damaged(path: string, why: string): UserError {
  return new UserError(`${path}: damaged: ${why}`);
}

/** The values of variables as a checkpoint has them, by name: filters OIHW, float32 or int32. */
export async function storedTensors(entries: readonly StateEntry[]): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const entry of entries) tensors.set(entry.name, await stored(entry));
  return tensors;
}

async function stored({ variable, filter }: StateEntry): Promise<StoredTensor> {
  const tensor = tf.tidy(() => filter ? tf.transpose(variable, [3, 2, 0, 1]) : tf.clone(variable));
  const data = await tensor.data();
  tensor.dispose();
  if (data instanceof Float32Array) return { dtype: "F32", shape: tensor.shape, data };
  return { dtype: "I32", shape: tensor.shape, data: Int32Array.from(data) };
}

/**
 * Puts a checkpoint's tensors into the variables of a run. Tensors that the run has no variable for are
 * passed over.
 * @throws UserError that names the first variable that the file lacks or has in another shape; no variable is
 * changed then
 */
export function restoreEntries(
  { path, tensors }: { readonly path: string; readonly tensors: StoredCheckpoint["tensors"] },
  entries: readonly StateEntry[],
): void {
  for (const entry of entries) {
    const { name } = entry, wanted = storedShape(entry);
    const shape = tensors.get(name)?.shape;
    if (shape !== undefined && String(shape) === String(wanted)) continue;
    throw new UserError(
      `${path}: ${name}: the checkpoint has ${
        shape === undefined ? "none" : `shape [${shape.join(", ")}]`
      }, ` +
        `the run needs [${wanted.join(", ")}]; the recipe's plugins have changed since`,
    );
  }
  for (const entry of entries) assignStored(entry, tensors.get(entry.name)!);
}

/** The shape in which a file has a variable: that of a filter is OIHW. */
export function storedShape({ variable: { shape }, filter }: StateEntry): readonly number[] {
  const [h, w, i, o] = shape as [number, number, number, number];
  return filter ? [o, i, h, w] : shape;
}

/** Puts a tensor of a file, which must have the variable's {@linkcode storedShape}, into the variable. */
export function assignStored({ variable, filter }: StateEntry, { data, shape }: StoredTensor): void {
  tf.tidy(() => {
    const values = variable.dtype === "int32" ? Int32Array.from(data as Int32Array) : data as Float32Array;
    const tensor = tf.tensor(values, [...shape], variable.dtype);
    variable.assign(filter ? tf.transpose(tensor, [2, 3, 1, 0]) : tensor);
  });
}
