/**
 * What a device can bind. A shader is given whole tensors, and a device takes at most
 * `maxStorageBufferBindingSize` bytes for each, 128 MiB if it promises no more. Beyond that it drops the work
 * without an error, and what was handed in with it, so sizes are looked at before.
 */
import { UserError } from "../../core/errors.ts";

/** A tensor that a shader is to be given. */
export interface Bound {
  /** As in `the result of MatMulPackedProgram`. */
  readonly what: () => string;
  readonly shape: readonly number[];
}

/** Bytes of a number, of every type that shaders have. */
const BYTES = 4;

/** Bytes of a tensor on the device. */
export function bytesOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, BYTES);
}

/** @throws UserError when the tensor is larger than a shader can be given */
export function requireBindable({ what, shape }: Bound, limit: number): void {
  const bytes = bytesOf(shape);
  if (bytes <= limit) return;
  throw new UserError(
    `webgpu: ${what()} [${shape.join(", ")}] takes ${
      megabytes(bytes)
    }, and this device gives a shader at most ` +
      `${
        megabytes(limit)
      } of one tensor (maxStorageBufferBindingSize); lower input.crop or training.batch; ` +
      "for predictions lower evaluation.size or set evaluation.window",
  );
}

function megabytes(bytes: number): string {
  return `${Number((bytes / 1e6).toPrecision(4))} MB`;
}
