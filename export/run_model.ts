/**
 * Runs an exported file in the ONNX Runtime that comes with plca, to compare it with the network (verify.ts).
 */
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";
import type { WholeSession } from "../backends/native/ort.ts";
import { runtime } from "../backends/native/runtime.ts";

export type { Batch } from "../backends/native/ort.ts";

/** A file and the names of its input and its output. */
export interface ModelFile {
  readonly model: Uint8Array;
  readonly input: string;
  readonly output: string;
}

/** @throws UserError with what ONNX Runtime says of a file that it refuses, or where it is not there */
export function openModel({ model, input, output }: ModelFile): WholeSession {
  try {
    return runtime().open(model, input, output);
  } catch (error) {
    throw new UserError(`ONNX Runtime refuses the file: ${messageOf(error).replace(/^ONNX Runtime: /, "")}`, {
      cause: error,
    });
  }
}
