import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-layers"; // registers the gradients

/**
 * Makes a backend of the tensor library current. tfjs keeps the current backend in a global variable; besides
 * this, only the recorder sets it, and puts it back.
 * @throws Error when it does not start
 */
export async function useEngine(name: string): Promise<void> {
  if (!await tf.setBackend(name)) throw new Error("it failed to start");
  await tf.ready();
}
