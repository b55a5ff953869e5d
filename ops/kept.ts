/**
 * Keeping less for the backward pass. Between its own operator and the gradient of that operator a map is only
 * stored, and on a backend that offers it (`Kernels.shrinking`) it is stored in fewer bits meanwhile. When an
 * operator is recorded, what it saved is exchanged for a small copy; before its gradient is computed, the maps
 * are there again for as long as that takes. Operators know nothing of it.
 *
 * Shrunken are maps, tensors of rank 4: most of what is kept is in them. Weights stay as they are, and so does
 * what is small or wanted exactly. A map that several operators save is shrunken once.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Shrinking } from "./kernel_types.ts";

/** The part of tfjs's engine that is used here beyond its public types. */
interface Engine {
  readonly state: { kernelDepth: number };
  readonly registeredVariables: Readonly<Record<string, tf.Variable>>;
  addTapeNode(...args: unknown[]): void;
}

/** The data of maps that {@linkcode keepExactly} was called for. */
const exact = new WeakSet<object>();

/**
 * Says that an operator needs these maps to the last bit, as one that looks for the place of a largest number
 * does. To be called before they are saved.
 */
export function keepExactly(...maps: readonly tf.Tensor[]): void {
  for (const { dataId } of maps) exact.add(dataId);
}

/** Where the saved tensors are among the arguments of `addTapeNode`. */
const SAVED = 4;

/** What the operators of one recording saved. */
export class Kept {
  readonly #shrinking: Shrinking;
  readonly #weights: ReadonlySet<object>;
  /** By the data of a map. */
  readonly #small = new Map<object, tf.Tensor>();
  /** The shapes of maps whose small copies are in saved tensors. */
  readonly #shapes = new WeakMap<tf.Tensor, number[]>();

  constructor(shrinking: Shrinking) {
    this.#shrinking = shrinking;
    const { registeredVariables } = tf.engine() as unknown as Engine;
    this.#weights = new Set(Object.values(registeredVariables).map(({ dataId }) => dataId));
  }

  /** Runs `f`, which is recorded, and shrinks what its operators save. */
  recording<T>(f: () => T): T {
    const engine = tf.engine() as unknown as Engine;
    const { addTapeNode } = engine;
    engine.addTapeNode = (...args) => {
      if (args[SAVED]) unrecorded(() => this.#shrink(args[SAVED] as tf.Tensor[]));
      addTapeNode.apply(engine, args);
    };
    try {
      return f();
    } finally {
      engine.addTapeNode = addTapeNode;
      tf.dispose([...this.#small.values()]);
      this.#small.clear();
    }
  }

  #shrink(saved: tf.Tensor[]): void {
    saved.forEach((map, k) => {
      if (map.rank !== 4 || map.dtype !== "float32" || map.size < this.#shrinking.least) return;
      if (this.#weights.has(map.dataId) || exact.has(map.dataId)) return;
      let small = this.#small.get(map.dataId);
      if (small === undefined) {
        small = tf.keep(this.#shrinking.shrink(map));
        this.#small.set(map.dataId, small);
      }
      const handle = tf.keep(tf.clone(small));
      this.#shapes.set(handle, map.shape);
      saved[k] = handle;
      map.dispose();
    });
  }

  /** Runs `f` while `saved` holds the maps themselves. */
  restored<T>(saved: readonly tf.Tensor[] | undefined, f: () => T): T {
    const list = (saved ?? []) as tf.Tensor[], handles = [...list];
    handles.forEach((handle, k) => {
      const shape = this.#shapes.get(handle);
      if (shape) list[k] = this.#shrinking.restore(handle, shape);
    });
    try {
      return f();
    } finally {
      handles.forEach((handle, k) => {
        if (list[k] === handle) return;
        list[k]!.dispose();
        list[k] = handle;
      });
    }
  }
}

/** What runs in `f` does not come onto the tape, as if it were part of an operator. */
function unrecorded(f: () => void): void {
  const { state } = tf.engine() as unknown as Engine;
  state.kernelDepth++;
  try {
    f();
  } finally {
    state.kernelDepth--;
  }
}
