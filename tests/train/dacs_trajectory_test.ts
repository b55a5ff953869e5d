/** Three recorded training steps of DACS, with plain updates and with the released optimiser's repeats. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { PlannedNetwork } from "../../core/plan.ts";
import { mixImages } from "../../streams/mixing.ts";
import type { Run } from "../../train/assemble.ts";
import { trainStep } from "../../train/step.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import { backendTest } from "../goldens.ts";
import { equalsRecorded, fillWith, methodCases, norms, stored } from "../methods.ts";
import { assembled, tinyPlan } from "./fakes.ts";
import { madeStream } from "./parts.ts";
import {
  equalsColumns,
  firstView,
  formulaBatch,
  recordedPlan,
  term,
  type Trajectory,
  twinOf,
} from "./trajectories.ts";

const registry = builtins();

interface DacsTrajectory extends Trajectory {
  readonly alpha: number;
  readonly threshold: number;
}

/** What a step is told and tells beside the trainer's own values. */
interface Observed {
  /** float32 [N, H, W] of the step that comes. */
  mask: tf.Tensor3D;
  sure: number;
  pseudo: readonly number[];
}

function runOf(one: DacsTrajectory, observed: Observed): Run {
  const { alpha, threshold } = one;
  const [, , side] = one.formula_images.source.shape;
  const recorded = recordedPlan(one);
  const teacher: PlannedNetwork = {
    name: "teacher",
    at: ["networks", "teacher"],
    origin: "recorded",
    plan: registry.plan("network", { type: "ema", options: { decay: alpha, buffers: "own" } }),
    model: recorded.model.plan,
  };
  const needs = {
    views: [{ stream: "target", by: "teacher", labelResolution: true }],
    streams: ["source", "target"],
  };
  const mixed = madeStream("mixed", needs, (ctx) => {
    const { pixels, labels } = ctx.images("source");
    const logits = ctx.view("target", "teacher").upsampled!;
    const trust = { threshold, ignoreTop: 0, ignoreBottom: 0 };
    const { mask } = observed;
    const images = mixImages(
      { source: { pixels, labels: labels! }, target: ctx.images("target"), logits, mask },
      trust,
    );
    observed.sure = images.values["sure"]!.dataSync()[0]!;
    observed.pseudo = [...tf.argMax(logits, -1).dataSync()];
    return images;
  });
  const plan = tinyPlan({
    ...recorded,
    losses: [
      term("ce_source", "cross-entropy", 1),
      term("ce_mixed", "cross-entropy", 1, { stream: "mixed", denominator: "all" }),
    ],
    streams: [mixed],
    networks: [teacher],
    input: { ...recorded.input, training: { crop: [side, side], flip: false } },
  });
  return assembled(plan);
}

const cases = methodCases<DacsTrajectory>("trajectory/dacs");

for (const one of cases) {
  backendTest("native", `${one.name} is followed, term by term`, async () => {
    const twin = twinOf(cases, one);
    const observed: Observed = { mask: tf.zeros([1, 1, 1]), sure: NaN, pseudo: [] };
    const run = runOf(one, observed);
    const teacher = run.networks.get("teacher")!.segmenter;
    const networks = [run.segmenter, teacher].map(({ params, buffers }) =>
      new Map([
        ...params.map(({ name, value }) => [name, value] as const),
        ...Object.entries(buffers),
      ])
    );
    const [student, follower] = networks as [Map<string, tf.Variable>, Map<string, tf.Variable>];
    try {
      for (const variables of networks) {
        fillWith(one.formula_weights["net"]!, [...variables].map(([name, value]) => ({ name, value })));
      }
      const before = new Map([...student].map(([name, value]) => [name, tf.clone(value)]));
      const [labels, masks, pseudo] = ["labels", "masks", "pseudo_labels"].map((key) =>
        toFloat32(stored(twin, key))
      );
      const recorded = toFloat32(stored(one, "losses"));
      for (let step = 0; step < recorded.length / one.columns.length; step++) {
        const source = formulaBatch(one.formula_images.source, step);
        const [n, height, width] = [source.ids.length, ...source.size];
        const ofStep = (values: Float32Array | undefined) =>
          values!.slice(step * n * height * width, (step + 1) * n * height * width);
        observed.mask = tf.tensor3d(ofStep(masks), [n, height, width]);
        const { terms } = await trainStep(run, {
          step,
          steps: one.horizon,
          multiplier: (1 - step / one.horizon) ** one.power,
          passes: [{
            source: { ...source, labels: Uint8Array.from(ofStep(labels)) },
            target: formulaBatch(one.formula_images.target, step),
          }],
        });
        const values = { ...terms, fraction: observed.sure };
        equalsColumns(values, { columns: one.columns, recorded, step });
        if (!one.tensors["pseudo_labels"]) continue;
        // Pixels may tie to the last bits.
        const other = ofStep(pseudo).filter((id, k) => id !== observed.pseudo[k]).length;
        assert.ok(other <= 2, `step ${step}: ${other} pseudo-labels differ`);
      }

      const zero = tf.zeros([1]);
      // Two of the four branches are never used, and stay.
      const change = (variables: Map<string, tf.Variable>, name: string) =>
        variables.has(name) ? tf.sub(variables.get(name)!, before.get(name)!) : zero;
      const loose = { tolerance: 1e-2 }, close = { tolerance: 2e-3 };
      for (
        const [prefix, variables] of [["", student], ["teacher_", follower]] as const
      ) {
        const changes = twin.trained!.map((name) => change(variables, name));
        await equalsRecorded(one, `${prefix}change_norms`, { actual: norms(changes), ...loose });
        const buffers = twin.buffers!.map((name) => variables.get(name)!);
        await equalsRecorded(one, `${prefix}buffer_norms_after`, { actual: norms(buffers), ...close });
      }
      for (const key of Object.keys(one.tensors).filter((key) => key.startsWith("change/"))) {
        const moved = change(student, key.slice("change/".length));
        // [H, W, I, O] as the record is read: [O, H, W, I].
        const actual = moved.rank === 4 ? tf.transpose(moved, [3, 0, 1, 2]) : moved;
        await equalsRecorded(one, key, { actual, ...loose });
      }
      await equalsRecorded(one, "bn1_running_mean_after", {
        actual: student.get("backbone.bn1.running_mean")!,
        ...close,
      });
      for (const [key, network] of [["student", run.segmenter], ["teacher", teacher]] as const) {
        const actual = firstView(network, one).logits;
        await equalsRecorded(one, `eval_${key}_after`, { actual, ...close });
      }
    } finally {
      run.dispose();
    }
  });
}
