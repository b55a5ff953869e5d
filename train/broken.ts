/**
 * Where values that are not finite come from. A step that fails sees a NaN in the value of a term, but the
 * cause may lie before the term: in weights that the update before made infinite, or in the images that a
 * stream computed. These functions look for such a cause, after the step has failed; a step that goes well
 * pays nothing for it.
 *
 * step_values.ts adds its sentence to the error of the term. It computes the pass once more, so it needs the
 * very batches of the failed step.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Param } from "../core/plugin.ts";
import type { StepEntry } from "../core/step_plan.ts";
import type { Run } from "./assemble.ts";
import { computePass } from "./compute_pass.ts";
import type { Batches, PassAt } from "./context.ts";
import { describePlanned, nonFinite } from "./loss_errors.ts";

/** What a pass was computed from, so that it can be computed again. */
export interface PassInput {
  readonly batches: Batches;
  readonly entries: readonly StepEntry[];
  readonly at: PassAt;
}

/**
 * The end of a sentence that names the first weights that are not finite, such as
 * `: the weights w of the network "teacher" are NaN since the update before`; "" when all are finite. The
 * student is searched first, then the other networks, then the owners.
 * @param step updates done
 */
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
      const broken = await firstNonFinite(value);
      if (broken === undefined) continue;
      const since = step === 0 ? "from the start" : "since the update before";
      return `: the weights ${name}${whose} are ${nonFinite(broken)} ${since}`;
    }
  }
  return "";
}

/**
 * The end of a sentence that names the first computed stream with values that are not finite, such as
 * `: the stream "mixed" (...) has pixels that are NaN`; "" when all are finite. The streams of the pass are
 * computed once more, from the same batches and random numbers.
 */
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
      const broken = await firstNonFinite(tensor);
      if (broken !== undefined) return `: the ${who} has ${what} that are ${nonFinite(broken)}`;
    }
    return "";
  } finally {
    tf.dispose(copies.map(({ tensor }) => tensor));
  }
}

/** The first value that is NaN or infinite; undefined when all are finite, or there are none. */
export async function firstNonFinite(tensor: tf.Tensor): Promise<number | undefined> {
  return (await tensor.data()).find((value) => !Number.isFinite(value));
}
