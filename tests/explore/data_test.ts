/** Data that is gone, or has no labels. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { selectBackend } from "../../backends/select.ts";
import { diskFiles } from "../../datasets/files.ts";
import { openExplorer } from "../../explore/explorer.ts";
import type { LevelRequest } from "../../explore/types.ts";
import { folderTest } from "../cli/tiny.ts";
import { hostileRun } from "../view/hostile_run.ts";
import { planOfRun } from "./trained_run.ts";

const signal = new AbortController().signal;
const PAIR: LevelRequest = {
  checkpoint: "checkpoints/last.safetensors",
  statistics: "running",
  source: 0,
  targetSet: "target",
  target: 1,
  level: 0,
};

folderTest(
  "a target without labels is compared all the same, and data that is gone is named",
  async (folder) => {
    await hostileRun.make(folder);
  },
  async (folder) => {
    const run = join(folder, "run");
    const open = async () =>
      openExplorer(await planOfRun(run), {
        folder: run,
        files: diskFiles(),
        ready: () => selectBackend("wasm"),
      });
    const first = await open();
    const { target, source, correct } = await first.level(PAIR, signal);
    assert.equal(target.labels, null);
    assert.equal(correct, null);
    assert.deepEqual(new Set(source.labels), new Set([0, 1, 2]));
    assert.deepEqual([target.imageWidth, target.imageHeight], [40, 32]);

    // An image that goes while it is explored.
    const path = join(folder, "target/images/other.png");
    await Deno.remove(path);
    await assert.rejects(first.level({ ...PAIR, level: 1 }, signal), {
      name: "DataError",
      message: `${path}: there is no such file`,
    });
    first.dispose();

    // The whole folder, before it is opened.
    await Deno.remove(join(folder, "target"), { recursive: true });
    const second = await open();
    const { sets } = await second.overview();
    assert.deepEqual(sets, [
      { set: "source", images: 2, problem: null },
      { set: "target", images: 0, problem: `${join(folder, "target/images")}: there is no such folder` },
    ]);
    await assert.rejects(second.level(PAIR, signal), {
      name: "DataError",
      message: `${join(folder, "target/images")}: there is no such folder`,
    });
    second.dispose();
  },
);

folderTest(
  "a target of which some labels are missing is shown without, one with all of them with",
  async (folder) => {
    await hostileRun.make(folder);
    await Deno.mkdir(join(folder, "target/labels"));
    const config = join(folder, "run/config.yaml");
    const text = await Deno.readTextFile(config);
    const labelled = text.replace(
      "images: target/images",
      "images: target/images\n    labels: target/labels",
    );
    assert.notEqual(labelled, text);
    await Deno.writeTextFile(config, labelled);
  },
  async (folder) => {
    const run = join(folder, "run");
    const copy = (name: string) =>
      Deno.copyFile(join(folder, "source/labels", name), join(folder, "target/labels", name));
    const look = async () => {
      const explorer = openExplorer(await planOfRun(run), {
        folder: run,
        files: diskFiles(),
        ready: () => selectBackend("wasm"),
      });
      assert.deepEqual((await explorer.overview()).sets.map(({ images }) => images), [2, 2]);
      const view = await explorer.level(PAIR, signal);
      explorer.dispose();
      return view;
    };
    await copy("other.png");
    assert.equal((await look()).target.labels, null);
    await copy(`${hostileRun.image}.png`);
    const { target, correct } = await look();
    assert.deepEqual(new Set(target.labels), new Set([0, 1, 2]));
    assert.ok(correct !== null && correct.right <= correct.labelled);
  },
);
