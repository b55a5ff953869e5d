/** Where values that are not finite come from, looked for once a step has failed of them. */
import * as tf from "@tensorflow/tfjs-core";
import type { Param } from "../core/plugin.ts";
import type { StepEntry } from "../core/step_plan.ts";
import type { Run } from "./assemble.ts";
import { type Batches, computePass, type PassAt } from "./context.ts";
import { describePlanned, nonFinite } from "./loss_errors.ts";

/** What a pass was made of, so that it can be looked at again. */
export interface PassInput {
  readonly batches: Batches;
  readonly entries: readonly StepEntry[];
  readonly at: PassAt;
}

/** `: the weights w of the network "teacher" are NaN since the update before`, or "" when all are finite; the student comes first. */
export async function brokenWeight(run: Run, step: number): Promise<string> {
  const owners = [...run.terms, ...run.streams.values()].flatMap((part) => part.owners);
  const all: [readonly Param[], string][] = [
    [run.segmenter.params, ""],
    ...[...run.networks].map(([name, { segmenter }]): [readonly Param[], string] => [
      segmenter.params,
      ` of the network "${name}"`,
    ]),
    ...owners.map(({ params, who }): [readonly Param[], string] => [params, ` of the ${who}`]),
  ];
  for (const [params, whose] of all) {
    for (const { name, value } of params) {
      const found = await firstNonFinite(value);
      if (found === undefined) continue;
      const since = step === 0 ? "from the start" : "since the update before";
      return `: the weights ${name}${whose} are ${nonFinite(found)} ${since}`;
    }
  }
  return "";
}

/** `: the stream "mixed" (...) has pixels that are NaN`, or "" when all that is made is finite; it is made again. */
export async function brokenStream(run: Run, { batches, entries, at }: PassInput): Promise<string> {
  const made = entries.flatMap((entry) => entry.kind === "make" ? [entry.stream] : []);
  if (made.length === 0) return "";
  const copies: { readonly who: string; readonly what: string; readonly tensor: tf.Tensor }[] = [];
  tf.tidy(() => {
    const { images } = computePass(run, batches, { entries, at });
    for (const name of made) {
      const { pixels, soft, weights, values } = images.get(name)!;
      const who = describePlanned("stream", run.streams.get(name)!.planned);
      for (const [what, tensor] of Object.entries({ pixels, "soft labels": soft, weights, ...values })) {
        if (tensor) copies.push({ who, what, tensor: tf.keep(tf.clone(tensor)) });
      }
    }
  });
  try {
    for (const { who, what, tensor } of copies) {
      const found = await firstNonFinite(tensor);
      if (found !== undefined) return `: the ${who} has ${what} that are ${nonFinite(found)}`;
    }
    return "";
  } finally {
    tf.dispose(copies.map(({ tensor }) => tensor));
  }
}

/** Undefined when all are finite. */
export async function firstNonFinite(tensor: tf.Tensor): Promise<number | undefined> {
  return (await tensor.data()).find((value) => !Number.isFinite(value));
}
