/**
 * The validations of a phase. During training each predicts the `val` split in one pass per image, which is
 * what a run can afford; after the last step comes one evaluation as the recipe's `evaluation` says. The best
 * validation so far is remembered, and a resumed run continues with it.
 */
import type { Evaluation } from "../core/events.ts";
import type { EvaluationPlan } from "../core/plan.ts";
import { STUDENT } from "../core/term.ts";
import { messageOf } from "../core/words.ts";
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
import type { Ensemble } from "./predict.ts";
import { fromFirst } from "./together.ts";
import { openMembers } from "./trained.ts";

/** The best validation so far; mIoU in 0..1. */
export interface Best {
  readonly step: number;
  readonly miou: number;
}

/** The phase that is validated and its `val` split. */
export interface ValidationSetup extends PhaseOptions {
  /** Undefined when the recipe has no `val` split. */
  readonly validation: InputDataset | undefined;
}

/** The result of a validation. */
export interface Validated {
  readonly evaluation: Evaluation;
  /** Whether its mIoU is above that of all validations before it. */
  readonly isBest: boolean;
}

/** Validates a run, in all its processes together. */
export class Validation {
  readonly #run: Run;
  readonly #setup: ValidationSetup;
  #best: Best | undefined;
  #validated: number;
  /** The source, opened when cycles are first counted. */
  #source: InputDataset | undefined;
  /** Whether the note was given that no pixel of the `val` split is labelled. */
  #noted = false;

  constructor(run: Run, setup: ValidationSetup) {
    this.#run = run;
    this.#setup = setup;
    const { validated = 0, best = null } = setup.from?.state ?? {};
    this.#validated = validated;
    this.#best = best ?? undefined;
  }

  /** The best validation so far; undefined when none had an mIoU. */
  get best(): Best | undefined {
    return this.#best;
  }

  /** The step of the last validation; 0 when there was none. */
  get validated(): number {
    return this.#validated;
  }

  /**
   * Validates the weights after `step` in one pass per image, and emits the event. All processes must call
   * it. Undefined when there is no `val` split or the signal fired. @throws DataError when an image cannot be
   * read
   */
  async validate(step: number): Promise<Validated | undefined> {
    const { emit, logger, phase: { name: phase }, team: { world } } = this.#setup;
    const { evaluation } = this.#setup.plan;
    const measures = this.#predictionMeasures();
    const result = await this.#evaluate(onePass(evaluation), {
      pictures: {
        count: fromFirst(world, logger?.pictures ?? 0),
        onPrediction: (image, index) => logger?.picture({ step, index, ...image }),
      },
      onProbabilities: measures && ((grid) => measures.add(grid)),
    });
    if (result === undefined) return undefined;
    const cycles = measures && await this.#consistentCycles(step);
    const labelFree = {
      ...measures?.measures(),
      ...(cycles === undefined ? {} : { consistentCycles: cycles }),
    };
    const { miou, subsets, labelSize, pixelAccuracy, iou } = result;
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
    const note = unlabelledNote(result);
    if (note !== undefined && !this.#noted) {
      this.#noted = true;
      emit({ type: "note", phase, message: note });
    }
    return { evaluation: result, isBest: best };
  }

  /**
   * Measures of predictions without labels; undefined when the recipe asks for none, or has no `val` split.
   */
  #predictionMeasures(): PredictionMeasures | undefined {
    const { validation, plan: { evaluation } } = this.#setup;
    if (validation === undefined || evaluation.labelFree === undefined) return undefined;
    return new PredictionMeasures(Math.max(1, Math.min(validation.length, evaluation.limit ?? Infinity)));
  }

  /**
   * The share of consistent cycles. Undefined where it could not be counted, which is noted, and where images
   * are predicted in windows, since the cycles need whole images, which may not fit into memory.
   */
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
      // A note only: measuring must not end a run.
      const message = `consistent cycles after step ${step} could not be counted: ${messageOf(error)}`;
      emit({ type: "note", phase, message });
      return undefined;
    }
  }

  /**
   * The evaluation after the last step, as the recipe's `evaluation` says.
   * @param plain the validation after the last step, which is the result where the recipe asks for no more
   * than one pass; undefined when there was none, and then the result is undefined
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

  /** Evaluates the network on the `val` split. Undefined when there is none or the signal fired. */
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
   * The network that `evaluation.network` names; undefined (the student) in a phase without that network.
   */
  #predicting(): string | undefined {
    const { network } = this.#setup.plan.evaluation;
    return network !== undefined && this.#run.networks.has(network) ? network : undefined;
  }
}
