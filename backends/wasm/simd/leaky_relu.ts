/** Leaky ReLU of rows of channels, after a bias: what follows the convolutions of opponents. */
import { bytes } from "./math";

/** The larger of y and leak y, for a leak of at most 1. NaN stays NaN. */
@inline
function leaky4(y: v128, leak: v128): v128 {
  return v128.bitselect(f32x4.mul(y, leak), y, f32x4.lt(y, f32x4.splat(0)));
}

/** x = leaky(x + bias), in place. @param bias float32 [channels], 0: none */
export function leakyRelu(x: usize, rows: i32, channels: i32, bias: usize, leak: f32): void {
  const leaks = f32x4.splat(leak);
  for (let r = 0; r < rows; r++) {
    const row = x + <usize> r * bytes(channels);
    let c = 0;
    for (; c <= channels - 4; c += 4) {
      const at = bytes(c);
      let y = v128.load(row + at);
      if (bias) y = f32x4.add(y, v128.load(bias + at));
      v128.store(row + at, leaky4(y, leaks));
    }
    for (; c < channels; c++) {
      const at = bytes(c);
      let y = load<f32>(row + at);
      if (bias) y += load<f32>(bias + at);
      store<f32>(row + at, y < 0 ? y * leak : y);
    }
  }
}

/** dx = dy, times leak where the result y is below 0. */
export function leakyReluGradient(dy: usize, y: usize, count: i32, leak: f32, dx: usize): void {
  const leaks = f32x4.splat(leak), zero = f32x4.splat(0);
  let k = 0;
  for (; k <= count - 4; k += 4) {
    const at = bytes(k), slope = v128.load(dy + at);
    v128.store(dx + at, v128.bitselect(f32x4.mul(slope, leaks), slope, f32x4.lt(v128.load(y + at), zero)));
  }
  for (; k < count; k++) {
    const at = bytes(k), slope = load<f32>(dy + at);
    store<f32>(dx + at, load<f32>(y + at) < 0 ? slope * leak : slope);
  }
}
