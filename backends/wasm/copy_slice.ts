/**
 * Slices along the first dimensions, copied within the heap. tfjs's kernel first reads the whole tensor out
 * of the heap, even for a slice of a few rows; cutting batches and images out of tensors does that all the
 * time.
 */
import * as tf from "@tensorflow/tfjs-core";
import { address, emptyInfo, heapMemory, sizeOf } from "./heap.ts";

let replaced = false;

/**
 * Replaces the WASM backend's slice; slices that are not contiguous in memory still go to tfjs's. Repeating
 * it changes nothing.
 */
export function copySlice(): void {
  if (replaced) return;
  replaced = true;
  const original = tf.getKernel("Slice", "wasm").kernelFunc;
  tf.unregisterKernel("Slice", "wasm");
  tf.registerKernel({
    kernelName: "Slice",
    backendName: "wasm",
    kernelFunc: (call) => {
      const { x } = call.inputs as { x: tf.TensorInfo };
      const given = call.attrs as unknown as { begin: number | number[]; size: number | number[] };
      const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, given.begin, given.size);
      tf.slice_util.assertParamsValid(x as tf.Tensor, begin!, size!);
      if (x.dtype === "string" || !tf.slice_util.isSliceContinous(x.shape, begin!, size!)) {
        return original(call);
      }
      const result = emptyInfo(size!, x.dtype);
      const width = tf.util.bytesPerElement(x.dtype);
      const from = address(x) +
        width * tf.slice_util.computeFlatOffset(begin!, tf.util.computeStrides(x.shape));
      // The view is taken after the allocation, which may have moved the heap.
      new Uint8Array(heapMemory().buffer).copyWithin(address(result), from, from + width * sizeOf(size!));
      return result;
    },
  });
}
