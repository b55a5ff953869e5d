/** Networks beside the student: teachers that follow it, frozen ones, and what their views cost and keep. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { gradients } from "../../ops/gradients.ts";
import type { RunPlan } from "../../core/plan.ts";
import type { ModelPlan, NetworkPlan } from "../../core/plugin.ts";
import { computePass } from "../../train/compute_pass.ts";
import { evaluate, openPredictor, train } from "../../train/mod.ts";
import {
  assembled,
  crossEntropy,
  learning,
  lossPlan,
  optimizerPlan,
  plainFiles,
  planned,
  tinyData,
  tinyModel,
  type TinyParts,
  tinyPlan,
} from "./fakes.ts";
import { averaging, BATCHES, following, network, stepOf, stepTest, tensorsAfter, valuesOf } from "./parts.ts";
import { lines, run, test } from "./runs.ts";

const NAMES = ["first.weight", "second.weight", "first.running_mean"];

const losses = [planned("ce", lossPlan(crossEntropy)), planned("follow", following("teacher"))];

/** A plan with a baseline that has no further networks, as the config plans it. */
function withBaseline(parts: TinyParts): RunPlan {
  const baseline = { name: "plain", losses: [planned("ce", lossPlan(crossEntropy))] };
  const plan = tinyPlan({ ...parts, baseline }, { steps: 2 });
  return { ...plan, phases: plan.phases.map((phase) => phase.baseline ? { ...phase, networks: [] } : phase) };
}

async function withRun<T>(parts: TinyParts, use: (run: ReturnType<typeof assembled>) => T | Promise<T>) {
  const run = assembled(tinyPlan({ losses, ...parts }));
  try {
    return await use(run);
  } finally {
    run.dispose();
  }
}

for (const when of ["before", "after"] as const) {
  stepTest(
    `a teacher averages the student ${when} its update, statistics included`,
    () =>
      withRun({ networks: [network("teacher", { ...averaging, when })] }, async (run) => {
        let teacher = NAMES.map((name) => valuesOf(run).get(`network/teacher/${name}`)!);
        for (let step = 0; step < 4; step++) {
          const before = valuesOf(run);
          await stepOf(run, { step });
          const after = valuesOf(run);
          const student = when === "before" ? before : after;
          teacher = teacher.map((values, k) =>
            values.map((value, at) => 0.75 * value + 0.25 * student.get(NAMES[k]!)![at]!)
          );
          NAMES.forEach((name, k) =>
            after.get(`network/teacher/${name}`)!.forEach((value, at) =>
              assert.ok(Math.abs(value - teacher[k]![at]!) < 1e-5, `${name}[${at}] at step ${step}`)
            )
          );
        }
      }),
  );
}

stepTest("a network hears where the phase stands, in a scope of its own", async () => {
  const clocks: unknown[] = [];
  const update: NetworkPlan["update"] = ({ network, student }, clock) => {
    clocks.push(clock);
    tf.add(network.params[0]!.value, student.params[0]!.value);
  };
  await withRun({ networks: [network("teacher", { changes: true, update })] }, async (run) => {
    assert.equal((await tensorsAfter(run, 3)).size, 1);
  });
  assert.deepEqual(clocks, [0, 1, 2].map((step) => ({ step, steps: 10 })));
});

stepTest(
  "weights of another network that are not finite are named where a loss shows them",
  () =>
    withRun({ networks: [network("teacher", averaging)] }, async (run) => {
      const { value } = run.networks.get("teacher")!.segmenter.params[1]!;
      value.assign(tf.fill(value.shape, NaN));
      for (const [step, since] of [[0, "from the start"], [6, "since the update before"]] as const) {
        const tensors = tf.memory().numTensors;
        await assert.rejects(stepOf(run, { step }), {
          name: "LossError",
          message: `loss "follow" (./my_loss.ts, at losses[2]) is NaN at step ${step + 1}: ` +
            `the weights second.weight of the network "teacher" are NaN ${since}`,
        });
        assert.equal(tf.memory().numTensors, tensors, "tensors leaked");
      }
    }),
);

for (const when of ["before", "after"] as const) {
  stepTest(
    `a network whose update ${when} the student's throws is named, and nothing changes`,
    () =>
      withRun({
        networks: [
          network("follower", { ...averaging, when }),
          network("teacher", {
            changes: true,
            when,
            update({ network: { params: [first] } }) {
              first!.value.assign(tf.zerosLike(first!.value));
              throw new TypeError("no such weight");
            },
          }),
        ],
        optimizer: optimizerPlan({ lr: 0.1, momentum: 0.9 }),
      }, async (run) => {
        const before = valuesOf(run), tensors = tf.memory().numTensors;
        await assert.rejects(stepOf(run), {
          name: "LossError",
          message:
            'network "teacher" (./my_network.ts, at networks.teacher) threw in its update: no such weight',
        });
        assert.deepEqual(valuesOf(run), before);
        assert.equal(tf.memory().numTensors, tensors, "tensors leaked");
      }),
  );
}

