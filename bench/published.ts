/**
 * An update of gtav_to_cityscapes as published, four images of 730x730 of each domain and two passes, on a
 * machine with 24 GB:
 *
 *     deno task bench published [FILE]
 *
 * FILE holds what bench/published_child.ts printed; absent, it is run.
 *
 *     deno task bench published frozen [CROP...]
 *
 * compares it with single images (published_frozen.ts).
 */
import { runScript } from "./processes.ts";
import type { Published } from "./published_child.ts";
import { publishedFrozen } from "./published_frozen.ts";
import { record } from "./record.ts";

/** The child's arguments: crop, images of each domain, passes, updates. */
const WORK = ["730", "4", "2", "1", "checkpointing"];

/** Measures in a process of its own, or takes what one measured elsewhere. */
export async function published([file, ...rest]: readonly string[]): Promise<void> {
  if (file === "frozen") return await publishedFrozen(rest);
  const measured = file === undefined
    ? await runScript("published_child.ts", WORK) as Published
    : JSON.parse(await Deno.readTextFile(file)) as Published;
  const { seconds, peak, heap, moved } = measured;
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(2);
  await record("published", {
    title: "The published batch",
    text: [
      "An update of gtav_to_cityscapes as published, with `checkpointing`: ResNet-101, four images of 730x730 of each domain, " +
      "the full objective, two passes; weights and images are random. What does not fit the 4 GB of the heap waits outside " +
      "of it. The first update of a process, which takes the memory from the system; resident set is the highest.",
    ],
    columns: [
      "s an update",
      "resident set, GB",
      "heap, GB",
      "outside at most, GB",
      "left the heap, GB",
      "came back, GB",
      "s to move them",
    ],
    rows: [[
      seconds[0]!.toFixed(0),
      peak.toFixed(2),
      heap.toFixed(2),
      gigabytes(moved.outsidePeak),
      gigabytes(moved.out),
      gigabytes(moved.back),
      moved.seconds.toFixed(1),
    ]],
    commands: ["deno task bench published"],
  });
}
