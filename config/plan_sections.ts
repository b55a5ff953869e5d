/**
 * The sections of a recipe that name no plugin, from how they are written to what a run needs: `input`,
 * `training`, `backend`, `logs`, parts of `evaluation`.
 *
 * The schemas (sections.ts) check each value for itself; the `check...` functions here compare values with
 * each other, which schemas cannot. The `...Plan` functions rename `snake_case` to `camelCase` and bring
 * short spellings (`crop: 512`) to one form, so that nothing behind a plan knows how it was written.
 */
import { resolve } from "node:path";
import type { ConfigPath } from "../core/errors.ts";
import type {
  BackendName,
  DataPlan,
  DiagnosticsPlan,
  InputPlan,
  Precision,
  TrainingPlan,
  TrainingTransforms,
} from "../core/plan.ts";
import type { z } from "../core/schema.ts";
import { suggestion } from "../core/suggest.ts";
import type { Findings } from "./findings.ts";
import { locate } from "./locate.ts";
import { difference } from "./plan_data.ts";
import { NORMALIZATIONS, sections } from "./sections.ts";

/** As it is written. */
export type InputSection = z.infer<typeof sections.input>;
/** As it is written. */
export type TrainingSection = z.infer<typeof sections.training>;
/** As it is written. */
export type EvaluationSection = z.infer<typeof sections.evaluation>;

/** The section with its path made absolute: the resolved recipe is written to another folder. */
export function locatedInput(findings: Findings, input: InputSection | undefined): InputSection | undefined {
  const rare = input?.rare_class_sampling;
  if (input === undefined || rare?.stats === undefined) return input;
  const { folder } = locate(findings.root, ["input", "rare_class_sampling", "stats"]);
  return { ...input, rare_class_sampling: { ...rare, stats: resolve(folder, rare.stats) } };
}

/**
 * Records sizes that do not go together, a range that is turned round, and sizes of streams that are none.
 */
export function checkImageSizes(
  findings: Findings,
  { streams = {}, ...shared }: Pick<InputSection, "short_side" | "size" | "streams">,
  known: readonly string[] | undefined,
): void {
  checkImageSize(findings, shared, ["input"]);
  for (const [name, own] of Object.entries(streams)) {
    checkImageSize(findings, own, ["input", "streams", name]);
    if (known === undefined || known.includes(name)) continue;
    findings.addKey(["input", "streams", name], `no stream "${name}" is read${suggestion(name, known)}`);
  }
}

function checkImageSize(
  findings: Findings,
  { short_side: side, size }: Pick<InputSection, "short_side" | "size">,
  at: ConfigPath,
): void {
  if (side !== undefined && size !== undefined) {
    findings.add([...at, "size"], "excludes short_side; expected one of them");
  }
  if (typeof side !== "object" || side[0] <= side[1]) return;
  findings.add(
    [...at, "short_side"],
    `expected [low, high] with low at most high: it is [${side.join(", ")}]`,
  );
}

/**
 * `input:` as a plan. A stream with sizes of its own takes all of them from its entry and nothing from the
 * shared ones, except `flip`; `crop_criteria` are the same for all.
 */
export function inputPlan(section: InputSection): InputPlan {
  const { flip, streams, normalization, workers } = section;
  const { rare_class_sampling: rare, crop_criteria: criteria } = section;
  const wanted = criteria && {
    criteria: {
      tries: criteria.tries,
      mostShare: criteria.most_share,
      leastClasses: criteria.least_classes,
      leastShare: criteria.least_share,
    },
  };
  const own = Object.entries(streams ?? {}).map(([name, one]) =>
    [name, {
      ...transformsOf({ ...one, flip: one.flip ?? flip }),
      ...wanted,
      ...(one.margins ? { margins: one.margins } : {}),
    }] as const
  );
  return {
    training: { ...transformsOf(section), ...wanted },
    ...(own.length === 0 ? {} : { streams: Object.fromEntries(own) }),
    normalization: typeof normalization === "string" ? NORMALIZATIONS[normalization] : normalization,
    ...(section.align_corners ? { alignCorners: true } : {}),
    workers,
    ...(rare && {
      rareClassSampling: {
        ...(rare.stats === undefined ? {} : { stats: rare.stats }),
        temperature: rare.temperature,
        minPixels: rare.min_pixels,
        cropPixels: rare.crop_ratio * rare.min_pixels,
        tries: rare.tries,
      },
    }),
  };
}

