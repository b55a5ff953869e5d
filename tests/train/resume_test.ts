import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { TrainEvent } from "../../core/events.ts";
import { UserError } from "../../core/errors.ts";
import type { TrainResult } from "../../train/mod.ts";
import { crossEntropy, lossPlan, optimizerPlan, planned, type TinyParts, tinyPlan } from "./fakes.ts";
import { go, type Gone, pathTest as test, undisturbed, valuesOfEvents } from "./runs.ts";

/** A term with memory: a counter and an opponent that learns with momentum. */
const remembering = () =>
  planned("memory", {
    needs: { taps: [], target: false },
    owners: [{ name: "opponent", optimizer: optimizerPlan({ lr: 0.05, momentum: 0.9 }) }],
    create(setup) {
      const count = setup.variable("count", tf.scalar(0), false);
      const level = setup.variable("level", tf.scalar(0.5));
      return {
        buffers: { count },
        compute(context) {
          const loss = tf.mul(crossEntropy(context).loss, tf.add(level, tf.mul(count, 0.01))) as tf.Scalar;
          return { loss, handoff: { loss } };
        },
        owners: {
          opponent: {
            params: [{ name: "level", value: level, group: "all" }],
            compute: ({ loss }) => ({ loss: tf.neg(tf.mul(level, loss!)) as tf.Scalar }),
          },
        },
        hooks: {
          stepEnd() {
            const next = tf.add(count, 1);
            count.assign(next);
            next.dispose();
          },
        },
      };
    },
  });

const plan = (more: TinyParts = {}, training: Parameters<typeof tinyPlan>[1] = {}) =>
  tinyPlan({
    losses: [planned("ce", lossPlan(crossEntropy)), remembering()],
    optimizer: optimizerPlan({ lr: 0.2, momentum: 0.9, weight_decay: 0.001 }),
    input: { ...tinyPlan().input, training: { shortSide: [10, 14], crop: [10, 10], flip: true } },
    ...more,
  }, { steps: 12, validateEvery: 4, checkpointEvery: 3, accumulation: 2, ...training });

test("interrupted at any step and resumed: the same losses, validations, best and weights", async (folder) => {
  const whole = await undisturbed(plan());
  const events: TrainEvent[] = [];
  let result: TrainResult | undefined;
  for (let part = 0; part < 20 && (result === undefined || result.interrupted); part++) {
    const stops = [1, 3, 4, 8, 9, 11];
    const told = await go(
      folder,
      plan(),
      (event) => event.type === "step" && event.step === stops[part],
    );
    events.push(...told.events);
    result = told.result;
  }
  assert.deepEqual(result, whole.result);
  assert.deepEqual(valuesOfEvents(events), valuesOfEvents(whole.events));
  const resumed = events.filter((event) => event.type === "resume").map(({ step }) => step);
  assert.deepEqual(resumed, [1, 3, 4, 8, 9, 11]);
  assert.deepEqual(await Deno.readFile(`${folder}/run/checkpoints/last.safetensors`), whole.weights);
});

test("a process that vanished: its last checkpoint is where the run goes on", async (folder) => {
  const whole = await undisturbed(plan());
  // Without the end of the process: the state on disk is what a kill after step 8 leaves.
  const interrupted = go(folder, plan(), (event) => {
    if (event.type === "step" && event.step === 8) throw new Error("killed");
    return false;
  });
  await assert.rejects(interrupted, /killed/);
  const kept = `${folder}/run/checkpoints/last.safetensors`;
  // What the dying process wrote is taken away again.
  await Deno.rename(`${folder}/run/checkpoints/last.1.safetensors`, kept);
  const { events, result } = await go(folder, plan());
  assert.deepEqual(events.find((event) => event.type === "resume"), {
    type: "resume",
    phase: "tiny",
    step: 6,
  });
  assert.deepEqual(result, whole.result);
  assert.deepEqual(await Deno.readFile(kept), whole.weights);
});

