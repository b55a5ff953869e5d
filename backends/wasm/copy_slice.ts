/** Slices of neighbouring rows, copied within the heap: tfjs reads the whole tensor out of it first. */
import * as tf from "@tensorflow/tfjs-core";
import { address, emptyInfo, heapMemory, sizeOf } from "./heap.ts";

let replaced = false;

/** Replaces the WASM backend's slice. Repeating it changes nothing. */
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