test("the weights that a run leaves when a network's update throws are those of the step before", async (folder) => {
  const plan = (at: number, steps: number) =>
    tinyPlan({
      losses,
      networks: [network("teacher", {
        ...averaging,
        update(pair, clock) {
          averaging.update!(pair, clock);
          if (clock.step === at) throw new TypeError("no such weight");
        },
      })],
      // Constant, so that the length of the phase changes nothing.
      schedule: { multiplier: () => 1 },
    }, { steps });
  const last = "run/checkpoints/last.safetensors";
  await assert.rejects(run(plan(3, 6), folder), (error: unknown) => {
    assert.match(String(error), /threw in its update: no such weight\nthe weights after step 3 lie in /);
    return true;
  });
  const left = folder.tensors(last);
  await Deno.remove(`${folder.path}/run`, { recursive: true });
  await run(plan(-1, 3), folder);
  assert.deepEqual(left, folder.tensors(last));
});

stepTest(
  "a view by a teacher is a constant: of its pass nothing stays but the view, and no gradient flows",
  () =>
    withRun({ networks: [network("teacher", averaging)] }, (run) => {
      const [update] = run.updates;
      const [entry] = update!.entries;
      assert.ok(entry?.kind === "view" && entry.by === "teacher");
      const teacher = run.networks.get("teacher")!.segmenter.params.map(({ value }) => value);
      tf.tidy(() => {
        const { grads } = gradients(() => {
          const before = tf.memory().numTensors;
          const { images, views } = computePass(run, BATCHES, {
            entries: [entry],
            at: { step: 0, steps: 1, pass: 0 },
          });
          const kept = new Set<tf.Tensor>();
          for (const { pixels, labels } of images.values()) {
            for (const x of [pixels, labels]) if (x) kept.add(x);
          }
          for (const { logits, taps } of views.values()) {
            for (const x of [logits, ...Object.values(taps)]) kept.add(x);
          }
          assert.equal(tf.memory().numTensors - before, kept.size);
          return tf.mean([...views.values()][0]!.logits) as tf.Scalar;
        }, teacher);
        assert.deepEqual(grads, [undefined, undefined]);
      });
    }),
);

/** The tiny network that notes how it is run. */
function noting(seen: string[]): ModelPlan {
  return {
    ...tinyModel,
    create(setup) {
      const made = tinyModel.create(setup);
      return {
        ...made,
        forward(batches, mode) {
          seen.push(`${batches.length} ${mode.training} ${mode.taps?.join(",")}`);
          return made.forward(batches, mode);
        },
      };
    },
  };
}

stepTest(
  "a network passes over all its streams at once, with the statistics that its plan says",
  async () => {
    for (const training of [false, true]) {
      const seen: string[] = [];
      const both = [...losses, planned("too", following("teacher", "source"))];
      const networks = [network("teacher", { training }, { model: noting(seen) })];
      await withRun({ losses: both, networks }, async (run) => void await stepOf(run));
      assert.deepEqual(seen, [`2 ${training} features`]);
    }
  },
);

stepTest(
  "running statistics of a network's own passes are applied where its plan says so, and are saved",
  async () => {
    for (
      const [plan, changes, saved] of [
        [{ start: "weights", training: true, ownStatistics: true }, true, true],
        [{ start: "student", training: true }, false, true],
        [{ start: "weights", training: true }, false, false],
      ] as const
    ) {
      await withRun({ networks: [network("teacher", plan)] }, async (run) => {
        const { segmenter } = run.networks.get("teacher")!;
        const statistics = () => [...segmenter.buffers["first.running_mean"]!.dataSync()];
        const before = statistics();
        await stepOf(run);
        assert.equal(String(statistics()) !== String(before), changes, JSON.stringify(plan));
        const names = run.state.map(({ name }) => name).filter((name) => name.startsWith("network/"));
        assert.deepEqual(names, saved ? NAMES.map((name) => `network/teacher/${name}`) : []);
        assert.equal((await tensorsAfter(run, 4)).size, 1);
      });
    }
  },
);

