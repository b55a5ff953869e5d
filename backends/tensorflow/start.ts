/** Makes TensorFlow a backend of our tensor library, where it is installed. */
import * as tf from "@tensorflow/tfjs-core";
import { type Binding, loadBackend, loadBinding } from "./package.ts";
import { installedTensorflow, tensorflowFolder } from "./place.ts";

/** What adds it. */
export const SETUP = "npx --yes deno@2.9.6 task setup:tensorflow";

let binding: Binding | undefined;

/** What is there, for `plca doctor`. */
export interface Found {
  /** TensorFlow's version and what computes. */
  readonly detail: string;
  /** Whether it computes on a CUDA device. */
  readonly cuda: boolean;
}

/** Loads TensorFlow. @throws Error that says what is missing and what adds it */
export function findTensorflow(): Found {
  const folder = tensorflowFolder();
  const installed = installedTensorflow(folder);
  if (installed === undefined) throw new Error(`not installed; ${SETUP} adds it`);
  try {
    binding ??= loadBinding(folder, installed);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`it does not load: ${reason}; ${SETUP} installs it again`, { cause: error });
  }
  const cuda = binding.isUsingGpuDevice();
  return {
    detail: `TensorFlow ${binding.TF_Version}, ${cuda ? "on a CUDA device" : "on the processor"}`,
    cuda,
  };
}

/** Registers the backend `tensorflow`; {@linkcode findTensorflow} has loaded it. Repeating it changes nothing. */
export function registerTensorflow(): void {
  if (tf.findBackendFactory("tensorflow")) return;
  const folder = tensorflowFolder();
  const loaded = binding!, installed = installedTensorflow(folder)!;
  tf.registerBackend("tensorflow", () => loadBackend(folder, installed, loaded));
}
