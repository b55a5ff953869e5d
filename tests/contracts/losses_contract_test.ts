/** What every built-in loss keeps to; a new one is covered by being listed. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { builtins } from "../../builtins.ts";
import { hasLogits } from "../../config/check_step.ts";
import { check } from "../../config/explain.ts";
import { optionsSchema } from "../../config/entry_schema.ts";
import { ConfigError } from "../../core/errors.ts";
import { IGNORE_LABEL } from "../../core/label_space.ts";
import { neededStreams, neededViews } from "../../core/needs.ts";
import { STUDENT } from "../../core/term.ts";
import type { LossPlan, Plugin } from "../../core/plugin.ts";
import type { Run } from "../../train/assemble.ts";
import { relative } from "../goldens.ts";
import { alsoOnTensorflow } from "../tensorflow.ts";
import { checkGradient, normals } from "./differences.ts";
import {
  BENT,
  DIFFERENTIATED,
  IGNORED_COUNT,
  LEARN_NOTHING,
  OF_PIXELS,
  type Options,
  REQUIRED,
} from "./loss_cases.ts";
import { firstOfEach, variants, withUnknownKey } from "./options.ts";
import {
  assembleLoss,
  begin,
  CLASSES,
  evaluate,
  type Evaluation,
  frozenTensors,
  LABEL_SIZE,
  overwrite,
  randomLabels,
  readParams,
  STREAMS,
  TAPS,
  train,
  valueOf,
} from "./taps.ts";

const registry = builtins();
const names = [...Object.keys(TAPS), ...STREAMS, ...registry.all("similarity").map(({ name }) => name)];

function test(name: string, run: () => void | Promise<void>): void {
  alsoOnTensorflow("native", name, async () => await run());
}

/** Does something with a run of one loss, and frees it. */
async function withRun<T>(
  plan: LossPlan,
  seed: number,
  use: (run: Run) => T | Promise<T>,
  how: Parameters<typeof assembleLoss>[2] = {},
): Promise<T> {
  const run = assembleLoss(plan, seed, how);
  try {
    await begin(run);
    return await use(run);
  } finally {
    run.dispose();
  }
}

/** What agreed with finite differences, by loss and option: another backend whose gradients are these needs none. */
const differentiated = new Map<string, Evaluation>();

function isAlike(one: Evaluation, other: Evaluation): boolean {
  const alike = (a: ArrayLike<number> | null, b: ArrayLike<number> | null) =>
    a === b || (a !== null && b !== null && relative(a, b) <= 1e-4);
  return alike([one.value], [other.value]) &&
    Object.entries(one.gradients).every(([tap, gradient]) => alike(gradient, other.gradients[tap]!));
}

