/** Tensors of the WASM backend where they lie: in the heap of its module. */
import * as tf from "@tensorflow/tfjs-core";

/** What the WASM backend keeps of a tensor; not in its public types. */
interface WasmBackend {
  readonly wasm: { readonly HEAPU8: Uint8Array; readonly asm: { readonly memory: WebAssembly.Memory } };
  readonly dataIdMap: { get(id: object): { readonly memoryOffset: number; readonly refCount: number } };
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
}

function backend(): WasmBackend {
  return tf.backend() as unknown as WasmBackend;
}

/** The memory that holds every tensor. */
export function heapMemory(): WebAssembly.Memory {
  return backend().wasm.asm.memory;
}

/** Where a tensor's values begin, in bytes, or those of its `element`. */
export function address(tensor: tf.TensorInfo, element = 0): number {
  return backend().dataIdMap.get(tensor.dataId).memoryOffset + 4 * element;
}

/** Whether a clone of the tensor, or a reshaped one, lies in the same memory. */
export function isShared(tensor: tf.TensorInfo): boolean {
  return backend().dataIdMap.get(tensor.dataId).refCount > 1;
}

/** Float32 values in the heap itself. Stale after the next allocation, which may grow the heap. */
export function floatsAt(place: number, count: number): Float32Array<ArrayBuffer> {
  return new Float32Array(backend().wasm.HEAPU8.buffer as ArrayBuffer, place, count);
}

/** All float32 values of a tensor, as {@linkcode floatsAt}. */
export function heapView(tensor: tf.TensorInfo): Float32Array<ArrayBuffer> {
  return floatsAt(address(tensor), sizeOf(tensor.shape));
}

/** All int32 values of a tensor, as {@linkcode floatsAt}. */
export function integersOf(tensor: tf.TensorInfo): Int32Array<ArrayBuffer> {
  const buffer = backend().wasm.HEAPU8.buffer as ArrayBuffer;
  return new Int32Array(buffer, address(tensor), sizeOf(tensor.shape));
}

/** Memory for a tensor that does not exist yet: the caller makes one of it or frees it. */
export function emptyInfo(shape: readonly number[], dtype: tf.DataType = "float32"): tf.TensorInfo {
  return backend().makeOutput([...shape], dtype);
}

/** A tensor of the current scope whose values are not set yet. */
export function emptyTensor(shape: readonly number[], dtype: "float32" | "int32" = "float32"): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(emptyInfo(shape, dtype));
}

/** Product of the sides. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
