/** Three recorded training steps each of AdaptSeg and CLAN, with plain updates and with the released optimiser's repeats. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { PlannedLoss } from "../../core/plan.ts";
import type { Run } from "../../train/assemble.ts";
import { trainStep } from "../../train/step.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import { backendTest } from "../goldens.ts";
import { publishedName } from "../losses/terms.ts";
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

const registry = builtins();

interface OpponentTrajectory extends Trajectory {
  readonly lr_d: number;
  readonly betas: readonly [number, number];
  readonly epsilon?: number;
  readonly lambda_local?: number;
}

/** What a method is, beside its numbers. */
interface Method {
  readonly heads: Readonly<Record<string, string>>;
  /** Of the recorded network's opponents, by the term that owns each. */
  readonly opponents: Readonly<Record<string, string>>;
  readonly schedule: (one: OpponentTrajectory) => object;
  readonly losses: (one: OpponentTrajectory) => readonly PlannedLoss[];
  /** The recorded columns of a step's values. */
  readonly columns: (
    values: Readonly<Record<string, number>>,
    at: { readonly one: OpponentTrajectory; readonly step: number },
  ) => Readonly<Record<string, number>>;
  /** Taps whose sums the record has after the last step, by its key. */
  readonly evaluated: Readonly<Record<string, readonly string[]>>;
}

const opponent = ({ lr_d, betas: [beta1, beta2] }: OpponentTrajectory) => ({
  lr: lr_d,
  beta1,
  beta2,
  source_label: 0,
});

const METHODS: Readonly<Record<string, Method>> = {
  AdaptSeg: {
    heads: { auxiliary: "layer3" },
    opponents: { adv1: "D1", adv2: "D2" },
    schedule: ({ power }) => ({ power }),
    losses: (one) => [
      term("ce2", "cross-entropy", 1, {}),
      term("ce1", "cross-entropy", 0.1, { tap: "auxiliary" }),
      term("adv1", "adversarial", 0.0002, { tap: "auxiliary", ...opponent(one) }),
      term("adv2", "adversarial", 0.001, opponent(one)),
    ],
    columns: (values) => ({
      ...values,
      d1: values["adv1/discriminator"]!,
      d2: values["adv2/discriminator"]!,
    }),
    evaluated: { eval_main_after: ["logits"], eval_aux_after: ["auxiliary"] },
  },
  CLAN: {
    heads: { auxiliary: "layer4" },
    opponents: { adversarial: "D" },
    // The warm-up is the first step.
    schedule: ({ power, horizon }) => ({ power, warmup: 1 / horizon }),
    losses(one) {
      const damped = (from: number) =>
        ({ from, to: 0, start: 0, steps: 1, shape: "linear", unit: "phase" }) as const;
      return [
        term("focal1", "focal-cross-entropy", 1, { tap: "auxiliary" }),
        term("focal2", "focal-cross-entropy", 1, {}),
        term("adversarial", "local-adversarial", damped(0.001), {
          epsilon: one.epsilon,
          lambda: one.lambda_local,
          warmup: 1 / one.horizon,
          ...opponent(one),
        }),
        term("weights", "weight-discrepancy", damped(0.02), {}),
      ];
    },
    columns: (values, { one: { horizon }, step }) => ({
      focal_sum: values["focal1"]! + values["focal2"]!,
      adversarial: values["adversarial"]! * 0.001 * (1 - step / horizon),
      weight_discrepancy: values["weights"]! * 0.02 * (1 - step / horizon),
      d_source: values["adversarial/discriminator/source"]!,
      d_target: values["adversarial/discriminator/target"]!,
    }),
    evaluated: { eval_sum_after: ["logits", "auxiliary"] },
  },
};

function runOf(
  one: OpponentTrajectory,
  { heads, schedule: scheduled, losses }: Method,
): { run: Run; rate: (step: number) => number } {
  const [, , height] = one.formula_images.source.shape;
  const recorded = recordedPlan(one, { heads });
  const plan = tinyPlan({
    ...recorded,
    losses: losses(one),
    input: { ...recorded.input, training: { crop: [height, height], flip: false } },
  });
  // Views of the source are made first.
  const [phase] = plan.phases;
  const schedule = registry.plan("schedule", { type: "poly", options: scheduled(one) });
  return {
    run: assembled({ ...plan, phases: [{ ...phase!, streams: phase!.streams.toReversed() }] }),
    rate: (step) => schedule.multiplier(step, one.horizon),
  };
}

