/**
 * The validations of a phase: what they find, the best of them so far, and the evaluation after the last
 * step.
 */
import type { Evaluation } from "../core/events.ts";
import type { EvaluationPlan } from "../core/plan.ts";
import { STUDENT } from "../core/term.ts";
import type { InputDataset } from "../datasets/input.ts";
import { PredictionMeasures } from "../metrics/label_free.ts";
import { networkOf, type Run } from "./assemble.ts";
import { consistentCycles } from "./consistent_cycles.ts";
import {
  evaluateSegmenter,
  type EvaluationInput,
  finalEvaluation,
  onePass,
  unlabelledNote,
} from "./evaluate.ts";
import type { PhaseOptions } from "./loop.ts";
import { messageOf } from "./loss_errors.ts";
import type { Ensemble } from "./predict.ts";
import { fromFirst } from "./together.ts";
import { openMembers } from "./trained.ts";

/** The best validation so far; mIoU in 0..1. */
export interface Best {
  readonly step: number;
  readonly miou: number;
}

/** What is validated, and where an earlier process left it. */
export interface ValidationSetup extends PhaseOptions {
  readonly validation: InputDataset | undefined;
}

/** What a validation found. */
export interface Validated {
  readonly evaluation: Evaluation;
  /** Whether none before it was as good. */
  readonly isBest: boolean;
}

/** Validates a run, in all its processes together. */
export class Validation {
  readonly #run: Run;
  readonly #setup: ValidationSetup;
  #best: Best | undefined;
  #validated: number;
  /** Opened once it is compared with the target. */
  #source: InputDataset | undefined;
  /** Whether it was said that no pixel of the validation split is labelled. */
  #told = false;

  constructor(run: Run, setup: ValidationSetup) {
    this.#run = run;
    this.#setup = setup;
    const { validated = 0, best = null } = setup.from?.state ?? {};
    this.#validated = validated;
    this.#best = best ?? undefined;
  }

  get best(): Best | undefined {
    return this.#best;
  }

  /** The step of the last one; 0: none yet. */
  get validated(): number {
    return this.#validated;
  }

  /** In one pass per image. Undefined when there is nothing to validate on or the signal fired. */
  async validate(step: number): Promise<Validated | undefined> {
    const { emit, logger, phase: { name: phase }, team: { world } } = this.#setup;
    const { evaluation } = this.#setup.plan;
    const measures = this.#predictionMeasures();
    const found = await this.#evaluate(onePass(evaluation), {
      pictures: {
        count: fromFirst(world, logger?.pictures ?? 0),
        onPrediction: (image, index) => logger?.picture({ step, index, ...image }),
      },
      onProbabilities: measures && ((grid) => measures.add(grid)),
    });
    if (found === undefined) return undefined;
    const cycles = measures && await this.#consistentCycles(step);
    const labelFree = {
      ...measures?.measures(),
      ...(cycles === undefined ? {} : { consistentCycles: cycles }),
    };
    const { miou, subsets, labelSize, pixelAccuracy, iou } = found;
    const best = miou !== null && (this.#best === undefined || miou > this.#best.miou);
    this.#validated = step;
    if (best) this.#best = { step, miou };
    const means = { miou, ...(subsets ? { subsets } : {}), labelSize };
    emit({
      type: "validation",
      phase,
      step,
      ...means,
      pixelAccuracy,
      iou,
      best,
      ...(Object.keys(labelFree).length === 0 ? {} : { labelFree }),
    });
    const note = unlabelledNote(found);
    if (note !== undefined && !this.#told) {
      this.#told = true;
      emit({ type: "note", phase, message: note });
    }
    return { evaluation: found, isBest: best };
  }

  /** Undefined where the recipe wants none, or there is nothing to validate on. */
  #predictionMeasures(): PredictionMeasures | undefined {
    const { validation, plan: { evaluation } } = this.#setup;
    if (validation === undefined || evaluation.labelFree === undefined) return undefined;
    return new PredictionMeasures(Math.max(1, Math.min(validation.length, evaluation.limit ?? Infinity)));
  }

  /** Undefined where images are predicted in windows, since whole ones may not fit into memory. */
  async #consistentCycles(step: number): Promise<number | undefined> {
    const { plan, input, validation, emit, phase: { name: phase } } = this.#setup;
    if (plan.evaluation.window) return undefined;
    try {
      return await consistentCycles({
        plan,
        segmenter: networkOf(this.#run, this.#predicting() ?? STUDENT),
        similarity: plan.evaluation.labelFree!.similarity,
        source: this.#source ??= await input.open(plan.data.source),
        target: validation!,
      });
    } catch (error) {
      // A run does not end for what is only looked at.
      const message = `consistent cycles after step ${step} could not be counted: ${messageOf(error)}`;
      emit({ type: "note", phase, message });
      return undefined;
    }
  }

  /**
   * After the last step, as the recipe's `evaluation` says. @param plain what the validation of this step
   * found, if there was one
   */
  async finish(plain: Evaluation | undefined): Promise<Evaluation | undefined> {
    const { plan, phase, files } = this.#setup;
    const evaluation = finalEvaluation(plan, phase);
    const same = Object.keys(onePass(evaluation)).length === Object.keys(evaluation).length;
    if (!plain || same) return plain;
    const others = await openMembers({ ...plan, evaluation }, files);
    try {
      return await this.#evaluate(evaluation, {}, others.networks);
    } finally {
      others.dispose();
    }
  }

  async #evaluate(
    evaluation: EvaluationPlan,
    listeners: Pick<EvaluationInput, "pictures" | "onProbabilities"> = {},
    others: Ensemble["networks"] = [],
  ): Promise<Evaluation | undefined> {
    const { plan, validation, signal, team } = this.#setup;
    if (validation === undefined) return undefined;
    const network = this.#predicting();
    try {
      return await evaluateSegmenter(plan, {
        ensemble: {
          networks: [
            { segmenter: networkOf(this.#run, network ?? STUDENT), weight: 1 },
            ...others,
          ],
          network,
          featureTap: plan.model.plan.featureTap,
          alignCorners: this.#run.alignCorners,
        },
        dataset: validation,
        split: "val",
        evaluation,
        signal,
        team,
        ...listeners,
      });
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  /**
   * The network that `evaluation.network` names; undefined, the student, in a phase that trains without it.
   */
  #predicting(): string | undefined {
    const { network } = this.#setup.plan.evaluation;
    return network !== undefined && this.#run.networks.has(network) ? network : undefined;
  }
}
