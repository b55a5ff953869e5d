/** Runs an exported file in the ONNX Runtime that comes with plca. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";

/** Numbers by row, and their sides. */
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

/** @throws UserError with what ONNX Runtime says of a file that it refuses */
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
      const found = (await session.run({ [input!]: images }))[output!]!;
      return { dims: found.dims, data: found.data as Batch["data"] };
    },
    close: () => session.release(),
  };
}
