/** Tests on TensorFlow, skipped (and counted by tests/run.ts) where `deno task setup:tensorflow` has not been run. */
import { installedTensorflow } from "../backends/tensorflow/place.ts";
import type { BackendName } from "../core/plan.ts";
import { backendTest } from "./goldens.ts";

/** Whether tests can run on it. */
export const tensorflowIsInstalled = installedTensorflow() !== undefined;

let told = false;

/** Registers a test on TensorFlow; where it is missing, one skipped test stands for all of a file. */
export function tensorflowTest(name: string, fn: () => Promise<void>): void {
  if (tensorflowIsInstalled) return backendTest("tensorflow", name, fn);
  if (told) return;
  told = true;
  Deno.test.ignore(
    "tensorflow: what this file tests on it (not installed: deno task setup:tensorflow)",
    () => {},
  );
}

/** Registers a test on `backend`, and on TensorFlow. */
export function alsoOnTensorflow(backend: BackendName, name: string, fn: () => Promise<void>): void {
  backendTest(backend, name, fn);
  tensorflowTest(name, fn);
}
