/** Slices of neighbouring rows, copied within the heap: tfjs reads the whole tensor out of it first. */
import * as tf from "@tensorflow/tfjs-core";

interface WasmBackend {
  readonly wasm: { readonly HEAPU8: Uint8Array };
  readonly dataIdMap: { get(id: object): { readonly memoryOffset: number } };
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
}

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
      const backend = call.backend as unknown as WasmBackend;
      const result = backend.makeOutput(size!, x.dtype);
      const width = tf.util.bytesPerElement(x.dtype);
      const from = backend.dataIdMap.get(x.dataId).memoryOffset +
        width * tf.slice_util.computeFlatOffset(begin!, tf.util.computeStrides(x.shape));
      const bytes = width * size!.reduce((product, side) => product * side, 1);
      // The view is taken after the allocation, which may have moved the heap.
      backend.wasm.HEAPU8.copyWithin(backend.dataIdMap.get(result.dataId).memoryOffset, from, from + bytes);
      return result;
    },
  });
}
