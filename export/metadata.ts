/**
 * What an exported file says of itself, so that a file found years later still says which run, recipe and
 * weights it is from and how images must be prepared for it.
 */
import { createHash } from "node:crypto";
import { basename, dirname } from "node:path";
import type { RunPlan } from "../core/plan.ts";
import project from "../deno.json" with { type: "json" };
import { classColours } from "../report/colours.ts";
import { CONFIG } from "../run_folder/layout.ts";

/** Where the weights come from. */
export interface Origin {
  /** Its path. */
  readonly checkpoint: string;
  /** The recipe's path, which tells the run if it lies in its folder; absent: no run is named. */
  readonly recipe?: string | undefined;
  /** The phase that wrote the checkpoint. */
  readonly phase: string | undefined;
  /** How images are given. */
  readonly inputs: "normalised" | "uint8";
}

/**
 * Entries for the file's metadata: texts by name; lists and numbers are written as JSON. The checkpoint is
 * identified by its SHA-256.
 */
export async function exportMetadata(
  plan: RunPlan,
  { checkpoint, recipe, phase, inputs }: Origin,
): Promise<Record<string, string>> {
  const { labelSpace, input: { normalization }, model, evaluation } = plan;
  const weights = createHash("sha256").update(await Deno.readFile(checkpoint)).digest("hex");
  return {
    plca: project.version,
    recipe: plan.name,
    ...(recipe !== undefined && basename(recipe) === CONFIG ? { run: basename(dirname(recipe)) } : {}),
    ...(phase === undefined ? {} : { phase }),
    model: model.type,
    checkpoint: basename(checkpoint),
    checkpoint_sha256: weights,
    classes: JSON.stringify(labelSpace.classes),
    colours: JSON.stringify(classColours(labelSpace)),
    inputs,
    normalization: JSON.stringify(normalization),
    ...(evaluation.size === undefined ? {} : { evaluation_size: JSON.stringify(evaluation.size) }),
  };
}
