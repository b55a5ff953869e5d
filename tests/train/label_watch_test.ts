/** When it is said that a stream with labels has shown none. */
import assert from "node:assert/strict";
import type { Batches } from "../../train/context.ts";
import { LabelWatch } from "../../train/label_watch.ts";
import type { OpenStream } from "../../train/loaders.ts";

function watching(streams: Readonly<Record<string, { labels: boolean; length: number }>>): LabelWatch {
  const open = Object.entries(streams).map(([name, { labels, length }]) => ({
    stream: { name, labels },
    dataset: { length },
  }));
  return new LabelWatch(open as unknown as readonly Pick<OpenStream, "stream" | "dataset">[], 255);
}

/** Batches of two images by stream, all of one label. */
const batches = (labels: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries(labels).map((
      [name, label],
    ) => [name, { ids: ["a", "b"], labels: new Uint8Array(8).fill(label) }]),
  ) as unknown as Batches;

const said = (stream: string, images: number) =>
  `no pixel of ${stream} was labelled in ${images} images so far: all have the ignore label, from which nothing is ` +
  "learnt; plca data check counts the labels of every image";

Deno.test("a stream without a label is told once: after all of its images, or after 100", () => {
  const watch = watching({
    source: { labels: true, length: 4 },
    many: { labels: true, length: 9000 },
    target: { labels: false, length: 2 },
  });
  const bare = batches({ source: 255, many: 255, target: 255 });
  assert.deepEqual(watch.see(bare), []);
  assert.deepEqual(watch.see(bare), [said("source", 4)]);
  for (let k = 3; k < 50; k++) assert.deepEqual(watch.see(bare), []);
  assert.deepEqual(watch.see(bare), [said("many", 100)]);
  assert.deepEqual([watch.see(bare), watch.end()], [[], []]);
});

Deno.test("one labelled pixel ends it; what was seen of a few images is told at the end", () => {
  const watch = watching({ source: { labels: true, length: 40 }, few: { labels: true, length: 40 } });
  assert.deepEqual(watch.see(batches({ source: 255, few: 255 })), []);
  assert.deepEqual(watch.see(batches({ source: 0, few: 255 })), []);
  for (let k = 0; k < 30; k++) assert.deepEqual(watch.see(batches({ source: 255 })), []);
  assert.deepEqual(watch.end(), [said("few", 4)]);
});