test("a damaged checkpoint is named and the one before it used; without another the run says so", async (folder) => {
  const whole = await undisturbed(plan());
  await go(folder, plan(), (event) => event.type === "step" && event.step === 8);
  const last = `${folder}/run/checkpoints/last.safetensors`;
  await Deno.truncate(last, 400);
  // The next checkpoint must not put the good one away for the damaged one.
  const good = await Deno.readFile(`${folder}/run/checkpoints/last.1.safetensors`);
  const { events, result } = await go(folder, plan(), (event) => {
    if (event.type === "resume") assert.deepEqual(Deno.readFileSync(last), good);
    return false;
  });
  const note = events.find((event) => event.type === "note");
  assert.match(
    note!.message,
    /last\.safetensors: its header claims \d+ bytes, the file has 400; expected a safetensors file; .*last\.1\.safetensors is used instead$/,
  );
  assert.deepEqual(events.find((event) => event.type === "resume"), {
    type: "resume",
    phase: "tiny",
    step: 6,
  });
  assert.deepEqual(result, whole.result);
  assert.deepEqual(await Deno.readFile(last), whole.weights);

  await Deno.truncate(last, 400);
  await Deno.truncate(`${folder}/run/checkpoints/last.1.safetensors`, 4);
  await assert.rejects(go(folder, plan()), (error: unknown) => {
    assert.ok(error instanceof UserError);
    const [first, ...lines] = error.message.split("\n");
    assert.equal(first, `no checkpoint of ${folder}/run can be used:`);
    assert.equal(lines.length, 2);
    return true;
  });
});

test("interrupted in the baseline and in the final evaluation: both are gone on with, nothing twice", async (folder) => {
  const chosen = plan({ baseline: { name: "plain", losses: [planned("ce", lossPlan(crossEntropy))] } });
  const whole = await undisturbed(chosen);
  await go(folder, chosen, (event) => event.type === "step" && event.phase === "plain" && event.step === 5);
  await go(folder, chosen, (event) => event.type === "validation" && event.step === 12);
  await go(folder, chosen, (event) => event.type === "step" && event.phase === "tiny" && event.step === 2);
  const { events, result } = await go(folder, chosen);
  assert.deepEqual(result, whole.result);
  assert.ok(events.every(({ phase }) => phase === "tiny"), "the baseline was finished already");
  const again = await go(folder, chosen);
  assert.deepEqual([again.result, again.events], [whole.result, []]);
});

test("another run's checkpoints are refused", async (folder) => {
  await go(folder, plan(), (event) => event.type === "step" && event.step === 2);
  const path = `${folder}/run/checkpoints/last.safetensors`;
  await assert.rejects(go(folder, plan({ seed: 8 })), {
    name: "UserError",
    message: `${path}: its seed is 7, the recipe's 8`,
  });
  await assert.rejects(go(folder, plan({}, { steps: 13 })), {
    name: "UserError",
    message: `${path}: its steps is 12, the recipe's 13`,
  });
});

test("a second run in the folder is refused, and a half last line of the log is taken off", async (folder) => {
  await go(folder, plan(), (event) => event.type === "step" && event.step === 2);
  const log = `${folder}/run/events.jsonl`;
  const before = await Deno.readTextFile(log);
  await Deno.writeTextFile(log, '{"time":"2030', { append: true });
  await go(folder, plan(), (event) => event.type === "start");
  const text = await Deno.readTextFile(log);
  assert.ok(text.startsWith(before));
  for (const line of text.trimEnd().split("\n")) JSON.parse(line);

  let second: Promise<Gone> | undefined;
  await go(folder, plan(), (event) => {
    second ??= go(folder, plan());
    second.catch(() => {});
    return event.type === "step";
  });
  await assert.rejects(second!, {
    name: "UserError",
    message: `${folder}/run: another process trains in this folder; wait for it, or stop it`,
  });
});
