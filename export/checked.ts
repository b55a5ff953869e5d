/**
 * A file that agrees with its network, or none: the one way to an ONNX file, for `plca export` as for
 * programs. The network is opened, written as ONNX, and both label the same images; a difference beyond
 * rounding is an error.
 */
import { UserError } from "../core/errors.ts";
import type { EvaluationPlan, RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import project from "../deno.json" with { type: "json" };
import { openEnsemble } from "../train/trained.ts";
import { exportModel } from "./export_model.ts";
import type { LoweredModel } from "./lower.ts";
import { exportMetadata } from "./metadata.ts";
import { type Pictures, picturesOf } from "./pictures.ts";
import { openModel } from "./run_model.ts";
import { trialsOf } from "./trials.ts";
import { compareOutputs, type Comparison, refusal } from "./verify.ts";

/** Which network is written, and what the file takes and makes. */
export interface OnnxOptions {
  /** Its weights: the path of a checkpoint. */
  readonly checkpoint: string;
  /** Reads weights and images, as `diskFiles` does. */
  readonly files: FileReader;
  /**
   * `normalised`: float32 [batch, 3, height, width], as the recipe's `input.normalization` says; `uint8`: RGB
   * bytes [batch, height, width, 3], which the file normalises itself. Default `normalised`.
   */
  readonly inputs?: "normalised" | "uint8";
  /**
   * `logits`: float32 [batch, classes, h, w] at the network's resolution; `probabilities`: the same at the
   * images' size; `labels`: int32 [batch, height, width], train ids. Default `logits`.
   */
  readonly outputs?: "logits" | "probabilities" | "labels";
  /** Whether the file computes in 16 bits; it takes and makes 32 all the same. Default false. */
  readonly half?: boolean;
  /** The only [height, width] that the file takes; absent: any. */
  readonly size?: readonly [number, number] | undefined;
  /**
   * What the file does beside a forward pass. Default: that of `evaluation` but for the aggregation, which
   * needs a `size` and probabilities or labels.
   */
  readonly inference?: Pick<EvaluationPlan, "aggregation" | "flip" | "heads" | "average">;
  /** On how many images of the recipe's data both are compared, 1 or more. Default 4. */
  readonly images?: number;
  /** What the file calls its input. Default `images`. */
  readonly inputName?: string | undefined;
  /** The recipe's path, for the metadata. Default: no run is named. */
  readonly recipe?: string;
  /** What errors call the checkpoint. Default: its path. */
  readonly called?: string;
}

/** A file that agrees with its network, not yet written, and the pictures on which it does. */
export interface OnnxFile extends Pictures {
  /** `lowered.model` has the bytes. */
  readonly lowered: LoweredModel;
  /** How far both agree, and how fast they are. */
  readonly found: Comparison;
}

/**
 * Makes the ONNX file of a checkpoint (opset 17; batch, height and width free) and compares it with the
 * network, in the ONNX Runtime that plca has. Select a backend first.
 * @throws UserError where the weights do not fit, an operator cannot be exported, or the file differs from
 * the network by more than 1e-3 in a number (16 bits: by more than 5 % of the largest)
 */
export async function exportOnnx(plan: RunPlan, options: OnnxOptions): Promise<OnnxFile> {
  const { checkpoint, files, inputs = "normalised", outputs = "logits", half = false, size } = options;
  const { aggregation: _, ...others } = plan.evaluation;
  const { inference = others, images = 4, inputName, recipe, called = checkpoint } = options;
  const { normalization } = plan.input;
  const { ensemble, phase, dispose } = await openEnsemble(plan, { checkpoint, files });
  try {
    if (outputs === "logits" && ensemble.networks.length > 1) {
      throw new UserError(
        "--outputs logits: evaluation.ensemble averages probabilities; choose those, or labels",
      );
    }
    const shared = { wanted: outputs, inference, half, size };
    const bytes = inputs === "uint8";
    const lowered = exportModel(ensemble, {
      ...shared,
      inputName,
      bytes: bytes ? normalization : undefined,
      producerVersion: project.version,
      metadata: await exportMetadata(plan, { checkpoint, recipe, phase, inputs }),
    });
    const { pictures, from } = await picturesOf(plan, { size, count: images, files });
    const trials = trialsOf(pictures, { normalization, bytes, free: size === undefined });
    const [input, output] = [lowered.input.name, lowered.output.name];
    const file = openModel({ model: lowered.model, input, output });
    try {
      const found = compareOutputs(file, ensemble, { ...shared, trials });
      const fault = refusal(found, shared);
      if (fault !== undefined) throw new UserError(`${called}: ${fault}; nothing was written`);
      return { lowered, found, pictures, from };
    } finally {
      file.close();
    }
  } finally {
    dispose();
  }
}
