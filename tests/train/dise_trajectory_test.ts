/** Three recorded training steps of DISE, with plain updates and with the released optimiser's repeats. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { PlannedLoss, PlannedNetwork, PlannedStream } from "../../core/plan.ts";
import type { Run } from "../../train/assemble.ts";
import { trainStep } from "../../train/step.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import { backendTest } from "../goldens.ts";
import { equalsRecorded, fillWith, methodCases, norms, stored } from "../methods.ts";
import { assembled, tinyPlan } from "./fakes.ts";
import {
  equalsColumns,
  firstView,
  formulaBatch,
  recordedPlan,
  term,
  type Trajectory,
  twinOf,
} from "./trajectories.ts";

interface DiseTrajectory extends Trajectory {
  readonly module_width: number;
  readonly every: number;
}

const registry = builtins();
const cases = methodCases<DiseTrajectory>("trajectory/dise");

function stream(name: string, type: string, options: object): PlannedStream {
  return { name, at: ["streams"], origin: type, plan: registry.plan("stream", { type, options }) };
}

/** The network of the perceptual terms. */
function perceptualNetwork({ formula_weights }: Trajectory): PlannedNetwork {
  const { shapes } = formula_weights["vgg"]!;
  const channels = [0, 2, 4, 8, 12].map((k) => shapes[`${k}.weight`]![0]!);
  return {
    name: "perceptual",
    at: ["networks"],
    origin: "vgg19",
    plan: registry.plan("network", "frozen"),
    model: registry.plan("model", { type: "vgg19", options: { channels } }),
  };
}

/** METHODS, 2.4; the record's rates are a tenth of the released ones. */
function losses({ module_width: width, every }: DiseTrajectory): readonly PlannedLoss[] {
  const all = { denominator: "all" }, aside = { tap: "auxiliary" };
  const domain = { width, lr: 1e-5 };
  const image = { width, lr: 1e-5, every };
  const weights = [1, 1, 1, 1 / 4, 1];
  return [
    term("ce", "cross-entropy", 1, all),
    term("ce_aside", "cross-entropy", 0.1, { ...all, ...aside }),
    term("ce_translated", "cross-entropy", 1, { ...all, stream: "learned" }),
    term("ce_translated_aside", "cross-entropy", 0.1, { ...all, ...aside, stream: "learned" }),
    term("t1", "domain-classifier", 0.0002, { ...domain, ...aside }),
    term("t2", "domain-classifier", 0.001, domain),
    term("again_s", "perceptual", 0.5, { made: "source_again", structure: "source" }),
    term("again_t", "perceptual", 0.5, { made: "target_again", structure: "target" }),
    term("s2t", "realism", 0.01, { made: "translated", real: "target", ...image }),
    term("t2s", "realism", 0.01, { made: "target_as_source", real: "source", ...image }),
    term("look_s2t", "perceptual", 0.05, {
      made: "translated",
      structure: "source",
      texture: "target",
      weights,
    }),
    term("look_t2s", "perceptual", 0.05, {
      made: "target_as_source",
      structure: "target",
      texture: "source",
      weights,
    }),
  ];
}

/** The recorded columns of a step's values. */
function columnsOf(values: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const of = (name: string) => values[name] ?? 0;
  return {
    t1: of("t1/discriminator"),
    t2: of("t2/discriminator"),
    d_s2t: of("s2t/discriminator"),
    d_t2s: of("t2s/discriminator"),
    segmentation: of("ce") + 0.1 * of("ce_aside") + of("ce_translated") + 0.1 * of("ce_translated_aside"),
    similarity: 0.0002 * of("t1") + 0.001 * of("t2"),
    reconstruction: of("again_s") + of("again_t"),
    generator: of("s2t") + of("t2s"),
    translation: of("look_s2t") + of("look_t2s"),
  };
}

function runOf(one: DiseTrajectory): { readonly run: Run; readonly rate: (step: number) => number } {
  const plan = tinyPlan({
    ...recordedPlan(one, { heads: { auxiliary: "layer3" }, stem: true }),
    losses: losses(one),
    networks: [perceptualNetwork(one)],
  });
  const [phase] = plan.phases;
  const offered = (value: string) => stream(value, "offered", { stream: "translated", value });
  // Views of the source are made first.
  const streams = [
    ...phase!.streams.toReversed(),
    stream("translated", "translation", { width: one.module_width, lr: 1e-4 }),
    offered("source_again"),
    offered("target_again"),
    offered("target_as_source"),
    stream("learned", "offered", { stream: "translated", constant: true }),
  ];
  const schedule = registry.plan("schedule", { type: "poly", options: { power: one.power } });
  return {
    run: assembled({ ...plan, phases: [{ ...phase!, streams }] }),
    rate: (step) => schedule.multiplier(step, one.horizon),
  };
}