for (const plugin of registry.all("loss")) {
  const { name } = plugin;
  const base = defaults(plugin, REQUIRED[name] ?? {});
  const planOf = (options: Options) => registry.plan("loss", { type: name, options }, ["losses", 0]);
  const once = (labels = randomLabels(1)) => withRun(planOf(base), 1, (run) => evaluate(run, labels));
  const changed = (options: Options) =>
    variants(optionsSchema(plugin.options), options, names)
      .filter((variant) => isValid(plugin, variant.options))
      .map(({ path, options }) => ({ path, options: options as Options }));

  test(`${name}: the value is a finite float32 scalar, and something has a gradient`, async () => {
    const { value, shape, dtype, gradients } = await once();
    assert.deepEqual({ shape, dtype }, { shape: [], dtype: "float32" });
    assert.ok(Number.isFinite(value), `${value}`);
    const moves = Object.values(gradients).some((gradient) => gradient?.some((one) => one !== 0));
    assert.equal(moves, !LEARN_NOTHING.has(name) && !OF_PIXELS.has(name));
  });

  const agree = async () => {
    const how = { straight: BENT.has(name) };
    const seen: Evaluation[] = [];
    for (const { path, options } of [{ path: "defaults", options: base }, ...firstOfEach(changed(base))]) {
      const { gradient, value } = DIFFERENTIATED[name]?.(options) ?? { gradient: options, value: options };
      const start = await withRun(planOf(gradient), 1, (run) => evaluate(run, randomLabels(1)), how);
      // Some options are the opponents' alone.
      if (seen.some((other) => isDeepStrictEqual(other, start))) continue;
      seen.push(start);
      const known = differentiated.get(`${name} ${path}`);
      if (known && isAlike(start, known)) continue;
      await withRun(planOf(value), 1, (run) => {
        for (const { name, value } of readParams(run)) {
          const f = (values: Float32Array) => {
            overwrite(value, values);
            return valueOf(run, randomLabels(1));
          };
          const at = value.dataSync().slice() as Float32Array;
          checkGradient(`${path}, by ${name}`, { at, gradient: start.gradients[name]!, f });
          overwrite(value, at);
        }
      }, how);
      differentiated.set(`${name} ${path}`, start);
    }
  };
  const what = `${name}: gradients agree with finite differences, with every option changed in turn`;
  if (!OF_PIXELS.has(name)) test(what, agree);

  test(`${name}: frees what it makes, and owns only what the checkpoint stores`, async () => {
    const before = tf.memory().numTensors;
    const plan = planOf(base);
    assert.equal(tf.memory().numTensors, before, "tensors made by plan()");
    await withRun(plan, 1, async (run) => {
      const owned = run.state.length + frozenTensors(run);
      assert.equal(tf.memory().numTensors, before + owned);
      evaluate(run, randomLabels(1));
      assert.equal(tf.memory().numTensors, before + owned, "leaked by compute()");
      await train(run, randomLabels(1));
      assert.equal(tf.memory().numTensors, before + owned, "leaked by updates");
    });
    assert.equal(tf.memory().numTensors, before, "left after the run");
  });

  test(`${name}: the same seed gives the same values, gradients and updates`, async () => {
    const all = () =>
      withRun(planOf(base), 1, async (run) => {
        const twice = [evaluate(run, randomLabels(1)), evaluate(run, randomLabels(1))];
        assert.deepEqual(twice[0], twice[1]);
        return [twice, await train(run, randomLabels(1))];
      });
    // The difference of millions of weights would take all memory to print.
    assert.ok(isDeepStrictEqual(await all(), await all()), "two runs differ");
  });

  test(`${name}: without a label, 0 if it reads labels, and finite if not`, async () => {
    const unlabelled = await once(randomLabels(1).fill(IGNORE_LABEL));
    if (await readsLabels(once)) assertNothing(unlabelled);
    else assert.deepEqual(unlabelled, await once());
  });

  test(`${name}: what lies under ignored labels changes nothing, if it reads labels`, async () => {
    if (IGNORED_COUNT.has(name) || !(await readsLabels(once))) return;
    // Bilinear resizing mixes neighbours: the first of five tap columns reaches into the first 9 of 32 label columns.
    const width = LABEL_SIZE[1];
    const labels = randomLabels(1).map((id, k) => k % width < 10 ? IGNORE_LABEL : id);
    await withRun(planOf(base), 1, (run) => {
      const before = evaluate(run, labels);
      for (const { name, value } of run.segmenter.params) {
        if (!name.startsWith("source.")) continue;
        const values = value.dataSync().slice();
        const columns = value.shape[2]!, channels = value.shape[3]!;
        const noise = normals(values.length, 2, name);
        overwrite(
          value,
          values.map((old, k) => Math.floor(k / channels) % columns === 0 ? 3 * noise[k]! : old),
        );
      }
      assert.deepEqual(evaluate(run, labels), before);
    });
  });

  test(`${name}: every option matters`, async () => {
    if (LEARN_NOTHING.has(name)) return;
    const without = new Set(changed(base).map(({ path }) => path));
    // An option may matter only where another one is changed too.
    for (const options of [base, ...changed(base).map((variant) => variant.options)]) {
      for (const seed of [1, 2]) {
        if (without.size === 0) return;
        const labels = randomLabels(seed);
        const before = await withRun(planOf(options), seed, (run) => train(run, labels));
        for (const variant of changed(options)) {
          if (!without.has(variant.path)) continue;
          const after = await withRun(planOf(variant.options), seed, (run) => train(run, labels));
          if (after.some((values, k) => relative(values, before[k]!) > 1e-6)) without.delete(variant.path);
        }
      }
    }
    assert.deepEqual([...without], []);
  });

  test(`${name}: an unknown option is refused by name`, () => {
    const misspelt = withUnknownKey(base, "nonsense");
    assert.throws(
      () => planOf(misspelt[0] as Options),
      (error) => error instanceof ConfigError && /^losses\[0\]\.options\b.*nonsense/.test(error.message),
    );
    for (const value of misspelt) {
      assert.throws(() => planOf(value as Options), ConfigError);
      const result = check({ schema: plugin.options, value, at: [] });
      assert.ok(!result.ok && result.issues.length === 1);
      assert.equal(result.issues[0]!.path.at(-1), "nonsense");
    }
  });
}

test("association: cycles that all end at an ignored pixel give 0 and no gradient", async () => {
  const plan = registry.plan("loss", "association");
  // Every target pixel is alike and like each image's first source pixel, so that every cycle returns there.
  const labels = randomLabels(1);
  const [height, width] = LABEL_SIZE;
  for (let image = 0; image < labels.length; image += height * width) labels[image] = IGNORE_LABEL;
  await withRun(plan, 1, (run) => {
    for (const { name, value } of run.segmenter.params) {
      if (!name.startsWith("target.")) continue;
      const source = run.segmenter.params.find((param) => param.name === name.replace("target", "source"))!;
      const [, height, width] = value.shape as [number, number, number];
      tf.tidy(() => {
        const first = tf.slice(source.value, [0, 0, 0, 0], [-1, 1, 1, -1]);
        value.assign(tf.tile(first, [1, height, width, 1]));
      });
    }
    assertNothing(evaluate(run, labels));
  });
});

function defaults(plugin: Plugin, given: Options): Options {
  const parsed = plugin.options.safeParse(given);
  assert.ok(parsed.success, `${plugin.name} needs options; add them to REQUIRED`);
  return parsed.data as unknown as Options;
}

/** Whether the recipe could say so: the options are valid, the streams there and the taps of the right kind. */
function isValid(plugin: Plugin<"loss">, options: unknown): boolean {
  try {
    const { needs } = registry.plan("loss", { type: plugin.name, options });
    const known = (stream: string) => STREAMS.some((one) => one === stream);
    return neededStreams(needs).every(known) && neededViews(needs).every(({ by, taps }) =>
      by === STUDENT &&
      taps.every(({ name, space, logits }) => {
        const tap = TAPS[name];
        return tap && (space ?? tap.space) === tap.space && (!logits || hasLogits(tap, CLASSES.length));
      })
    );
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

async function readsLabels(once: (labels: Uint8Array) => Promise<Evaluation>): Promise<boolean> {
  return (await once(randomLabels(1))).value !== (await once(randomLabels(2))).value;
}

function assertNothing({ value, gradients }: Evaluation): void {
  // -0 is fine.
  assert.ok(value === 0, `${value}`);
  for (const [tap, gradient] of Object.entries(gradients)) {
    assert.ok(gradient?.every((one) => one === 0) ?? true, tap);
  }
}
