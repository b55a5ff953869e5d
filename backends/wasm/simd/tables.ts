/**
 * Tables of pixels, float32 [rows, columns]: lengths and products of rows, rows gathered and added, and the
 * transpose.
 */
import { bytes, CHUNK, total } from "./math";

/** a . b, carried to float64 every 512 numbers. */
@inline
function dot(a: usize, b: usize, count: i32): f64 {
  let result: f64 = 0;
  let j = 0;
  while (j <= count - 4) {
    const end = min(j + CHUNK, count - 3);
    let part = f32x4.splat(0);
    for (; j < end; j += 4) part = f32x4.add(part, f32x4.mul(v128.load(a + bytes(j)), v128.load(b + bytes(j))));
    result += total(part);
  }
  for (; j < count; j++) result += <f64> (load<f32>(a + bytes(j)) * load<f32>(b + bytes(j)));
  return result;
}

/** 1 / |x| of every row of float32 [rows, columns], 0 for zero rows; lengths below 1e-12 count as 1e-12. */
export function inverseNorms(x: usize, rows: i32, columns: i32, result: usize): void {
  for (let r = 0; r < rows; r++) {
    const row = x + bytes(r) * <usize> columns;
    const norm = sqrt(dot(row, row, columns));
    store<f32>(result + bytes(r), norm > 0 || norm != norm ? <f32> (1 / max(norm, 1e-12)) : 0);
  }
}

/** a_r . b_r of every row of float32 [rows, columns]. */
export function rowDots(a: usize, b: usize, rows: i32, columns: i32, result: usize): void {
  for (let r = 0; r < rows; r++) {
    const start = bytes(r) * <usize> columns;
    store<f32>(result + bytes(r), <f32> dot(a + start, b + start, columns));
  }
}

/** sum - u (u . sum) for every row, u = scale * x, in place: a gradient without its part along x. */
export function acrossRows(sum: usize, x: usize, scale: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    const start = bytes(r) * <usize> columns;
    const length = load<f32>(scale + bytes(r));
    subtract(sum + start, x + start, <f32> (dot(sum + start, x + start, columns) * length * length), columns);
  }
}

/** sum - factor x for every row, in place. @param factor float32 [rows] */
export function subtractRows(sum: usize, x: usize, factor: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    const start = bytes(r) * <usize> columns;
    subtract(sum + start, x + start, load<f32>(factor + bytes(r)), columns);
  }
}

/** sum -= factor x, of one row. */
@inline
function subtract(sum: usize, x: usize, factor: f32, columns: i32): void {
  const factors = f32x4.splat(factor);
  let j = 0;
  for (; j <= columns - 4; j += 4) {
    const at = sum + bytes(j);
    v128.store(at, f32x4.sub(v128.load(at), f32x4.mul(v128.load(x + bytes(j)), factors)));
  }
  for (; j < columns; j++) {
    const at = sum + bytes(j);
    store<f32>(at, load<f32>(at) - load<f32>(x + bytes(j)) * factor);
  }
}

/** to[k] = from[indices[k]] @param indices int32 [count], rows of so many columns */
export function gatherRows(from: usize, indices: usize, count: i32, columns: i32, to: usize): void {
  const width = bytes(columns);
  for (let k = 0; k < count; k++) {
    memory.copy(to + <usize> k * width, from + <usize> load<i32>(indices + bytes(k)) * width, width);
  }
}

/** sum[indices[k]] += values[k]; indices 0: sum[k] += values[k] */
export function addRows(sum: usize, indices: usize, count: i32, columns: i32, values: usize): void {
  const width = bytes(columns);
  for (let k = 0; k < count; k++) {
    const to = sum + <usize> (indices ? load<i32>(indices + bytes(k)) : k) * width;
    const from = values + <usize> k * width;
    let j = 0;
    for (; j <= columns - 4; j += 4) {
      v128.store(to + bytes(j), f32x4.add(v128.load(to + bytes(j)), v128.load(from + bytes(j))));
    }
    for (; j < columns; j++) {
      store<f32>(to + bytes(j), load<f32>(to + bytes(j)) + load<f32>(from + bytes(j)));
    }
  }
}

/** The transpose of float32 [rows, columns], by squares of 4 x 4 in registers. */
export function transpose(x: usize, rows: i32, columns: i32, y: usize): void {
  const wide = rows - (rows & 3), tall = columns - (columns & 3);
  // Squares of 32 stay in the nearest cache on both sides.
  for (let top = 0; top < wide; top += 32) {
    const bottom = min(top + 32, wide);
    for (let left = 0; left < tall; left += 32) {
      const right = min(left + 32, tall);
      for (let r = top; r < bottom; r += 4) {
        for (let c = left; c < right; c += 4) {
          const from = x + bytes(r * columns + c), to = y + bytes(c * rows + r);
          const a = v128.load(from), b = v128.load(from + bytes(columns));
          const d = v128.load(from + bytes(2 * columns)), e = v128.load(from + bytes(3 * columns));
          const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
          const de = v128.shuffle<f32>(d, e, 0, 4, 1, 5), DE = v128.shuffle<f32>(d, e, 2, 6, 3, 7);
          v128.store(to, v128.shuffle<f32>(ab, de, 0, 1, 4, 5));
          v128.store(to + bytes(rows), v128.shuffle<f32>(ab, de, 2, 3, 6, 7));
          v128.store(to + bytes(2 * rows), v128.shuffle<f32>(AB, DE, 0, 1, 4, 5));
          v128.store(to + bytes(3 * rows), v128.shuffle<f32>(AB, DE, 2, 3, 6, 7));
        }
      }
    }
  }
  for (let r = 0; r < rows; r++) {
    for (let c = r < wide ? tall : 0; c < columns; c++) {
      store<f32>(y + bytes(c * rows + r), load<f32>(x + bytes(r * columns + c)));
    }
  }
}
