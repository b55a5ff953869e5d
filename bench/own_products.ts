/**
 * How much of a piece of work is matrix products: counts those that it asks ONNX Runtime for, and computes them
 * once more alone, with the same models, shapes, order and threads.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { address, emptyTensor, heapMemory, heapView } from "../backends/wasm/heap.ts";
import type { Operand, Session } from "../backends/native/ort.ts";
import { runtime } from "../backends/native/runtime.ts";

/** One product, as the library is asked for it. */
interface Product {
  readonly session: Session;
  /** Sides of what is multiplied, of what is added if anything is, and of the result. */
  readonly inputs: readonly (readonly number[])[];
  readonly output: readonly number[];
}

/** The products of a piece of work. */
export interface OwnProducts {
  readonly count: number;
  /** Multiplications and additions in all. */
  readonly operations: number;
  /** Computes them one after another, on memory of its own. @returns seconds */
  again(): number;
  dispose(): void;
}

/**
 * Watches the products from now on; to be called before the native backend is selected, because models that
 * are loaded already are not seen. @returns a function that gives those since its last call
 */
export function watchProducts(): () => OwnProducts {
  const ort = runtime(), load = ort.load.bind(ort);
  let seen: Product[] = [];
  ort.load = (...args) => {
    const session = load(...args);
    const note = (inputs: readonly Operand[], [output]: readonly Operand[]) => {
      seen.push({ session, inputs: inputs.map(({ dims }) => dims), output: output!.dims });
    };
    return {
      run(inputs, outputs) {
        note(inputs, outputs);
        session.run(inputs, outputs);
      },
      begin(inputs, outputs) {
        // Where no thread is free nothing was begun, and it is run after all.
        const begun = session.begin(inputs, outputs);
        if (begun !== undefined) note(inputs, outputs);
        return begun;
      },
    };
  };
  return () => {
    const products = seen;
    seen = [];
    return repeated(products);
  };
}

function repeated(products: readonly Product[]): OwnProducts {
  const largest = (of: (product: Product) => readonly number[] | undefined) =>
    Math.max(1, ...products.map((product) => sizeOf(of(product) ?? [0])));
  // What is added lies where the result does, as it does for most that add something.
  const places: readonly tf.Tensor[] = [
    emptyTensor([largest(({ inputs }) => inputs[0])]),
    emptyTensor([largest(({ inputs }) => inputs[1])]),
    emptyTensor([largest(({ output }) => output)]),
  ];
  // What was in this memory before may be numbers that a processor is slow with.
  for (const place of places) heapView(place).fill(0.5);
  return {
    count: products.length,
    operations: products.reduce((sum, product) => sum + operationsOf(product), 0),
    again() {
      const [left, right, result] = places.map(placeOf) as [bigint, bigint, bigint];
      const started = performance.now();
      for (const { session, inputs, output } of products) {
        const operands = inputs.map((dims, k) => ({ address: [left, right, result][k]!, dims }));
        session.run(operands, [{ address: result, dims: output }]);
      }
      return (performance.now() - started) / 1000;
    },
    dispose: () => places.forEach((place) => place.dispose()),
  };
}

/** 2 m n k: both factors and the result together name each of the three sides twice. */
function operationsOf({ inputs, output }: Product): number {
  const [left, right] = inputs;
  if (left === undefined || right === undefined) return 0;
  const planes = output.slice(0, -2).reduce((product, side) => product * side, 1);
  const cube = sizeOf(left) / planes * (sizeOf(right) / planes) * (sizeOf(output) / planes);
  return 2 * planes * Math.sqrt(cube);
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, side) => product * side, 1);
}

/** The address in this process; the heap must not grow until it is no longer needed. */
function placeOf(tensor: tf.Tensor): bigint {
  const bytes = new Uint8Array(heapMemory().buffer as ArrayBuffer);
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)) + BigInt(address(tensor));
}