/** Sizes of one stream: `short_side: 512` becomes [512, 512], `crop: 512` a square. */
function transformsOf(
  { short_side: side, size, crop, flip }: Pick<InputSection, "short_side" | "size" | "crop" | "flip">,
): TrainingTransforms {
  return {
    ...(side === undefined ? {} : { shortSide: typeof side === "number" ? [side, side] as const : side }),
    ...(size === undefined ? {} : { size }),
    crop: sides(crop),
    flip,
  };
}

/** `training:` as a plan. `order` is not in it: it has become the order of the phase's streams. */
export function trainingPlan(section: TrainingSection): TrainingPlan {
  const { steps, batch, accumulation, clip_norm, validate_every, checkpoint_every } = section;
  return {
    steps,
    batch,
    accumulation,
    ...(clip_norm === undefined ? {} : { clipNorm: clip_norm }),
    validateEvery: validate_every,
    checkpointEvery: checkpoint_every,
    keepCheckpoints: section.keep_checkpoints,
    logEvery: section.log_every,
    ...(section.diagnostics ? { diagnostics: diagnosticsPlan(section.diagnostics) } : {}),
  };
}

function diagnosticsPlan(
  { every, measure, target_labels: targetLabels }: Exclude<TrainingSection["diagnostics"], false | undefined>,
): DiagnosticsPlan {
  return {
    every,
    // What terms measure was the associations alone once, and is called so in older recipes.
    measure: measure.map((one) => one === "associations" ? "terms" : one),
    targetLabels,
  };
}

/**
 * Records `target_labels` when the target's classes are not the source's: the share of right associations
 * would compare ids that mean different things.
 */
export function checkTargetLabels(
  findings: Findings,
  { diagnostics }: TrainingSection,
  { source, target }: DataPlan,
): void {
  if (!diagnostics || !diagnostics.target_labels) return;
  const why = difference(source.labelSpace, target.labelSpace);
  if (why === undefined) return;
  findings.add(
    ["training", "diagnostics", "target_labels"],
    `the target's labels cannot be compared: ${why}`,
  );
}

/** Backends whose engine takes what it needs. */
const UNBOUNDED = ["tensorflow", "webgpu", "cpu"];

/** The section `backend`. */
export interface BackendPlan {
  readonly name: BackendName | "auto";
  /** In GiB. */
  readonly memory?: number;
  readonly precision?: Precision;
}

/**
 * The backend's name, its limit of memory and its precision; undefined after recording a mistake. What the
 * backend would not keep to is a mistake.
 */
export function planBackend(findings: Findings): BackendPlan | undefined {
  const section = findings.value(["backend"], sections.backend);
  const { name, memory, precision } = typeof section === "object" ? section : { name: section };
  if (name === undefined) return undefined;
  if (memory !== undefined && UNBOUNDED.includes(name)) {
    findings.add(
      ["backend", "memory"],
      `${name} takes what it needs: only native and wasm keep to a limit, as in {name: native, memory: 16}`,
    );
  }
  if (precision === "half" && name !== "webgpu") {
    findings.add(
      ["backend", "precision"],
      `${name} keeps maps in 32 bits: only webgpu has half, as in {name: webgpu, precision: half}`,
    );
  }
  return {
    name,
    ...(memory === undefined ? {} : { memory }),
    ...(precision === undefined ? {} : { precision }),
  };
}

type LogsSection = z.infer<typeof sections.logs>;

/** The name alone says the same as the mapping with its defaults; the resolved recipe has one form. */
export function wholeLogs(section: LogsSection | undefined): Exclude<LogsSection, string> | undefined {
  return section === "tensorboard" ? { type: section, images: 4, histograms: 0 } : section;
}

/** Records scales that come twice, and windows whose stride leaves pixels between them. */
export function checkPasses(findings: Findings, { scales, window }: EvaluationSection): void {
  if (new Set(scales).size < scales.length) {
    findings.add(["evaluation", "scales"], `expected different factors: it is [${scales.join(", ")}]`);
  }
  if (window === false) return;
  const [size, stride] = [sides(window.size), sides(window.stride)];
  if (stride[0] > size[0] || stride[1] > size[1]) {
    findings.add(
      ["evaluation", "window", "stride"],
      `expected at most the window's size [${size.join(", ")}], or pixels between windows would have no ` +
        `prediction: it is [${stride.join(", ")}]`,
    );
  }
}

/** [height, width]; a single number is a square. */
export function sides(given: number | readonly [number, number]): readonly [number, number] {
  return typeof given === "number" ? [given, given] : given;
}