const cases = methodCases<OpponentTrajectory>("trajectory/").filter(({ method }) => method in METHODS);

for (const one of cases) {
  backendTest("native", `${one.name} is followed, term by term`, async () => {
    const method = METHODS[one.method]!;
    const twin = twinOf(cases, one);
    const { run, rate } = runOf(one, method);
    try {
      const variables = run.state.filter(({ name }) => !/^(?:optimizer|player)\//.test(name))
        .map(({ name, variable }) => ({ name, value: variable }));
      fillWith(one.formula_weights["net"]!, variables);
      for (const { planned, owners: [owner] } of run.terms) {
        if (owner) {
          fillWith(one.formula_weights[method.opponents[planned.name]!]!, owner.params, publishedName);
        }
      }
      const named = new Map(variables.map(({ name, value }) => [name, value]));
      const before = valuesOf(named);
      const opponents = run.terms.flatMap(({ planned, owners }) =>
        owners.map(({ params }) => ({
          key: method.opponents[planned.name]!.toLowerCase(),
          params: new Map(params.map(({ name, value }) => [publishedName(name), value])),
        }))
      ).map((opponent) => ({ ...opponent, before: valuesOf(opponent.params) }));

      const recorded = toFloat32(stored(one, "losses"));
      const labels = toFloat32(stored(twin, "labels"));
      const steps = recorded.length / one.columns.length;
      for (let step = 0; step < steps; step++) {
        const source = formulaBatch(one.formula_images.source, step);
        const pixels = source.size[0] * source.size[1];
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
        equalsColumns(method.columns(terms, { one, step }), { columns: one.columns, recorded, step });
      }

      const loose = { tolerance: 1e-2 };
      const zero = tf.zeros([1]);
      const change = (variables: Variables, before: Values, name: string) => {
        const value = variables.get(name);
        // What the record's network has and never uses.
        return value ? tf.sub(value, before.get(name)!) : zero;
      };
      const changes = twin.trained!.map((name) => change(named, before, name));
      await equalsRecorded(one, "change_norms", { actual: norms(changes), ...loose });
      for (const key of Object.keys(one.tensors).filter((key) => key.startsWith("change/"))) {
        const moved = change(named, before, key.slice("change/".length));
        // [H, W, I, O] as the record is read: [O, H, W, I].
        await equalsRecorded(one, key, {
          actual: moved.rank === 4 ? tf.transpose(moved, [3, 0, 1, 2]) : moved,
          ...loose,
        });
      }
      await equalsRecorded(one, "buffer_norms_after", {
        actual: norms(twin.buffers!.map((name) => named.get(name)!)),
        tolerance: 2e-3,
      });
      if (one.tensors["bn1_running_mean_after"]) {
        await equalsRecorded(one, "bn1_running_mean_after", {
          actual: named.get("backbone.bn1.running_mean")!,
          tolerance: 2e-3,
        });
      }
      for (const { key, params, before } of opponents) {
        const moved = [...params.keys()].map((name) => change(params, before, name));
        await equalsRecorded(one, `${key}_change_norms`, { actual: norms(moved), ...loose });
        if (one.tensors[`${key}_conv1_bias_after`]) {
          await equalsRecorded(one, `${key}_conv1_bias_after`, {
            actual: params.get("conv1.bias")!,
            ...loose,
          });
        }
      }
      const view = firstView(run.segmenter, one);
      for (const [key, taps] of Object.entries(method.evaluated)) {
        const sum = taps.map((tap) => view.taps[tap]!).reduce((a, b) => tf.add(a, b));
        await equalsRecorded(one, key, { actual: sum, tolerance: 2e-3 });
      }
    } finally {
      run.dispose();
    }
  });
}

type Variables = ReadonlyMap<string, tf.Variable>;
type Values = ReadonlyMap<string, tf.Tensor>;

function valuesOf(variables: Variables): Values {
  return new Map([...variables].map(([name, value]) => [name, tf.clone(value)]));
}

Deno.test("there is a plain and a repeated case of each method", () => {
  assert.deepEqual(
    cases.map(({ name }) => name).sort(),
    Object.keys(METHODS).flatMap((method) => {
      const name = `trajectory/${method.toLowerCase()}`;
      return [name, `${name}_repeated`];
    }).sort(),
  );
});
