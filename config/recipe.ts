/**
 * The keys of a recipe and of its entries: names, losses, phases, groups of the optimiser, weights.
 *
 * Where an entry has a plugin, its options belong to the plugin; what stands beside them is here. The
 * sections without plugins stand in sections.ts.
 */
import { RAMP_SHAPES } from "../core/coefficient.ts";
import { z } from "../core/schema.ts";

/**
 * What may name a run, a phase, a term, a stream: it becomes part of paths and of `--set`. `words` is the
 * same for errors.
 */
export const NAME = {
  pattern: /^[A-Za-z0-9][\w.-]*$/,
  words: 'letters, digits, ".", "_" and "-", as in my_run',
};

/** A name as {@linkcode NAME} allows it. */
export const runName = z.string().regex(NAME.pattern);

/** The key of `model`, and of networks, that names a file to start from. */
export const WEIGHTS_KEY = "weights";

/** The value of `model.weights` that says: random numbers of the run's seed, and no file. */
export const WEIGHTS_OF_SEED = "seed";

/** `weights:` where it is more than a file's name. */
export const weightsMapping = z.strictObject({
  file: z.string().min(1).describe("a file that training starts from; relative to this file"),
  take: z.string().min(1).optional().describe(
    "of several networks in it, the one under this prefix or key, as in ema_model. or model_ema",
  ),
  without: z.array(z.string().min(1)).optional().describe(
    "parts of the model that begin anew, as in [classifier] for another number of classes",
  ),
});

/** The keys of an entry of `losses` beside those of every plugin. */
export const TERM_KEYS = ["name", "weight", "update"] as const;

/** The keys of `data`; all but `root` are datasets. */
export const DATASETS = ["source", "target", "val", "test"] as const;

/** The keys of `baseline`. */
export const BASELINE_KEYS = ["name", "losses"] as const;

/** The sections that a phase may have as its own; what it does not say, it has from the recipe. */
export const PHASE_SECTIONS = ["streams", "networks", "losses", "optimizer", "schedule", "training"] as const;

/** The keys of an entry of `phases`. */
export const PHASE_KEYS = ["name", "from", "before", "length", "rate", ...PHASE_SECTIONS] as const;

/** `length:` of a phase. */
export const phaseLength = z.number().positive().max(100).describe(
  "steps, as a share of the recipe's training.steps; where the phase has training.steps of its own, those count",
);

/** `rate:` of a phase. */
export const phaseRate = z.number().positive().max(100).describe(
  "factor on the learning rates of the phase; absent: 1",
);

/** Every top-level key, in the order in which the resolved recipe is written. */
export const RECIPE_KEYS = [
  "name",
  "extends",
  "seed",
  "backend",
  "data",
  "input",
  "model",
  ...PHASE_SECTIONS,
  "phases",
  "evaluation",
  "method",
  "logs",
  "baseline",
] as const;

/** `name:` of a loss, a baseline, a phase, a job; the key of a stream or network. */
export const termName = runName;

/** What both spellings of a ramp have (core/coefficient.ts computes it). */
const rampEnds = {
  from: z.number().min(0).default(0).describe("until `start`"),
  to: z.number().min(0).default(1).describe("from `start` + `steps` on"),
  shape: z.enum(RAMP_SHAPES).default("linear")
    .describe("linear; sigmoid: 2 / (1 + exp(-10 p)) - 1; exponential: exp(-5 (1 - p)^2)"),
};

/** `weight:` of a loss: a number, a ramp over steps, or a ramp over shares of the phase. */
export const termWeight = z.union([
  z.number().min(0),
  z.strictObject({
    ...rampEnds,
    start: z.int().min(0).default(0).describe("step, counted from 0"),
    steps: z.int().min(0).describe("how many the way takes; 0 switches at `start`"),
  }),
  z.strictObject({
    ...rampEnds,
    unit: z.literal("phase").describe("`start` and `steps` are lengths of the phase, as in 0.5"),
    start: z.number().min(0).default(0).describe("share of the phase"),
    steps: z.number().min(0).describe("how long the way takes; 0 switches at `start`"),
  }),
], "as in {from: 1, to: 0, steps: 1000}").default(1).describe(
  "factor of the term, constant or over the steps",
);

/** `update:` of a loss. */
export const termUpdate = z.int().min(1).max(8).describe(
  "which of several updates of a step the term goes into, counted from 1; absent: the first",
);

/** `optimizer.groups`: factors by group. */
export const optimizerGroups = z.record(
  z.string().min(1),
  z.strictObject({
    rate: z.number().min(0).default(1).describe("factor on the learning rate"),
    decay: z.number().min(0).default(1).describe("factor on the weight decay"),
    repeats: z.int().min(1).max(16).optional()
      .describe("updates a step with one gradient, of which the decay adds up; sgd only; absent: 1"),
  }),
).describe("factors by parameter group or a part of its name, as in {head: {rate: 10}, norm: {decay: 0}}");
