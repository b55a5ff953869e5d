/** Makes TensorFlow a backend of our tensor library, where it is installed. */
import * as tf from "@tensorflow/tfjs-core";
import { IN_PACKAGE } from "../../core/packaged.ts";
import { messageOf } from "../../core/words.ts";
import { replaceKernels } from "../../ops/kernels.ts";
import { useEngine } from "../engine.ts";
import type { Inspected, Judged } from "../backend.ts";
import { hasCudaDriver } from "./cuda.ts";
import { reportFaults } from "./faults.ts";
import { tensorflowKernels } from "./kernels.ts";
import { mendKernels } from "./mended.ts";
import { type Binding, loadBackend, loadBinding } from "./package.ts";
import { hasTensorflow, type Installed, installedTensorflow, tensorflowFolder } from "./place.ts";

const SETUP = "npx --yes deno@2.9.6 task setup:tensorflow";

let binding: Binding | undefined;

/** The TensorFlow that is installed. */
export interface Found extends Inspected {
  /** Whether it computes on a CUDA device. */
  readonly cuda: boolean;
}

/** The record of the installation. @throws Error that says what is missing or damaged and how to mend it */
function readRecord(folder: string): Installed {
  let installed: Installed | undefined;
  try {
    installed = installedTensorflow(folder);
  } catch (error) {
    throw new Error(`${messageOf(error)}; ${SETUP} installs it again`, { cause: error });
  }
  if (installed === undefined) {
    throw new Error(
      IN_PACKAGE ? "it needs a clone of plca (docs/tensorflow.md)" : `not installed; ${SETUP} adds it`,
    );
  }
  return installed;
}

/** Loads TensorFlow, once in a process. @throws Error that says what is missing and what adds it */
export function findTensorflow(folder: string = tensorflowFolder()): Found {
  const installed = readRecord(folder);
  try {
    binding ??= loadBinding(folder, installed);
  } catch (error) {
    throw new Error(`it does not load: ${messageOf(error)}; ${SETUP} installs it again`, { cause: error });
  }
  const cuda = binding.isUsingGpuDevice();
  return {
    detail: `TensorFlow ${binding.TF_Version} on ${cuda ? "a CUDA device" : "the processor"}`,
    cuda,
  };
}

/**
 * Whether `auto` should take it: if it is installed, and on a CUDA device. There is a reason if it is
 * installed in vain, or broken; none if it is not installed.
 */
export function takesCuda(folder: string = tensorflowFolder()): Judged {
  if (!hasTensorflow(folder)) return { takes: false };
  try {
    readRecord(folder);
    if (hasCudaDriver() === false) return { takes: false, reason: "no CUDA driver found" };
    const { cuda, detail } = findTensorflow(folder);
    return cuda ? { takes: true } : { takes: false, reason: `no CUDA device: ${detail}` };
  } catch (error) {
    return { takes: false, reason: messageOf(error) };
  }
}

/**
 * Makes the backend `tensorflow` current. Repeating it changes nothing.
 * @throws Error, see {@linkcode findTensorflow}
 */
export async function startTensorflow(): Promise<void> {
  findTensorflow();
  if (!tf.findBackendFactory("tensorflow")) {
    const folder = tensorflowFolder();
    const loaded = binding!, installed = installedTensorflow(folder)!;
    tf.registerBackend("tensorflow", () => {
      const backend = reportFaults(loadBackend(folder, installed, loaded));
      mendKernels();
      return backend;
    });
  }
  await useEngine("tensorflow");
  replaceKernels("tensorflow", tensorflowKernels());
}
