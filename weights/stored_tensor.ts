/**
 * Arrays as files hold them: a type of element, a shape, the elements in row-major order. Filters are OIHW as
 * in PyTorch; networks of plca keep them HWIO, and the translation is not here. Pure.
 */

/** The array behind each type of element, by safetensors' names. BF16 are raw bits, BOOL bytes of 0 and 1. */
export interface StoredData {
  readonly F32: Float32Array;
  readonly F64: Float64Array;
  readonly F16: Float16Array;
  readonly BF16: Uint16Array;
  readonly I64: BigInt64Array;
  readonly I32: Int32Array;
  readonly I16: Int16Array;
  readonly I8: Int8Array;
  readonly U8: Uint8Array;
  readonly BOOL: Uint8Array;
}

/** A type of element. */
export type DType = keyof StoredData;

/** A named array as stored. */
export type StoredTensor<D extends DType = DType> = {
  readonly [K in D]: {
    readonly dtype: K;
    readonly shape: readonly number[];
    readonly data: StoredData[K];
  };
}[D];

/** A tensor whose elements are gathered when they are asked for. */
export interface LazyTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  read(): StoredTensor;
}

type Maker<D extends DType> = new (buffer: ArrayBuffer) => StoredData[D];

/**
 * The array that holds elements of each type. 16-bit brain floats have none in JavaScript, so their bits are
 * kept.
 */
const ARRAYS: { readonly [D in DType]: Maker<D> & { readonly BYTES_PER_ELEMENT: number } } = {
  F32: Float32Array,
  F64: Float64Array,
  F16: Float16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

/** Whether it is the name of a type of element. */
export function isDType(name: unknown): name is DType {
  return typeof name === "string" && Object.hasOwn(ARRAYS, name);
}

/** Bytes of one element. */
export function bytesOf(dtype: DType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** The number of elements of a shape; 1 for a scalar's. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** A tensor over little-endian bytes, not copied. @param bytes exactly the elements */
export function storedTensor(dtype: DType, shape: readonly number[], bytes: ArrayBuffer): StoredTensor {
  return { dtype, shape, data: new ARRAYS[dtype](bytes) } as StoredTensor;
}

/** The place of the first element that is NaN or infinite; -1: all are finite. */
export function firstNonFinite(data: Float32Array): number {
  // A loop: `findIndex` calls a function per element, ten times as long over a network's 45 million.
  for (let k = 0; k < data.length; k++) {
    if (!(Math.abs(data[k]!) < Infinity)) return k;
  }
  return -1;
}

/**
 * The elements as float32: F32 itself, not copied; others rounded to the nearest, infinite beyond float32's
 * range.
 */
export function toFloat32(tensor: StoredTensor): Float32Array {
  switch (tensor.dtype) {
    case "F32":
      return tensor.data;
    case "BF16": {
      const bits = Uint32Array.from(tensor.data, (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
    case "I64":
      return Float32Array.from(tensor.data, Number);
    default:
      return Float32Array.from(tensor.data);
  }
}
