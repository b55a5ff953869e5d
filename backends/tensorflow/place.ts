/** Where TensorFlow lies once `deno task setup:tensorflow` has put it there. Loads nothing. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that everything of TensorFlow is in, absolute; git ignores it. A run needs `read` and `ffi` on it. */
export function tensorflowFolder(): string {
  return fileURLToPath(new URL("../../.tensorflow", import.meta.url));
}

/** What setup writes last, so that a half-done installation is none. */
export interface Installed {
  /** `@tensorflow/tfjs-node` or `@tensorflow/tfjs-node-gpu`. */
  readonly package: string;
  /** Of the package. */
  readonly version: string;
  /** The package's compiled JavaScript, below the folder. */
  readonly dist: string;
  /** The addon, below the folder. */
  readonly addon: string;
  /** The folder of the libraries that the addon was linked with, absolute. */
  readonly libraries: string;
}

/** The record's name in the folder. */
export const RECORD = "installed.json";

/** What is installed; undefined: nothing. Needs `read` on the folder. @throws Error when the record cannot be read */
export function installedTensorflow(folder: string = tensorflowFolder()): Installed | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(join(folder, RECORD));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return JSON.parse(text) as Installed;
}