test("a teacher that starts as the student is a copy of it, wherever the student's weights come from", async (folder) => {
  const still = { create: () => ({ apply: () => {}, rate: 0, slots: {} }) };
  await run(tinyPlan({}, { steps: 2 }), folder);
  const weights = `${folder.path}/first.safetensors`;
  await Deno.rename(`${folder.path}/run/checkpoints/last.safetensors`, weights);
  const plan = tinyPlan({
    seed: 9,
    model: { ...tinyPlan().model, weights: { file: weights } },
    losses,
    optimizer: still,
    networks: [network("teacher", { changes: true })],
  }, { steps: 1 });
  await run(plan, folder);
  const [was, is] = [folder.tensors("first.safetensors"), folder.tensors("run/checkpoints/last.safetensors")];
  for (const name of NAMES) assert.deepEqual(is.get(`network/teacher/${name}`), was.get(name), name);
});

test("a frozen network reads its own file, says what it took and lies in no checkpoint", async (folder) => {
  await run(tinyPlan({}, { steps: 2 }), folder);
  const weights = `${folder.path}/first.safetensors`;
  await Deno.rename(`${folder.path}/run/checkpoints/last.safetensors`, weights);
  const first: number[] = [];
  const networks = [network("teacher", { start: "weights" }, { weights: { file: weights } })];
  const plan = tinyPlan({ seed: 9, losses, networks }, { steps: 3 });
  const { events } = await run(plan, folder, (event) => {
    if (event.type === "step" && event.step === 1) first.push(event.terms["follow"]!);
  });
  assert.deepEqual(events.flatMap((event) => event.type === "note" ? [event.message] : []), [
    `weights of ${weights}: 3 tensors used (plca names); skipped: optimizer (2)`,
  ]);
  const names = [...folder.tensors("run/checkpoints/last.safetensors").keys()];
  assert.ok(!names.some((name) => name.startsWith("network/")));
  // The student of seed 9 is another network than the one of the file.
  assert.ok(first[0]! > 1e-4, String(first));
});

test("a copy of the student needs the student's model", async (folder) => {
  const model: ModelPlan = {
    ...tinyModel,
    create(setup) {
      const made = tinyModel.create(setup);
      return { ...made, params: made.params.toReversed() };
    },
  };
  const plan = tinyPlan({ losses, networks: [network("teacher", {}, { model })] });
  await assert.rejects(run(plan, folder), {
    name: "UserError",
    message: "a copy of the student needs the student's model; second.weight differs",
  });
});

function onVal(checkpoint: string) {
  return { checkpoint, split: "val", signal: new AbortController().signal, files: plainFiles } as const;
}

test("evaluation.network: the teacher is validated, evaluated and predicts, from the run and from its checkpoint", async (folder) => {
  const parts: TinyParts = { losses, networks: [network("teacher", averaging)] };
  const plan = tinyPlan({ ...parts, evaluation: { labelSize: "original", network: "teacher" } }, {
    steps: 6,
  });
  const { result } = await run(plan, folder);
  assert.equal(result.final!.inference, "network teacher");
  const checkpoint = `${folder.path}/run/checkpoints/last.safetensors`;
  assert.deepEqual(await evaluate(plan, onVal(checkpoint)), result.final);
  // The student of the same checkpoint is another network.
  const student = tinyPlan({ ...parts });
  const opened = await tinyData({ name: "val" }).open({ root: "", seed: 7, files: plainFiles });
  const sample = await opened.read(0, { labels: false });
  const confidence: Uint8Array[] = [];
  for (const one of [plan, student]) {
    const predictor = await openPredictor(one, { checkpoint, files: plainFiles });
    confidence.push((await predictor.predict(sample, { confidence: true })).confidence!);
    predictor.dispose();
  }
  assert.notDeepEqual(confidence[0], confidence[1]);
});

test("a phase that trains without evaluation.network is evaluated with the student, from its checkpoint as well", async (folder) => {
  const evaluation = { labelSize: "original", network: "teacher" } as const;
  const plan = withBaseline({ losses, networks: [network("teacher", averaging)], evaluation });
  const { result } = await run(plan, folder);
  const { final } = result.earlier[0]!;
  assert.deepEqual([final!.inference, result.final!.inference], [undefined, "network teacher"]);
  const checkpoint = `${folder.path}/run/baseline/checkpoints/last.safetensors`;
  assert.deepEqual(await evaluate(plan, onVal(checkpoint)), final);
  const { inference: _, ...student } = await evaluate(tinyPlan(), onVal(checkpoint));
  assert.deepEqual(student, final);
});

