/**
 * A file of weights, whatever wrote it: its tensors by name. Pure: no file is opened here, nothing is
 * executed.
 *
 * Three formats are told apart by their first bytes: safetensors, PyTorch's zip archive, and PyTorch's older
 * row of pickles. The last two hold whatever `torch.save` was given; state_dicts.ts finds the tensors in it.
 *
 * Files come from strangers: every length in them is checked before memory is taken, and tests/fuzz feeds this
 * function broken ones.
 */
import { DataError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { notWeights } from "./not_weights.ts";
import { decodeSafetensors } from "./safetensors.ts";
import { stateDicts } from "./state_dicts.ts";
import type { LazyTensor } from "./stored_tensor.ts";
import { isTorchFile, readTorch } from "./torch_file.ts";
import type { UnreadTensor, WeightsFile } from "./weights_file.ts";

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
