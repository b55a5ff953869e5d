/**
 * Tensors of the WASM backend where they lie. The module has one memory, an array of bytes (the heap) of at
 * most 4 GB, and a tensor is an offset in it. Our kernels get such offsets as numbers. Two rules follow. An
 * allocation may make the heap grow, which replaces the JavaScript buffer over it: a view must not be kept
 * across one. And reading a tensor's offset brings its values back if they had left the heap (place.ts), so
 * an offset is only good until the kernel that asked for it ends.
 */
import * as tf from "@tensorflow/tfjs-core";

/** The part of the WASM backend that is used beyond its public types. */
interface WasmBackend {
  readonly wasm: { readonly HEAPU8: Uint8Array; readonly asm: { readonly memory: WebAssembly.Memory } };
  readonly dataIdMap: { get(id: object): { readonly memoryOffset: number; readonly refCount: number } };
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
}

function backend(): WasmBackend {
  return tf.backend() as unknown as WasmBackend;
}

/** The module's memory, which holds every tensor. */
export function heapMemory(): WebAssembly.Memory {
  return backend().wasm.asm.memory;
}

/**
 * Where a tensor's values begin in the heap, in bytes; or where its element with this number lies, for
 * elements of four bytes.
 */
export function address(tensor: tf.TensorInfo, element = 0): number {
  return backend().dataIdMap.get(tensor.dataId).memoryOffset + 4 * element;
}

/**
 * Whether others have the same memory (clones, reshaped tensors, a job that reads it): it must not be written
 * in place then.
 */
export function isShared(tensor: tf.TensorInfo): boolean {
  return backend().dataIdMap.get(tensor.dataId).refCount > 1;
}

/**
 * `count` float32 values in the heap itself, from the offset `place` on. Stale after the next allocation,
 * which may grow the heap.
 */
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

/** Memory for a tensor that does not exist yet. The caller makes a tensor of it, or frees it. */
export function emptyInfo(shape: readonly number[], dtype: tf.DataType = "float32"): tf.TensorInfo {
  return backend().makeOutput([...shape], dtype);
}

/** A tensor of the current scope whose values are not set yet. */
export function emptyTensor(shape: readonly number[], dtype: "float32" | "int32" = "float32"): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(emptyInfo(shape, dtype));
}

/** The same with zeros. `tf.zeros` would make an array of them and copy it. */
export function zeroTensor(shape: readonly number[]): tf.Tensor {
  const zeros = emptyTensor(shape);
  heapView(zeros).fill(0);
  return zeros;
}

/** The product of the sides: how many elements a tensor of that shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
