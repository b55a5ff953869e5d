/** Where TensorFlow lies once `deno task setup:tensorflow` has put it there. Loads nothing. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The folder that everything of TensorFlow is in, absolute; git ignores it. A run needs `read` and `ffi` on
 * it.
 */
export function tensorflowFolder(): string {
  return fileURLToPath(new URL("../../.tensorflow", import.meta.url));
}

/**
 * The record of an installation. Setup writes it last: without it, a folder is a half-done installation,
 * which counts as none.
 */
export interface Installed {
  /** `@tensorflow/tfjs-node` or `@tensorflow/tfjs-node-gpu`. */
  readonly package: string;
  /** The version of the package. */
  readonly version: string;
  /** The package's compiled JavaScript, below the folder. */
  readonly dist: string;
  /** The addon, below the folder. */
  readonly addon: string;
  /** The folder of the libraries that the addon was linked with, absolute. */
  readonly libraries: string;
}

/** The record's file name. */
export const RECORD = "installed.json";

const KEYS = ["package", "version", "dist", "addon", "libraries"] as const satisfies (keyof Installed)[];

/**
 * The record of what is installed; undefined if nothing is. Needs `read` on the folder. @throws Error that
 * names a damaged record
 */
export function installedTensorflow(folder: string = tensorflowFolder()): Installed | undefined {
  const path = join(folder, RECORD);
  let record: unknown;
  try {
    record = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    const reason = error instanceof SyntaxError ? "it is not JSON" : String(error);
    throw new Error(`${path} is damaged: ${reason}`, { cause: error });
  }
  if (!isInstalled(record)) throw new Error(`${path} is damaged: expected texts ${KEYS.join(", ")}`);
  return record;
}

function isInstalled(record: unknown): record is Installed {
  if (typeof record !== "object" || record === null) return false;
  const entries = record as Record<string, unknown>;
  return KEYS.every((key) => typeof entries[key] === "string");
}

/** Whether something is installed, working or not. Needs `read` on the folder. */
export function hasTensorflow(folder: string = tensorflowFolder()): boolean {
  try {
    return installedTensorflow(folder) !== undefined;
  } catch {
    return true;
  }
}
