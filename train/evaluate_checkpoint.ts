/**
 * Evaluating a file of weights on a split, without a run: what `plca eval` and the library's `evaluate` do.
 * The network and, where the recipe has an `ensemble`, the others are built and read, evaluate.ts does the
 * rest.
 */
import type { Evaluation } from "../core/events.ts";
import type { RunPlan, Split } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { solo, type World } from "../core/world.ts";
import { openInput } from "../datasets/input.ts";
import { evaluateSegmenter, openSplit } from "./evaluate.ts";
import { Team } from "./together.ts";
import { openEnsemble } from "./trained.ts";

/** What {@linkcode evaluate} needs besides the plan. */
export interface EvaluateOptions {
  /**
   * The path of the weights of the recipe's whole model: safetensors, or PyTorch's if the model knows its
   * names.
   */
  readonly checkpoint: string;
  /** The images to evaluate. */
  readonly split: Split;
  /** Ends the evaluation when it fires. */
  readonly signal: AbortSignal;
  /** How data and checkpoints are read; with any reader but `diskFiles()` there are no workers. */
  readonly files: FileReader;
  /**
   * Called before the first image with the phase that wrote the checkpoint; undefined if the file has none.
   */
  readonly onPhase?: (phase: string | undefined) => void;
  /** The processes that share the images. Default: one process. */
  readonly world?: World;
  /** Called after each image with the number of images done, and that of all. */
  readonly onImage?: (done: number, images: number) => void;
}

/**
 * Evaluates a checkpoint on a split, as the recipe's `evaluation` says. Where no pixel is labelled, the
 * result's `miou` and `pixelAccuracy` are null.
 * @throws UserError when the recipe has no such split or the file does not fit its model, DataError when data
 * cannot be read, the signal's reason (by default an AbortError) when the signal fires
 */
export async function evaluate(plan: RunPlan, options: EvaluateOptions): Promise<Evaluation> {
  const { checkpoint, split, files, world = solo } = options;
  const input = openInput(plan, files);
  const team = new Team(world, options.signal);
  try {
    const { dataset, model } = await team.each(async () => {
      const dataset = await openSplit(plan, split, input);
      return { dataset, model: await openEnsemble(plan, { checkpoint, files }) };
    });
    const images = Math.min(dataset.length, plan.evaluation.limit ?? dataset.length);
    try {
      options.onPhase?.(model.phase);
      return await evaluateSegmenter(plan, {
        ensemble: model.ensemble,
        dataset,
        split,
        signal: team.signal,
        team,
        onImage: (done) => options.onImage?.(done, images),
      });
    } finally {
      model.dispose();
    }
  } finally {
    await input.close();
  }
}
