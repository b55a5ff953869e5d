/** Several processes of a run within one, for tests of what asks the others. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { Tensor } from "../core/tensors.ts";
import type { World } from "../core/world.ts";
import { scoped } from "../ops/scoped.ts";

/** What a process hands in when it asks the others, as plain numbers. */
type Asked =
  | { readonly kind: "mean" | "joined"; readonly tensors: readonly (Handed | null)[] }
  | { readonly kind: "swapped"; readonly parts: readonly Float32Array[] }
  | { readonly kind: "sums"; readonly numbers: Float64Array }
  | { readonly kind: "exchange"; readonly bytes: Uint8Array };

interface Handed {
  readonly shape: number[];
  readonly values: Float32Array;
}

/** Thrown where a process would wait for the others. */
class Waiting extends Error {
  readonly asked: Asked;

  constructor(asked: Asked) {
    super("a process waits for the others");
    this.asked = asked;
  }
}

/**
 * What every process computes, by rank. Each runs until it asks the others; when all have asked, all are run again
 * with the answer, and so on. So `compute` must do the same every time, and return no tensor.
 */
export function inWorld<T>(size: number, compute: (world: World) => T): T[] {
  const answers: (readonly Asked[])[] = [];
  for (;;) {
    const results = Array.from({ length: size }, (_, rank) => {
      try {
        return { value: scoped(() => compute(worldOf({ rank, size, answers }))) };
      } catch (error) {
        if (error instanceof Waiting) return error;
        throw error;
      }
    });
    const waiting = results.filter((one) => one instanceof Waiting);
    if (waiting.length === 0) return results.map((one) => (one as { readonly value: T }).value);
    assert.equal(waiting.length, size, "some processes ask and others have ended");
    assert.equal(
      new Set(waiting.map(({ asked }) => asked.kind)).size,
      1,
      "processes ask for different things",
    );
    answers.push(waiting.map(({ asked }) => asked));
  }
}

/** The world of one of the processes, which knows the answers to what was asked so far. */
function worldOf(
  { rank, size, answers }: {
    readonly rank: number;
    readonly size: number;
    readonly answers: readonly (readonly Asked[])[];
  },
): World {
  let next = 0;
  const ask = <K extends Asked["kind"]>(asked: Asked & { readonly kind: K }) => {
    const all = answers[next++];
    if (all === undefined) throw new Waiting(asked);
    return all as readonly (Asked & { readonly kind: K })[];
  };
  const sums = (numbers: Float64Array) => {
    const all = ask({ kind: "sums", numbers: numbers.slice() });
    return numbers.map((_, k) => all.reduce((sum, one) => sum + one.numbers[k]!, 0));
  };
  return {
    rank,
    size,
    mean(tensors) {
      const all = ask({ kind: "mean", tensors: tensors.map(handed) });
      return tensors.map((_, k) => meanOf(all.map((one) => one.tensors[k]!)));
    },
    joined<T extends Tensor>(tensor: T): T {
      const all = ask({ kind: "joined", tensors: [handed(tensor)] }).map((one) => one.tensors[0]!);
      const values = all.flatMap((one) => [...one.values]);
      return tf.tensor(values, [size * tensor.shape[0]!, ...tensor.shape.slice(1)]) as T;
    },
    swapped(parts, lengths) {
      const all = ask({ kind: "swapped", parts: parts.map((part) => part.slice()) });
      assert.deepEqual(all.map((one) => one.parts[rank]!.length), lengths);
      return Float32Array.from(all.flatMap((one) => [...one.parts[rank]!]));
    },
    sums,
    beginSums(numbers) {
      const found = sums(numbers);
      return () => found;
    },
    exchange: (bytes) => ask({ kind: "exchange", bytes: bytes.slice() }).map((one) => one.bytes),
  };
}

function handed(tensor: Tensor | null): Handed | null {
  return tensor && { shape: tensor.shape, values: tensor.dataSync().slice() as Float32Array };
}

/** Null counts as zeros beside tensors, and alone stays null. */
function meanOf(all: readonly (Handed | null)[]): tf.Tensor | null {
  const first = all.find((one) => one !== null);
  if (!first) return null;
  const values = first.values.map((_, k) =>
    all.reduce((sum, one) => sum + (one?.values[k] ?? 0), 0) / all.length
  );
  return tf.tensor(values, first.shape);
}
