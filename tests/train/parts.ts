/** Streams, networks, owners and batches for tests of the step. */
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../backends/select.ts";
import type { PlannedNetwork, PlannedStream } from "../../core/plan.ts";
import type { LossPlan, Needs, NetworkPlan, Stream, StreamPlan, TermSetup } from "../../core/plugin.ts";
import type { Batch } from "../../datasets/loader.ts";
import type { Run } from "../../train/assemble.ts";
import type { Batches } from "../../train/context.ts";
import { type StepInput, trainStep } from "../../train/step.ts";
import type { StepValues } from "../../train/step_values.ts";
import { assembled, optimizerPlan, SIDE, tinyModel, type TinyParts, tinyPlan } from "./fakes.ts";

/** A test on the native backend. */
export function stepTest(name: string, run: () => Promise<void> | void): void {
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false }, async () => {
    await selectBackend("native");
    await run();
  });
}

const place = (name: string) => ({ name, at: ["streams", name], origin: "./my_stream.ts" });

/** Two images whose values and labels depend on `seed`. */
export function batch(seed: number, labels?: (k: number) => number): Batch {
  const size = 2 * SIDE * SIDE;
  return {
    ids: ["a", "b"],
    size: [SIDE, SIDE],
    images: Float32Array.from({ length: 3 * size }, (_, k) => Math.sin(k * 0.7 + seed)),
    ...(labels ? { labels: Uint8Array.from({ length: size }, (_, k) => labels(k)) } : {}),
  };
}

/** A labelled source and a target without labels. */
export const BATCHES: Batches = { source: batch(1, (k) => k % 2), target: batch(2) };

/** A stream that is made. */
export function madeStream(
  name: string,
  needs: Needs,
  make: Stream["make"],
  { owners, ...more }: Pick<StreamPlan, "owners"> & Partial<Pick<StreamPlan, "create">> = {},
): PlannedStream & { readonly plan: StreamPlan } {
  return {
    ...place(name),
    plan: { needs, ...(owners ? { owners } : {}), create: () => ({ make }), ...more },
  };
}

/** A tiny network beside the student. */
export function network(
  name: string,
  plan: Partial<NetworkPlan> = {},
  more: Partial<Pick<PlannedNetwork, "model" | "weights">> = {},
): PlannedNetwork {
  return {
    name,
    at: ["networks", name],
    origin: "./my_network.ts",
    plan: { training: false, start: "student", ...plan },
    model: tinyModel,
    ...more,
  };
}

/** Averages parameters and buffers: 3/4 of what was and 1/4 of the student. */
export const averaging: Partial<NetworkPlan> = {
  changes: true,
  update({ network, student }) {
    const all = (
      of: typeof network,
    ) => [...of.params.map(({ value }) => value), ...Object.values(of.buffers)];
    const from = all(student);
    all(network).forEach((value, k) => value.assign(tf.add(tf.mul(value, 0.75), tf.mul(from[k]!, 0.25))));
  },
};

/** The mean square of the difference between the student's logits and another network's. */
export function following(by: string, stream = "target"): LossPlan {
  return {
    needs: { views: [{ stream }, { stream, by, taps: [{ name: "features" }] }] },
    create: () => ({
      compute({ view }) {
        const difference = tf.sub(view(stream).logits, view(stream, by).logits);
        const features = tf.mul(tf.mean(view(stream, by).taps["features"]!), 0);
        return { loss: tf.add(tf.mean(tf.square(difference)), features) as tf.Scalar };
      },
    }),
  };
}

/** Updates by the gradient alone. */
export const plainSgd = optimizerPlan({ lr: 0.1, momentum: 0, weight_decay: 0 });

/** What trains a tiny plan, for as long as it is used. */
export async function withRun<T>(
  parts: TinyParts,
  use: (run: ReturnType<typeof assembled>) => T | Promise<T>,
) {
  const run = assembled(tinyPlan({ optimizer: plainSgd, ...parts }));
  try {
    return await use(run);
  } finally {
    run.dispose();
  }
}

/** A variable of a term's or stream's own. */
export function scalarOf(setup: TermSetup, name: string, value: number): tf.Variable<tf.Rank.R0> {
  const initial = tf.scalar(value);
  const variable = setup.variable(name, initial);
  initial.dispose();
  return variable as tf.Variable<tf.Rank.R0>;
}

/** Every value of a run's state. */
export function valuesOf(run: Run): Map<string, number[]> {
  return new Map(run.state.map(({ name, variable }) => [name, [...variable.dataSync()]]));
}

/** One step. */
export function stepOf(run: Run, more: Partial<StepInput> = {}): Promise<StepValues> {
  return trainStep(run, { step: 0, steps: 10, passes: [BATCHES], multiplier: 1, ...more });
}

/** Makes steps. @returns how many tensors there were after each */
export async function tensorsAfter(
  run: Run,
  steps: number,
  more: Partial<StepInput> = {},
): Promise<Set<number>> {
  const counts = new Set<number>();
  for (let step = 0; step < steps; step++) {
    await stepOf(run, { step, ...more });
    counts.add(tf.memory().numTensors);
  }
  return counts;
}
