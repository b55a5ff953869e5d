/** The teachers of DACS and DAFormer against recorded values, and what a step with one keeps. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { ModelPlan, OptimizerPlan } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { networks } from "../../networks/mod.ts";
import { heapMemory, isShared } from "../../backends/wasm/heap.ts";
import { backendTest } from "../goldens.ts";
import { equalsRecorded, type MethodCase, methodCases, read } from "../methods.ts";
import { assembled, optimizerPlan, tinyModel, tinyPlan } from "../train/fakes.ts";
import { network, stepOf } from "../train/parts.ts";

const registry = new Registry(networks);

/** A parameter whose values are given, beside the tiny network. */
function withParam(shape: readonly number[]): ModelPlan {
  return {
    ...tinyModel,
    create(setup) {
      const segmenter = tinyModel.create(setup);
      const initial = tf.zeros([...shape]);
      const value = setup.variable("given", initial);
      initial.dispose();
      return { ...segmenter, params: [...segmenter.params, { name: "given", value, group: "head" }] };
    },
  };
}

for (const [method, when] of [["dacs/ema", "after"], ["daformer/ema", "before"]] as const) {
  for (const one of methodCases<MethodCase & { alpha: number }>(method)) {
    for (const backend of ["native", "wasm", "cpu"] as const) {
      backendTest(backend, `${one.name}: a teacher that moves ${when} the student`, async () => {
        const students = tf.unstack(read(one, "student"));
        const model = withParam(students[0]!.shape);
        let done = 0;
        const optimizer: OptimizerPlan = {
          create: (params) => ({
            rate: 1,
            slots: {},
            apply: () => void params.at(-1)!.value.assign(students[++done] ?? students.at(-1)!),
          }),
        };
        const plan = registry.plan("network", { type: "ema", options: { decay: one.alpha, when } });
        const run = assembled(tinyPlan({
          model: { type: "given", plan: model },
          networks: [network("teacher", plan, { model })],
          optimizer,
        }));
        try {
          const given = (of: typeof run.segmenter) => of.params.at(-1)!.value;
          const teacher = run.networks.get("teacher")!.segmenter;
          for (const  of of[run.segmenter, teacher]) given(of).assign(students[0]!);
          const seen = [tf.clone(given(teacher))];
          for (let step = 0; step < students.length - 1; step++) {
            await stepOf(run, { step });
            if (when === "after") seen.push(tf.clone(given(teacher)));
            // As it is used in the step that follows.
            else if (step > 0) seen.push(tf.clone(given(teacher)));
          }
          if (when === "before") {
            await stepOf(run, { step: students.length - 1 });
            seen.push(tf.clone(given(teacher)));
          }
          await equalsRecorded(one, "teacher", { actual: tf.stack(seen) });
        } finally {
          run.dispose();
        }
      });
    }
  }
}

backendTest(
  "native",
  "a step with a teacher updates weights where they lie: nobody holds a copy of them",
  async () => {
    const plan = registry.plan("network", { type: "ema", options: { decay: 0.9, buffers: "averaged" } });
    const run = assembled(
      tinyPlan({
        networks: [network("teacher", plan)],
        optimizer: optimizerPlan({ lr: 0.1, momentum: 0.9 }),
      }),
    );
    try {
      // The first update makes the teacher a copy, which shares the student's memory until one of both is written.
      for (let step = 0; step < 2; step++) await stepOf(run, { step });
      const all = [run.segmenter, run.networks.get("teacher")!.segmenter].flatMap(({ params }) => params);
      const slots = Object.values(run.optimizer.slots);
      const places = () => [...all.map(({ value }) => value), ...slots].map((variable) => variable.dataId);
      const before = places(), size = heapMemory().buffer.byteLength;
      await stepOf(run, { step: 2 });
      assert.ok(places().every((place, k) => place === before[k]), "an update made a new tensor");
      assert.ok([...all.map(({ value }) => value), ...slots].every((variable) => !isShared(variable)));
      assert.equal(heapMemory().buffer.byteLength, size);
    } finally {
      run.dispose();
    }
  },
);

backendTest(
  "native",
  "the warm-up begins where it is told: at 2 half of the teacher's weights stay in the first update",
  async () => {
    for (const [from, shares] of [[1, [0, 1 / 2, 2 / 3, 0.7]], [2, [1 / 2, 2 / 3, 0.7, 0.7]]] as const) {
      const { follow } = registry.plan("network", {
        type: "ema",
        options: { decay: 0.7, warm_up_from: from, buffers: "averaged" },
      });
      shares.forEach((share, step) => {
        const { parameters, buffers } = follow!({ step, steps: 4 })!;
        assert.ok(Math.abs(parameters - share) < 1e-12 && parameters === buffers, `${from}, step ${step}`);
      });
    }
    await Promise.resolve();
  },
);
