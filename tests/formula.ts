/** The reproducible numbers of tests/goldens/README.md: what the recorded network was filled with. */
import * as tf from "@tensorflow/tfjs-core";
import { fnv1a } from "../core/random.ts";
import type { StateEntry } from "../train/state.ts";

/** `count` numbers of [-0.5, 0.5) that follow from the name, in double precision. */
export function formula(name: string, count: number): Float64Array {
  let state = fnv1a(name);
  const values = new Float64Array(count);
  // ResNet-101 has 44 million of them: calling a function for each takes ten times as long.
  for (let k = 0; k < count; k++) {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    values[k] = state / 2 ** 32 - 0.5;
  }
  return values;
}

/** Images NHWC with the values that the formula gives their NCHW shape, times `factor`, plus `offset`. */
export function formulaImages(
  name: string,
  [n, height, width]: readonly [number, number, number],
  { factor = 100, offset = 0 } = {},
): Float32Array {
  const values = formula(name, n * 3 * height * width);
  const pixels = height * width;
  return Float32Array.from(values, (_, k) => {
    const channel = k % 3, pixel = Math.floor(k / 3) % pixels, image = Math.floor(k / 3 / pixels);
    return values[(image * 3 + channel) * pixels + pixel]! * factor + offset;
  });
}

/** Fills a network's variables by state-dict name. */
export function fillByFormula(entries: readonly StateEntry[]): void {
  for (const { name, variable } of entries) {
    tf.tidy(() => {
      const { shape, size } = variable;
      const [h, w, input, output] = shape as [number, number, number, number];
      const [factor, offset] = shape.length === 4
        ? [2 * Math.sqrt(6 / (input * h * w)), 0]
        : name.endsWith("running_mean")
        ? [0.1, 0]
        : name.endsWith("running_var")
        ? [0.5, 1]
        : name.endsWith("weight")
        ? [0.2, 0.5]
        : [0.2, 0];
      const values = formula(name, size);
      for (let k = 0; k < size; k++) values[k] = values[k]! * factor + offset;
      const rounded = new Float32Array(values);
      variable.assign(
        shape.length === 4
          ? tf.transpose(tf.tensor4d(rounded, [output, input, h, w]), [2, 3, 1, 0])
          : tf.tensor(rounded, shape),
      );
    });
  }
}
