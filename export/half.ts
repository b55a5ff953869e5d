/**
 * The same numbers as 16-bit floats, by their bits. Numbers beyond the range of these become the largest,
 * 65504, and not infinity. NaN stays NaN.
 */
export function asHalf(numbers: ArrayLike<number>): Uint16Array {
  const half = new Uint16Array(numbers.length);
  const view = new DataView(new ArrayBuffer(2));
  for (let k = 0; k < half.length; k++) {
    view.setFloat16(0, Math.min(65504, Math.max(-65504, numbers[k]!)));
    half[k] = view.getUint16(0);
  }
  return half;
}
