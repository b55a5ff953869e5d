/**
 * Runs an exported file in the ONNX Runtime that comes with plca, to compare it with the network (verify.ts).
 */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";

/** A tensor on the host: its sides, and its numbers with the last axis first to change. */
export interface Batch {
  readonly dims: readonly number[];
  readonly data: Float32Array | Uint8Array | Int32Array;
}

/** A loaded file. */
export interface RunningModel {
  /** Runs it on one batch. */
  run(images: Batch): Promise<Batch>;
  close(): Promise<void>;
}

/**
 * Loads a file with one input and one output. @throws UserError with the reason if ONNX Runtime refuses it
 */
export async function openModel(model: Uint8Array): Promise<RunningModel> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(model);
  } catch (error) {
    throw new UserError(`ONNX Runtime refuses the file: ${messageOf(error)}`, { cause: error });
  }
  const [input] = session.inputNames, [output] = session.outputNames;
  return {
    async run({ dims, data }) {
      const images = data instanceof Uint8Array
        ? new Tensor("uint8", data, dims)
        : new Tensor("float32", data as Float32Array, dims);
      const result = (await session.run({ [input!]: images }))[output!]!;
      return { dims: result.dims, data: result.data as Batch["data"] };
    },
    close: () => session.release(),
  };
}
