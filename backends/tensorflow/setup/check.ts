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

/** [[1, 2], [3, 4]] times itself. @throws Error when it comes out otherwise */
export function checkProduct(binding: Binding): void {
  const own = binding as Computing;
  const x = own.createTensor([2, 2], own.TF_FLOAT, Float32Array.of(1, 2, 3, 4));
  const attributes = [
    { name: "transpose_a", type: own.TF_ATTR_BOOL, value: false },
    { name: "transpose_b", type: own.TF_ATTR_BOOL, value: false },
    { name: "T", type: own.TF_ATTR_TYPE, value: own.TF_FLOAT },
  ];
  const y = own.executeOp("MatMul", attributes, [x, x], 1)[0]!.id;
  const found = own.tensorDataSync(y).join();
  own.deleteTensor(x);
  own.deleteTensor(y);
  if (found !== "7,10,15,22") throw new Error(`a 2x2 product of TensorFlow came out as ${found}`);
}
