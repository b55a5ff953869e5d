/**
 * Reverse differentiation over the tape of tfjs, with less memory than tfjs's own.
 *
 * While a tape is active, tfjs appends a node for every operator that runs: its inputs, its outputs, the
 * tensors it saved, and a function from the gradients of its outputs to those of its inputs. Going back over
 * the tape from its end yields all gradients. tfjs does so too, but it frees nothing before the end: all
 * saved tensors and all gradients of intermediate maps exist at once.
 *
 * Here the walk frees as it goes. After a node's turn nothing later on the way can need its saved tensors
 * (each node has its own handles), and the gradient of its outputs is used up. So the gradient of a map
 * exists only from the last operator that uses the map to the operator that computed it, and saved tensors
 * make room for gradients.
 *
 * Handles: a tensor of tfjs is a counted handle of data. A saved tensor is a handle of its own, so that
 * freeing it does not free the tensor that the program still uses. `inputGradients` clones what an operator
 * returns for the same reason: it may return `dy` itself, or a tensor that it saved.
 */
import * as tf from "@tensorflow/tfjs-core";
import { Kept } from "./kept.ts";
import { kernels } from "./kernels.ts";

/** One recorded operator. */
interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  readonly saved?: readonly tf.Tensor[];
  readonly gradient?: (dys: readonly (tf.Tensor | null)[]) => Readonly<Record<string, () => tf.Tensor>>;
}

/** The part of tfjs's engine that is used here beyond its public types. */
interface Engine {
  readonly state: { activeTape: TapeNode[] | null; readonly gradientDepth: number };
  startTape(): void;
  endTape(): void;
  scopedRun<T>(start: () => void, end: () => void, f: () => T): T;
}

/** A value and its gradients. */
export interface Gradients<Y extends tf.Tensor> {
  readonly value: Y;
  /** By input, of its shape; undefined where the value does not depend on it. Each is a handle of its own. */
  readonly grads: readonly (tf.Tensor | undefined)[];
}

/** Who hears of a backward pass while it goes on. */
export interface BackwardListener {
  /**
   * The gradient of the k-th input is whole; undefined where the value does not depend on it. Of each input
   * once.
   */
  done(k: number, grad: tf.Tensor | undefined): void;
  /** An operator had its turn. */
  between(): void;
}

/**
 * f() and its gradients with respect to `xs`: the sum over elements of `dy` times the derivatives of f's
 * result. May be called within the gradient of an operator (that is how checkpoint.ts works), on a tape of
 * its own.
 * @param f computes a float32 tensor; everything else it allocates is freed when its turn on the way back is
 * over
 * @param dy of the shape of the result, not disposed; absent: ones
 * @throws Error when an operator on the way has no gradient, or while other gradients are recorded; and
 * whatever `f` throws
 */
export function gradients<Y extends tf.Tensor>(
  f: () => Y,
  xs: readonly tf.Tensor[],
  dy?: tf.Tensor,
  listener?: BackwardListener,
): Gradients<Y> {
  const engine = tf.engine() as unknown as Engine;
  if (engine.state.gradientDepth > 0) {
    throw new Error("gradients cannot be asked for while others are recorded");
  }
  const outer = engine.state.activeTape;
  let tape: TapeNode[] = [];
  const { shrinking } = kernels();
  const kept = shrinking && new Kept(shrinking);
  try {
    const value = engine.scopedRun(() => engine.startTape(), () => {
      engine.endTape();
      tape = engine.state.activeTape ?? [];
      engine.state.activeTape = outer;
    }, () => kept ? kept.recording(() => tf.tidy(f)) : tf.tidy(f));
    let grads: (tf.Tensor | undefined)[] = [];
    tf.tidy(() => {
      grads = backward({
        tape,
        value,
        xs,
        dy: dy ?? tf.ones(value.shape),
        ownsDy: dy === undefined,
        listener,
        kept,
      });
      return grads.filter((grad) => grad !== undefined);
    });
    return { value, grads };
  } finally {
    for (const node of tape) free(node);
  }
}

/**
 * Whether a gradient may go through `x`: whether a trainable variable was read, in what is being recorded, to
 * compute it. False where nothing is recorded.
 */
export function comesOfVariables(x: tf.Tensor): boolean {
  const { activeTape } = (tf.engine() as unknown as Engine).state;
  const wanted = new Set([x.id]);
  for (const { inputs, outputs } of [...activeTape ?? []].reverse()) {
    if (!outputs.some(({ id }) => wanted.has(id))) continue;
    for (const input of Object.values(inputs)) {
      if (input instanceof tf.Variable && input.trainable) return true;
      wanted.add(input.id);
    }
  }
  return false;
}

/** Frees the tensors that a node saved. */
function free({ saved }: TapeNode): void {
  for (const tensor of saved ?? []) tensor.dispose();
}

/** The arguments of {@linkcode backward}; `ownsDy`: `dy` may be freed, because no caller has it. */
interface Backward {
  readonly tape: readonly TapeNode[];
  readonly value: tf.Tensor;
  readonly xs: readonly tf.Tensor[];
  readonly dy: tf.Tensor;
  readonly ownsDy: boolean;
  readonly listener: BackwardListener | undefined;
  readonly kept: Kept | undefined;
}

