import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { selectBackend } from "../../backends/select.ts";
import { lastPhase, type RunPlan } from "../../core/plan.ts";
import type { View } from "../../core/plugin.ts";
import { networkInputs } from "../../datasets/evaluation.ts";
import { diskFiles } from "../../datasets/files.ts";
import { openExplorer } from "../../explore/explorer.ts";
import { type LevelRequest, type LevelView, OUTCOMES } from "../../explore/types.ts";
import { openTrained } from "../../train/trained.ts";
import { contextOf } from "../contexts.ts";
import { trainedTest } from "./trained_run.ts";

const LAST = "checkpoints/last.safetensors";
const signal = new AbortController().signal;

function request(change: Partial<LevelRequest> = {}): LevelRequest {
  return {
    checkpoint: LAST,
    statistics: "running",
    source: 1,
    targetSet: "target",
    target: 2,
    level: 0,
    ...change,
  };
}

/** What the association term counts on the same weights and images, in one pass of both domains. */
async function counted(
  plan: RunPlan,
  folder: string,
  { checkpoint, statistics, source, target }: LevelRequest,
) {
  const model = await openTrained(plan, { checkpoint: join(folder, checkpoint), files: diskFiles() });
  const setup = { root: "", seed: plan.seed, files: diskFiles() };
  const images = [
    await (await plan.data.source.open(setup)).read(source, { labels: true }),
    await (await plan.data.target.open(setup)).read(target, { labels: true }),
  ];
  const logs: Record<string, number> = {};
  tf.tidy(() => {
    const views = images.map((image): View => {
      const [input] = networkInputs(image, { evaluation: {}, normalization: plan.input.normalization });
      const pixels = tf.tensor4d(input!.images, [1, input!.height, input!.width, 3]);
      return model.segmenter.forward([pixels], { training: statistics === "image" })[0]!;
    });
    const { width, height, labels } = images[0]!;
    const context = contextOf({
      source: {
        ...views[0]!,
        labels: tf.tensor3d(Int32Array.from(labels!), [1, height, width], "int32"),
      },
      target: views[1]!,
    });
    const term = lastPhase(plan).losses.find(({ name }) => name === "association")!.plan.create({
      seed: 0,
      numClasses: plan.labelSpace.classes.length,
      classes: [],
      alignCorners: false,
      taps: {},
      variable: () => {
        throw new Error("it owns nothing");
      },
    });
    for (const [name, value] of Object.entries(term.compute(context).logs!)) {
      logs[name] = value.dataSync()[0]!;
    }
  });
  model.dispose();
  return logs;
}

