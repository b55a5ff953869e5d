/**
 * PyTorch's storages, and the views of them that are its tensors. A tensor is an offset into a storage, a
 * shape, and a stride for each axis; a transposed matrix is the same storage with its strides exchanged.
 * Everything that a view claims is checked against its storage before anything is read: a stride of 0 could
 * otherwise make a small file fill all memory.
 */
import {
  bytesOf,
  type DType,
  type LazyTensor,
  sizeOf,
  type StoredTensor,
  storedTensor,
} from "./stored_tensor.ts";
import type { Cursor } from "./cursor.ts";
import type { Buildable } from "./pickle_values.ts";

/** A row of elements of one type, which tensors share. */
export interface TorchStorage {
  readonly dtype: DType;
  /** Elements. */
  readonly length: number;
  /**
   * Its bytes in the order of the file; asked for when a tensor is read. @throws DataError when the file is
   * cut short
   */
  bytes(): Uint8Array;
  readonly bigEndian: boolean;
}

/** Which elements of a storage a tensor consists of, counted in elements. */
export interface TorchView {
  readonly offset: number;
  readonly shape: readonly number[];
  /** Elements from one index to the next, by dimension. */
  readonly strides: readonly number[];
}

/**
 * A view may repeat elements (stride 0). One that makes more elements of them than this is refused as an
 * attack on memory.
 */
const MOST_REPEATED = 2 ** 24;

/** PyTorch's own limit is 64. */
const MOST_DIMENSIONS = 64;

/** A tensor of a PyTorch file, its elements still in the file. */
export class TorchTensor implements LazyTensor, Buildable {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly #storage: TorchStorage;
  readonly #view: TorchView;

  /** @throws DataError when the view leaves the storage or repeats it beyond measure */
  constructor(storage: TorchStorage, view: TorchView, cursor: Cursor) {
    const { offset, shape, strides } = view;
    if (shape.length !== strides.length || shape.length > MOST_DIMENSIONS) {
      cursor.fail(
        `the file is damaged: a tensor has ${shape.length} dimensions and ${strides.length} strides`,
      );
    }
    const size = sizeOf(shape);
    const last = shape.reduce((at, side, k) => at + (side - 1) * strides[k]!, offset);
    if (size > 0 && !(last < storage.length)) {
      cursor.fail(
        `the file is damaged: a tensor of shape [${shape.join(", ")}] ends at element ${
          last + 1
        } of its storage, which has ${storage.length}`,
      );
    }
    if (!(size <= Math.max(storage.length, MOST_REPEATED))) {
      cursor.fail(
        `a tensor of shape [${
          shape.join(", ")
        }] repeats ${storage.length} stored elements ${size} times; expected what torch.save writes of a state dict`,
      );
    }
    this.dtype = storage.dtype;
    this.shape = shape;
    this.#storage = storage;
    this.#view = view;
  }

  /** Attributes of tensors and parameters are of no use here. */
  build(): void {}

  /** The elements in row-major order, copied. */
  read(): StoredTensor {
    const { shape, offset } = this.#view;
    const width = bytesOf(this.dtype);
    const source = this.#storage.bytes();
    const size = sizeOf(shape);
    const strides = isContiguous(this.#view) ? undefined : this.#view.strides;
    const target = new Uint8Array(size * width);
    if (strides === undefined) target.set(source.subarray(offset * width, (offset + size) * width));
    else gather(source, { target, width, view: this.#view });
    if (this.#storage.bigEndian && width > 1) swap(target, width);
    return storedTensor(this.dtype, shape, target.buffer);
  }
}

/** Whether the elements of a view lie in row-major order without gaps, so that they can be copied at once. */
function isContiguous({ shape, strides }: TorchView): boolean {
  let expected = 1;
  for (let k = shape.length - 1; k >= 0; k--) {
    if (shape[k] !== 1 && strides[k] !== expected) return false;
    expected *= shape[k]!;
  }
  return true;
}

/** What elements are copied into. */
interface Gathering {
  readonly target: Uint8Array;
  /** Bytes of an element. */
  readonly width: number;
  readonly view: TorchView;
}

/** Copies the elements of a view in row-major order, one by one. */
function gather(source: Uint8Array, { target, width, view: { offset, shape, strides } }: Gathering): void {
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < target.length; to += width) {
    for (let byte = 0; byte < width; byte++) target[to + byte] = source[from * width + byte]!;
    for (let k = shape.length - 1; k >= 0; k--) {
      from += strides[k]!;
      if (++index[k]! < shape[k]!) break;
      from -= strides[k]! * shape[k]!;
      index[k] = 0;
    }
  }
}

/** Turns the bytes of each element round: from big-endian to little-endian. */
function swap(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}
