/**
 * Matrix products by ONNX Runtime in the place of tfjs's kernel `BatchMatMul`, so that everything that calls
 * `tf.matMul` has them, users' plugins too. A single product runs as a Gemm; a batch, with the broadcasting
 * of tfjs, as a MatMul.
 */
import * as tf from "@tensorflow/tfjs-core";
import { emptyInfo, sizeOf } from "../wasm/heap.ts";
import { batchProduct } from "./batch_product.ts";
import { nativeMultiply } from "./products.ts";
import { runModel } from "./runtime.ts";

/**
 * Below so many multiplications the call of the library costs more than it saves; tfjs's own kernel computes
 * them.
 */
const SMALL = 4096;

let replaced = false;

/** Replaces the WASM backend's matrix product. Repeating it changes nothing. */
export function replaceMatMul(): void {
  if (replaced) return;
  replaced = true;
  const original = tf.getKernel("BatchMatMul", "wasm").kernelFunc;
  tf.unregisterKernel("BatchMatMul", "wasm");
  tf.registerKernel({
    kernelName: "BatchMatMul",
    backendName: "wasm",
    kernelFunc: (call) => {
      const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      const { transposeA, transposeB } = call.attrs as { transposeA?: boolean; transposeB?: boolean };
      const plain = a.dtype !== "float32" || b.dtype !== "float32" || sizeOf(a.shape) === 0 ||
        sizeOf(b.shape) === 0;
      if (plain || sizeOf(a.shape) * b.shape[b.shape.length - 1]! < SMALL) return original(call);
      return matMul(a, b, transposeA ?? false, transposeB ?? false);
    },
  });
}

/** The product in the last two dimensions; the dimensions before are broadcast. */
function matMul(a: tf.TensorInfo, b: tf.TensorInfo, transposeA: boolean, transposeB: boolean): tf.TensorInfo {
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const batchA = a.shape.slice(0, -2), batchB = b.shape.slice(0, -2);
  const rows = transposeA ? columnsA : rowsA, columns = transposeB ? rowsB : columnsB;
  const shape = [...tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB), rows, columns];
  const result = emptyInfo(shape);
  if (sizeOf(batchA) === 1 && sizeOf(batchB) === 1) {
    nativeMultiply(
      [
        { tensor: a, from: 0, rows: rowsA, columns: columnsA, transposed: transposeA },
        { tensor: b, from: 0, rows: rowsB, columns: columnsB, transposed: transposeB },
      ],
      { tensor: result, from: 0, rows, columns },
      false,
    );
    return result;
  }
  runModel(batchProduct([{ tensor: a }, { tensor: b }], { tensor: result }, [transposeA, transposeB]));
  return result;
}