trainedTest(
  "the explorer shows what the association term computes",
  async ({ explorer, plan, folder }, t) => {
    await t.step("levels, images, classes and checkpoints to choose from", async () => {
      const { levels, checkpoints, sets, classes, ignore } = await explorer.overview();
      assert.deepEqual(levels, [
        {
          term: "association",
          label: "layer4",
          tap: "layer4",
          similarity: "cosine",
          contrast: true,
          aggregation: { alpha: 0.5, contrast: true },
        },
        {
          term: "association",
          label: "probabilities",
          tap: "probabilities",
          similarity: "negative-kl",
          contrast: true,
          aggregation: { alpha: 0.5, contrast: false },
        },
      ]);
      assert.deepEqual(
        checkpoints.filter(({ name }) => !name.includes("best")).map((
          one,
        ) => [one.name, one.phase, one.step]),
        [
          ["baseline last.2", "source-only", 2],
          ["baseline last.1", "source-only", 4],
          ["baseline last", "source-only", 6],
          ["last.2", "tiny", 2],
          ["last.1", "tiny", 4],
          ["last", "tiny", 6],
        ],
      );
      assert.deepEqual(sets, [
        { set: "source", images: 4, problem: null },
        { set: "target", images: 4, problem: null },
        { set: "val", images: 2, problem: null },
      ]);
      assert.deepEqual([classes, ignore], [plan.labelSpace.classes, 255]);
    });

    for (const statistics of ["running", "image"] as const) {
      await t.step(`as many associated pixels as the loss counts, ${statistics} statistics`, async () => {
        for (
          const checkpoint of [
            LAST,
            "checkpoints/last.2.safetensors",
            "baseline/checkpoints/last.safetensors",
          ]
        ) {
          const logs = await counted(plan, folder, request({ checkpoint, statistics }));
          for (const [level, label] of ["layer4", "probabilities"].entries()) {
            const view = await explorer.level(request({ checkpoint, statistics, level }), signal);
            const share = view.associated / view.outcome.length;
            assert.ok(
              Math.abs(share - logs[`${label} associated`]!) < 1e-6,
              `${checkpoint} ${label}: ${share}`,
            );
            assert.equal(
              view.associated,
              view.outcome.filter((one) => OUTCOMES[one] === "consistent").length,
            );
          }
        }
      });
    }

    await t.step(
      "a row's maximum is the chosen pixel, its weights sum to 1, the way back ends at i*",
      async () => {
        for (const level of [0, 1]) {
          const view = await explorer.level(request({ level }), signal);
          for (const pixel of [0, 3, view.outcome.length - 1]) {
            const forward = await explorer.row({ ...request({ level }), kind: "forward", pixel }, signal);
            const values = forward.similarities.map((value) => value!);
            assert.equal(values.length, view.target.height * view.target.width);
            assert.equal(values[view.forward[pixel]!], Math.max(...values));
            assert.equal(values[view.forward[pixel]!], view.similarity[pixel]);
            assert.ok(Math.abs(forward.weights.reduce((a, b) => a + b) - 1) < 1e-4);
            const mean = forward.normalised.reduce((a, b) => a + b) / values.length;
            assert.ok(Math.abs(mean) < 1e-3, "contrast-normalised: the mean is 0");
            const back = await explorer.row({
              ...request({ level }),
              kind: "back",
              pixel: view.forward[pixel]!,
            }, signal);
            const returned = back.similarities.map((value) => value!);
            assert.equal(returned[view.back[pixel]!], Math.max(...returned));
          }
          const mixing = await explorer.row({ ...request({ level }), kind: "aggregation", pixel: 3 }, signal);
          assert.ok(Math.abs(mixing.weights.reduce((a, b) => a + b) - 1) < 1e-4);
          assert.equal(
            mixing.weights[3],
            Math.max(...mixing.weights),
            "nothing is more alike than the pixel itself",
          );
        }
      },
    );

    await t.step("coverage and correctness are those of the cycles", async () => {
      const view = await explorer.level(request(), signal);
      const starts = [...view.outcome.keys()].filter((start) =>
        OUTCOMES[view.outcome[start]!] === "consistent"
      );
      assert.equal(view.covered, new Set(starts.map((start) => view.forward[start])).size);
      const right = starts.filter((start) =>
        view.target.labels![view.forward[start]!] === view.source.labels![start]
      );
      assert.deepEqual(view.correct, { right: right.length, labelled: starts.length });
      for (const start of starts) {
        assert.equal(view.source.labels![view.back[start]!], view.source.labels![start]);
      }
    });

    await t.step(
      "the same question gives the same answer; statistics of the image leave no trace",
      async () => {
        const of = ({ forward, similarity, back }: LevelView) => ({ forward, similarity, back });
        const first = of(await explorer.level(request(), signal));
        const own = await explorer.level(request({ source: 3, target: 1, statistics: "image" }), signal);
        // One that was not asked before is computed by the network that has just made a pass in training mode.
        const after = of(await explorer.level(request({ source: 3, target: 1 }), signal));
        assert.notDeepEqual(of(own), after);
        const ready = () => selectBackend("wasm");
        const fresh = openExplorer(plan, { folder, files: diskFiles(), ready });
        assert.deepEqual(of(await fresh.level(request(), signal)), first);
        assert.deepEqual(of(await fresh.level(request({ source: 3, target: 1 }), signal)), after);
        fresh.dispose();
      },
    );

    await t.step("what is not there is said in one line", async () => {
      const says = async (change: Partial<LevelRequest>, message: RegExp) =>
        await assert.rejects(explorer.level(request(change), signal), { message });
      await says({ level: 2 }, /^there is no level 2: the recipe has 2$/);
      await says({ source: 4 }, /^source: there is no image 4: it has 4, counted from 0$/);
      await says({ targetSet: "val", target: 2 }, /^val: there is no image 2: it has 2, counted from 0$/);
      const gone =
        /^this checkpoint is not there, or no longer: a run keeps only its latest ones; choose another$/;
      await says({ checkpoint: "checkpoints/last.9.safetensors" }, gone);
      await says({ checkpoint: "../run/checkpoints/last.safetensors" }, gone);
      await says({ checkpoint: join(folder, LAST) }, gone);
      await assert.rejects(explorer.row({ ...request(), kind: "forward", pixel: 999 }, signal), {
        message: /^there is no pixel 999: the level has \d+, counted from 0$/,
      });
    });

    await t.step("a question that is given up is not computed", async () => {
      const given = new AbortController();
      const asked = explorer.level(request({ source: 2, target: 3 }), given.signal);
      given.abort();
      await assert.rejects(asked, { name: "AbortError" });
    });

    await t.step(
      "damaged, cut, foreign and future checkpoints are named, the others still work",
      async () => {
        const path = join(folder, "checkpoints/last.1.safetensors");
        const whole = await Deno.readFile(path);
        const says = async (bytes: Uint8Array, message: RegExp) => {
          await Deno.writeFile(path, bytes);
          await assert.rejects(
            explorer.level(request({ checkpoint: "checkpoints/last.1.safetensors" }), signal),
            { name: "UserError", message },
          );
        };
        const flipped = whole.slice();
        flipped[flipped.length - 1]! ^= 1;
        await says(
          flipped,
          /^checkpoints\/last\.1\.safetensors: damaged: its contents do not have the checksum they were written with$/,
        );
        await says(
          whole.subarray(0, 6),
          /^checkpoints\/last\.1\.safetensors: only 6 bytes; expected a safetensors file$/,
        );
        await says(
          whole.subarray(0, whole.length - 9),
          /^checkpoints\/last\.1\.safetensors: tensor .* ends beyond the file/,
        );
        await says(
          new TextEncoder().encode("hello, this is no checkpoint"),
          /^checkpoints\/last\.1\.safetensors: its header claims \d+ bytes, the file has 28; expected a safetensors file$/,
        );
        const future = new TextDecoder("latin1").decode(whole).replace('"format":"2"', '"format":"9"');
        await says(
          Uint8Array.from(future, (sign) => sign.charCodeAt(0)),
          /^checkpoints\/last\.1\.safetensors: checkpoint format 9; this plca reads up to 2, a newer one wrote the file$/,
        );
        await Deno.remove(path);
        assert.ok(!(await explorer.checkpoints()).some(({ name }) => name === "last.1"));
        assert.ok((await explorer.level(request(), signal)).associated >= 0);
      },
    );
  },
);