/**
 * The walk. `between` holds the nodes through which a gradient flows; all others are freed at once. `slopes`
 * maps a tensor's id to its gradient as far as it is added up. A tensor's consumers come after it on the
 * tape, so when its own node has its turn its gradient is complete.
 */
function backward({ tape, value, xs, dy, ownsDy, listener, kept }: Backward): (tf.Tensor | undefined)[] {
  const between = nodesBetween(tape, xs, value);
  for (const node of tape) if (!between.has(node)) free(node);
  const wanted = new Set(xs.map(({ id }) => id));
  const slopes = new Map<number, tf.Tensor>([[value.id, dy]]);
  const used = listener && usesOf(xs, between, (k) => listener.done(k, slopes.get(xs[k]!.id)));
  for (const node of [...between.keys()].reverse()) {
    const dys = node.outputs.map(({ id }) => slopes.get(id) ?? null);
    if (dys.some((slope) => slope !== null)) {
      const inputs = between.get(node)!;
      const compute = () => inputGradients(node, inputs, dys);
      const slopesIn = kept ? kept.restored(node.saved, compute) : compute();
      slopesIn.forEach((dx, k) => addTo(slopes, node.inputs[inputs[k]!]!.id, dx));
    }
    free(node);
    for (const { id } of node.outputs) {
      const slope = slopes.get(id);
      if (slope === undefined || wanted.has(id)) continue;
      slopes.delete(id);
      if (ownsDy || slope !== dy) slope.dispose();
    }
    used?.(node);
    listener?.between();
  }
  const handedOut = new Set<tf.Tensor>(ownsDy ? [] : [dy]);
  return xs.map(({ id }) => {
    const slope = slopes.get(id);
    // Two inputs may share a gradient; the caller disposes each, so each is a handle of its own.
    const result = slope && handedOut.has(slope) ? tf.clone(slope) : slope;
    if (result) handedOut.add(result);
    return result;
  });
}

/**
 * Counts, for each of `xs`, the nodes that have yet to add to its gradient.
 * @param whole called with k when the last of the k-th's nodes has had its turn, at once if there is none
 * @returns to be called with every node whose turn is over
 */
function usesOf(
  xs: readonly tf.Tensor[],
  between: ReadonlyMap<TapeNode, readonly string[]>,
  whole: (k: number) => void,
): (node: TapeNode) => void {
  const left = new Map<number, number>(xs.map(({ id }) => [id, 0]));
  const idsOf = (node: TapeNode) => between.get(node)!.map((name) => node.inputs[name]!.id);
  for (const node of between.keys()) {
    for (const id of idsOf(node)) if (left.has(id)) left.set(id, left.get(id)! + 1);
  }
  xs.forEach(({ id }, k) => left.get(id) === 0 && whole(k));
  return (node) => {
    for (const id of idsOf(node)) {
      if (!left.has(id)) continue;
      left.set(id, left.get(id)! - 1);
      if (left.get(id) === 0) xs.forEach((x, k) => x.id === id && whole(k));
    }
  };
}

/**
 * In the tape's order, the nodes on a way from `xs` to `y`, with the names of those inputs that depend on
 * `xs`. Forward it marks what depends on `xs`; backward it drops what `y` does not depend on.
 */
function nodesBetween(tape: readonly TapeNode[], xs: readonly tf.Tensor[], y: tf.Tensor) {
  const fromX = new Set(xs.map(({ id }) => id));
  const dependent = new Map<TapeNode, string[]>();
  for (const node of tape) {
    const inputs = Object.keys(node.inputs).filter((name) => fromX.has(node.inputs[name]!.id));
    if (inputs.length === 0) continue;
    dependent.set(node, inputs);
    for (const { id } of node.outputs) fromX.add(id);
  }
  const toY = new Set([y.id]);
  for (const [node, inputs] of [...dependent].reverse()) {
    if (!node.outputs.some(({ id }) => toY.has(id))) dependent.delete(node);
    else for (const name of inputs) toY.add(node.inputs[name]!.id);
  }
  return dependent;
}

/**
 * The gradients of the named inputs of a node. @throws Error when the operator has none, or one of another
 * shape or type
 */
function inputGradients(
  { kernelName, inputs, gradient }: TapeNode,
  names: readonly string[],
  dys: readonly (tf.Tensor | null)[],
): tf.Tensor[] {
  if (gradient === undefined) throw new Error(`the operator ${kernelName} has no gradient`);
  return tf.tidy(() => {
    const all = gradient(dys);
    return names.map((name) => {
      const x = inputs[name]!, given = all[name]?.();
      if (given === undefined) {
        throw new Error(`the operator ${kernelName} has no gradient for its input ${name}`);
      }
      if (given.dtype !== "float32" || !tf.util.arraysEqual(given.shape, x.shape)) {
        throw new Error(
          `the gradient of ${kernelName} for its input ${name} is ${given.dtype} [${given.shape}], ` +
            `expected float32 [${x.shape}]`,
        );
      }
      // It may be one of `dys` or a saved tensor. Both are freed elsewhere, so this is a second handle.
      return tf.clone(given);
    });
  });
}

/** Adds to the gradient of a tensor. Takes `dx`. */
function addTo(slopes: Map<number, tf.Tensor>, id: number, dx: tf.Tensor): void {
  const before = slopes.get(id);
  if (before === undefined) return void slopes.set(id, dx);
  slopes.set(id, tf.add(before, dx));
  before.dispose();
  dx.dispose();
}
