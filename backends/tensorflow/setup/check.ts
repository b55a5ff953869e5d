import type { Binding } from "../package.ts";

/** The addon's functions that one product needs. */
interface Computing extends Binding {
  createTensor(shape: readonly number[], dtype: number, values: Float32Array): number;
  deleteTensor(id: number): void;
  executeOp(
    name: string,
    attributes: readonly unknown[],
    inputs: readonly number[],
    outputs: number,
  ): { id: number }[];
  tensorDataSync(id: number): Float32Array;
}

/**
 * Computes [[1, 2], [3, 4]] times itself, so that a library that loads but does not work is found before it
 * replaces one that does. @throws Error when the result is wrong
 */
export function checkProduct(binding: Binding): void {
  const addon = binding as Computing;
  const x = addon.createTensor([2, 2], addon.TF_FLOAT, Float32Array.of(1, 2, 3, 4));
  const attributes = [
    { name: "transpose_a", type: addon.TF_ATTR_BOOL, value: false },
    { name: "transpose_b", type: addon.TF_ATTR_BOOL, value: false },
    { name: "T", type: addon.TF_ATTR_TYPE, value: addon.TF_FLOAT },
  ];
  const y = addon.executeOp("MatMul", attributes, [x, x], 1)[0]!.id;
  const product = addon.tensorDataSync(y).join();
  addon.deleteTensor(x);
  addon.deleteTensor(y);
  if (product !== "7,10,15,22") throw new Error(`a 2x2 product of TensorFlow came out as ${product}`);
}
