/** Checkpoints: one safetensors file with state-dict names, where the run stands and a checksum. */
import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import type { FileReader } from "../core/plugin.ts";
import { printable } from "../core/printable.ts";
import { replaceKeeping } from "../run_folder/write.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "../weights/safetensors.ts";
import type { StateEntry } from "./assemble.ts";

/** The version of the layout that this file writes; it reads 1 as well, which has neither state nor checksum. */
export const CHECKPOINT_FORMAT = 2;

/** Where a run stands; the sampler's position follows from the steps done. */
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

/** What is written, and how much of what was there is kept. */
export interface CheckpointContent {
  readonly entries: readonly StateEntry[];
  readonly state: CheckpointState;
  /** Files kept, the new one included: of `last.safetensors` the former is `last.1.safetensors`, and so on. */
  readonly keep: number;
}

/**
 * Writes a file beside the one that is there, flushes and then renames it, so that at every moment a whole
 * checkpoint lies in the folder. Filters are stored OIHW.
 * @throws UserError when it cannot be written, or a value of the network or an optimiser is not finite
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

/** Over names, shapes and values of all tensors in their order, and the state. */
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
 * @throws UserError that starts with `path` when it is damaged, of a format of the future or none of plca
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

/** A safetensors file that was read; plca need not have written it. */
export interface FoundFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * What a checkpoint says of its run; undefined where it says nothing, as in files of format 1, in exported ones and in those of
 * others. @throws UserError when it is damaged
 */
export function verifiedState({ path, tensors, metadata }: FoundFile): CheckpointState | undefined {
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

/** The values of variables as a checkpoint has them, filters OIHW, by their names. */
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
 * Puts a checkpoint's tensors into the variables of a run, optimisers and terms included.
 * @throws UserError that names the first one that is missing or has another shape; nothing is changed then
 */
export function restoreEntries(
  { path, tensors }: { readonly path: string; readonly tensors: StoredCheckpoint["tensors"] },
  entries: readonly StateEntry[],
): void {
  for (const entry of entries) {
    const { name } = entry, wanted = storedShape(entry);
    const found = tensors.get(name)?.shape;
    if (found !== undefined && String(found) === String(wanted)) continue;
    throw new UserError(
      `${path}: ${name}: the checkpoint has ${
        found === undefined ? "none" : `shape [${found.join(", ")}]`
      }, ` +
        `the run needs [${wanted.join(", ")}]; the recipe's plugins have changed since`,
    );
  }
  for (const entry of entries) assignStored(entry, tensors.get(entry.name)!);
}

/** The shape in which a variable is stored. */
export function storedShape({ variable: { shape }, filter }: StateEntry): readonly number[] {
  const [h, w, i, o] = shape as [number, number, number, number];
  return filter ? [o, i, h, w] : shape;
}

/** Puts a tensor of a file into a variable; of {@linkcode storedShape}. */
export function assignStored({ variable, filter }: StateEntry, { data, shape }: StoredTensor): void {
  tf.tidy(() => {
    const values = variable.dtype === "int32" ? Int32Array.from(data as Int32Array) : data as Float32Array;
    const tensor = tf.tensor(values, [...shape], variable.dtype);
    variable.assign(filter ? tf.transpose(tensor, [2, 3, 1, 0]) : tensor);
  });
}
