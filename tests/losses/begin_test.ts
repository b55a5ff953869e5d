/** What losses count of labels before the first step, and what they refuse. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import type { BeginBatch, BeginTools, LabelledView } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { countClasses } from "../../losses/label_counts.ts";
import { sizedJudge } from "../../losses/opponent.ts";
import { clusterPatches } from "../../losses/patch_clusters.ts";
import { contextOf } from "../contexts.ts";
import { backendTest } from "../goldens.ts";
import { termOf, viewOf } from "./terms.ts";

const NONE = 255;

/** Tools that give these labels, an image a batch. @param notes gets what is noted */
function toolsOf(
  images: readonly (readonly number[] | undefined)[],
  size: readonly [number, number],
  notes: string[] = [],
): BeginTools {
  return {
    random: Random.stream(0, "begin"),
    signal: new AbortController().signal,
    note: (message) => void notes.push(message),
    async *batches() {
      for (const [k, labels] of images.entries()) {
        yield { size, ids: [`${k}`], ...labels ? { labels: Uint8Array.from(labels) } : {} } as BeginBatch;
        await Promise.resolve();
      }
    },
  };
}

const counting = { stream: "source", images: 9, cells: [1, 2], numClasses: 2 } as const;

Deno.test("countClasses: shares of each cell; a cell without a label has those of all cells", async () => {
  const image = [0, 0, NONE, NONE, 0, 1, NONE, NONE];
  const shares = await countClasses(toolsOf([image], [2, 4]), counting);
  assert.deepEqual([...shares], [0.75, 0.25, 0.75, 0.25]);
  const rows = await countClasses(toolsOf([[0, 0, 1, 1]], [2, 2]), { ...counting, cells: [2, 1] });
  assert.deepEqual([...rows], [1, 0, 0, 1]);
});

Deno.test("countClasses stops after as many images as it was told", async () => {
  const images = [[0, 0], [0, 0], [1, 1]];
  const shares = await countClasses(toolsOf(images, [1, 2]), { ...counting, images: 2, cells: [1, 1] });
  assert.deepEqual([...shares], [1, 0]);
});

Deno.test("countClasses refuses a stream without labels, and one whose labels are all ignored", async () => {
  await assert.rejects(
    countClasses(toolsOf([undefined], [1, 2]), counting),
    new UserError('the classes of "source" are counted, which has no labels'),
  );
  await assert.rejects(
    countClasses(toolsOf([[NONE, NONE]], [1, 2]), counting),
    new UserError('no pixel of "source" has a label to count'),
  );
});

backendTest("cpu", "clusterPatches leaves out patches in which no pixel is labelled", async () => {
  const left = [0, 0, 0, 0, 1, 1, 1, 1].flatMap((label) => [label, label, NONE, NONE]);
  const notes: string[] = [];
  const tools = toolsOf([left], [8, 4], notes);
  const centres = await clusterPatches(tools, { patch: [2, 2], clusters: 2, numClasses: 2 });
  assert.deepEqual(notes, ["4 patches of the source fall into 2 clusters"]);
  // Each quarter of a patch is of one class.
  const halves = [centres.slice(0, 8), centres.slice(8)].map((centre) => [...centre].join(""));
  assert.deepEqual(halves.sort(), ["01010101", "10101010"]);
});

backendTest("cpu", "sizedJudge takes maps of the smallest size and refuses smaller ones", () => {
  const judge = (maps: tf.Tensor4D) => maps;
  const sized = sizedJudge({ params: [], judge, smallest: 4 }, "four");
  assert.deepEqual(sized.judge(tf.zeros([1, 4, 5, 1])).shape, [1, 4, 5, 1]);
  assert.throws(
    () => sized.judge(tf.zeros([1, 3, 5, 1])),
    new UserError(
      "the discriminator halves its input four times: expected a crop of at least 4 pixels, got 3x5",
    ),
  );
  return Promise.resolve();
});

backendTest("cpu", "patch-alignment: its opponent's part counts from the end of the warm-up on", () => {
  const term = termOf("patch-alignment", {
    numClasses: 2,
    patch: [2, 2],
    clusters: 2,
    width: 2,
    adversarial: 0.5,
    warmup: 0.5,
  });
  const view = viewOf({
    main: tf.randomNormal([1, 4, 4, 2], 0, 1, "float32", 1),
    size: [4, 4],
    labels: tf.zeros([1, 4, 4], "int32"),
  });
  const parts = [4, 5].map((step) => {
    const context = { ...contextOf({ source: view as LabelledView, target: view }), step, steps: 10 };
    const { loss, logs } = term.compute(context);
    return [loss, logs!["modes"]!, logs!["adversarial"]!].map((value) => value.dataSync()[0]!);
  });
  const shares = parts.map(([loss, modes, adversarial]) => (loss! - modes!) / adversarial!);
  shares.forEach((share, k) => assert.ok(Math.abs(share - [0, 0.5][k]!) < 1e-5, `${share}`));
  return Promise.resolve();
});