test("a checkpoint without a network that its phase had says so", async (folder) => {
  const weights = `${folder.path}/weights.safetensors`;
  await run(tinyPlan({}, { steps: 1 }), folder);
  await Deno.rename(`${folder.path}/run/checkpoints/last.safetensors`, weights);
  const frozen: Partial<NetworkPlan> = { start: "weights" };
  const evaluation = { labelSize: "original", network: "teacher" } as const;
  const plan = tinyPlan({
    losses,
    networks: [network("teacher", frozen, { weights: { file: weights } })],
    evaluation,
  }, {
    steps: 1,
  });
  await run(plan, folder);
  const checkpoint = `${folder.path}/run/checkpoints/last.safetensors`;
  await assert.rejects(evaluate(plan, onVal(checkpoint)), {
    name: "UserError",
    message: `${checkpoint}: holds no network "teacher", which evaluation.network names; ` +
      "checkpoints are without networks that training does not change",
  });
});

test("evaluation.ensemble takes no part in the evaluation of a baseline", async (folder) => {
  await run(tinyPlan({ seed: 9 }, { steps: 1 }), folder);
  const other = `${folder.path}/other.safetensors`;
  await Deno.rename(`${folder.path}/run/checkpoints/last.safetensors`, other);
  const ensemble = [{ checkpoint: other, weight: 1e6 }];
  const finals = async (evaluation: RunPlan["evaluation"]) => {
    const { result } = await run(withBaseline({ evaluation }), folder);
    await Deno.remove(`${folder.path}/run`, { recursive: true });
    return [result.earlier[0]!.final!, result.final!];
  };
  const [mixed, alone] = [
    await finals({ labelSize: "original", ensemble }),
    await finals({ labelSize: "original" }),
  ];
  assert.deepEqual(mixed.map(({ inference }) => inference), [undefined, "ensemble of 2"]);
  assert.deepEqual(mixed[0], alone[0]);
});

test("evaluation.ensemble: probabilities are averaged by their weights, once at the end", async (folder) => {
  await run(tinyPlan({ seed: 9 }, { steps: 1 }), folder);
  const other = `${folder.path}/other.safetensors`;
  await Deno.rename(`${folder.path}/run/checkpoints/last.safetensors`, other);
  const before = tf.memory().numTensors;
  // A weight of a million leaves nothing of the own network.
  const ensemble = (weight: number) => [{ checkpoint: other, weight }];
  const planWith = (weight: number) =>
    tinyPlan({ evaluation: { labelSize: "original", ensemble: ensemble(weight) } }, { steps: 6 });
  const { result } = await run(planWith(1e6), folder);
  assert.equal(result.final!.inference, "ensemble of 2");
  assert.equal(lines(folder).filter(({ type }) => type === "validation").length, 2);
  const alone = await evaluate(tinyPlan(), onVal(other));
  assert.deepEqual(result.final!.confusion, alone.confusion);
  const checkpoint = `${folder.path}/run/checkpoints/last.safetensors`;
  assert.deepEqual(await evaluate(planWith(1e6), onVal(checkpoint)), result.final);
  const own = await evaluate(tinyPlan(), onVal(checkpoint));
  assert.deepEqual(
    (await evaluate(planWith(1e-9), onVal(checkpoint))).confusion,
    own.confusion,
  );
  assert.notDeepEqual(own.confusion, alone.confusion);
  assert.equal(tf.memory().numTensors, before);
});

test("evaluation.heads: the weighted sum of taps takes the logits' place", async (folder) => {
  await run(tinyPlan({}, { steps: 6 }), folder);
  const checkpoint = `${folder.path}/run/checkpoints/last.safetensors`;
  const plain = await evaluate(tinyPlan(), onVal(checkpoint));
  const heads = [{ tap: "logits", weight: 0.25 }, { tap: "logits", weight: 0.75 }];
  const { inference, ...same } = await evaluate(
    tinyPlan({ evaluation: { labelSize: "original", heads } }),
    onVal(checkpoint),
  );
  assert.deepEqual([inference, same], ["heads 0.25 logits + 0.75 logits", plain]);
  const turned = [{ tap: "logits", weight: -1 }];
  const other = await evaluate(
    tinyPlan({ evaluation: { labelSize: "original", heads: turned } }),
    onVal(checkpoint),
  );
  assert.notDeepEqual(other.confusion, plain.confusion);
});

test("no tensor stays of a whole run with a teacher, and the count does not grow", async (folder) => {
  const before = tf.memory().numTensors;
  const counts = new Set<number>();
  const plan = tinyPlan({
    losses: [...losses, planned("own", learning("source"))],
    networks: [network("teacher", averaging), network("fixed", { start: "weights" })],
    optimizer: optimizerPlan({ lr: 0.1, momentum: 0.9 }),
  }, { steps: 6, validateEvery: 2 });
  await train(plan, {
    runDir: `${folder.path}/run`,
    signal: new AbortController().signal,
    files: plainFiles,
    onEvent: ({ type }) => type === "step" && counts.add(tf.memory().numTensors),
  });
  assert.equal(counts.size, 1);
  assert.equal(tf.memory().numTensors, before);
});