interface Named {
  readonly name: string;
  readonly value: tf.Variable;
}

/** Everything with recorded weights, by their key. */
function parts(run: Run, one: Trajectory): Readonly<Record<string, readonly Named[]>> {
  const opponent = (name: string) =>
    run.terms.find(({ planned }) => planned.name === name)!.owners[0]!.params;
  const translator = run.streams.get("translated")!.owners[0]!.params;
  const begins = (prefix: string) =>
    translator.filter(({ name }) => name.startsWith(prefix))
      .map(({ name, value }) => ({ name: name.slice(prefix.length), value }));
  const places = Object.keys(one.formula_weights["vgg"]!.shapes);
  return {
    net: run.state.filter(({ name }) => /^(?:backbone|classifier)\./.test(name))
      .map(({ name, variable }) => ({ name, value: variable })),
    enc_s: begins("source_encoder."),
    enc_t: begins("target_encoder."),
    dec: begins("decoder."),
    dis_s2t: opponent("s2t"),
    dis_t2s: opponent("t2s"),
    dclf1: opponent("t1"),
    dclf2: opponent("t2"),
    vgg: run.networks.get("perceptual")!.segmenter.params.map(({ value }, k) => ({
      name: places[k]!,
      value,
    })),
  };
}

for (const one of cases) {
  backendTest("native", `${one.name} is followed, term by term`, async () => {
    const twin = twinOf(cases, one);
    const { run, rate } = runOf(one);
    try {
      const all = parts(run, one);
      assert.deepEqual(Object.keys(all).sort(), Object.keys(one.formula_weights).sort());
      for (const [key, variables] of Object.entries(all)) fillWith(one.formula_weights[key]!, variables);
      const before = new Map(Object.values(all).flat().map(({ value }) => [value, tf.clone(value)]));
      const change = ({ value }: Named) => tf.sub(value, before.get(value)!);

      const recorded = toFloat32(stored(one, "losses"));
      const labels = toFloat32(stored(twin, "labels"));
      for (let step = 0; step < recorded.length / one.columns.length; step++) {
        const source = formulaBatch(one.formula_images.source, step);
        const pixels = source.ids.length * source.size[0] * source.size[1];
        const truth = Uint8Array.from(labels.slice(step * pixels, (step + 1) * pixels));
        const { terms } = await trainStep(run, {
          step,
          steps: one.horizon,
          multiplier: rate(step),
          passes: [{
            source: { ...source, labels: truth },
            target: formulaBatch(one.formula_images.target, step),
          }],
        });
        equalsColumns(columnsOf(terms), { columns: one.columns, recorded, step });
      }

      const net = new Map(all["net"]!.map((named) => [named.name, named]));
      const zero = tf.zeros([1]);
      // What the record's network has and never uses does not change.
      const changed = (name: string) => net.has(name) ? change(net.get(name)!) : zero;
      const loose = { tolerance: 2e-2 };
      await equalsRecorded(one, "change_norms", { actual: norms(twin.trained!.map(changed)), ...loose });
      for (const key of Object.keys(one.tensors).filter((key) => key.startsWith("change/"))) {
        await equalsRecorded(one, key, { actual: changed(key.slice("change/".length)), ...loose });
      }
      for (const [key, variables] of Object.entries(all)) {
        const recordedNorms = `${key}_change_norms`;
        if (!(recordedNorms in one.tensors)) continue;
        const encoder = key.startsWith("enc_");
        // Before batch-norm a bias has no gradient but rounding, which Adam turns into whole steps.
        const compared = variables.filter(({ name }) => !encoder || !name.endsWith("conv.bias"));
        await equalsRecorded(one, recordedNorms, { actual: norms(compared.map(change)), ...loose });
      }
      await equalsRecorded(one, "rgb_bias_after", {
        actual: all["dec"]!.find(({ name }) => name === "rgb.bias")!.value,
        ...loose,
      });
      await equalsRecorded(one, "buffer_norms_after", {
        actual: norms(twin.buffers!.map((name) => net.get(name)!.value)),
        tolerance: 2e-3,
      });
      await equalsRecorded(one, "eval_main_after", {
        actual: firstView(run.segmenter, one).logits,
        tolerance: 1e-2,
      });
    } finally {
      run.dispose();
    }
  });
}
