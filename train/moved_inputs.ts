/**
 * Whether data that was moved is the data that a run began with: `plca train --resume RUN --set data.root=...`
 * asks before it writes the new path into the run. No image is read, only names and sizes.
 */
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { DatasetPlan, FileReader } from "../core/plugin.ts";
import { printable } from "../core/printable.ts";
import { countOf } from "../core/words.ts";
import { openInput } from "../datasets/input.ts";
import { streamsToRead } from "./loaders.ts";
import {
  described,
  differenceFrom,
  placesOf,
  type PresentFiles,
  type RecordedFile,
  type RecordedInputs,
} from "./recorded_inputs.ts";

/** What could be compared with the record of a run. */
export interface ComparedInputs {
  /** Files of datasets that are the same by name and size. */
  readonly files: number;
  /** Places in the recipe that the run reads and of which nothing was recorded. */
  readonly unknown: readonly string[];
}

/**
 * Compares the data that a plan names with what a run recorded. Only file names without their folders, their
 * order and their sizes are compared; no image is read.
 * @param recorded undefined: there is no record, so every place of the plan is `unknown`
 * @throws UserError that names the first file that differs, DataError when the data is not there
 */
export async function compareInputs(
  plan: RunPlan,
  recorded: RecordedInputs | undefined,
  files: FileReader,
): Promise<ComparedInputs> {
  const input = openInput({ ...plan, input: { ...plan.input, workers: 0 } }, files);
  const unknown: string[] = [], done = new Set<string>();
  let same = 0;
  try {
    const read = readBy(plan);
    for (const [dataset, place] of placesOf(plan)) {
      const before = recorded?.datasets[place];
      if (done.has(place) || !(before || read.has(dataset))) continue;
      done.add(place);
      const { files: paths } = await input.open(dataset, before?.labels ? {} : { labels: false });
      // A dataset without files is computed, such as a drawn one: there is nothing to compare.
      if (paths === undefined) continue;
      if (before === undefined) unknown.push(place);
      else {
        requireSame(before.files, { place, now: await described(plan, paths, files), root: plan.data.root });
        same += before.files.length;
      }
    }
  } finally {
    await input.close();
  }
  return { files: same, unknown };
}

/** The datasets that training and its evaluation read. */
function readBy({ data, phases }: RunPlan): ReadonlySet<DatasetPlan> {
  const streams = phases.flatMap(streamsToRead);
  return new Set([
    ...streams.flatMap((stream) => "dataset" in stream ? [stream.dataset] : []),
    ...(data.splits.val ? [data.splits.val] : []),
  ]);
}

function requireSame(before: readonly RecordedFile[], now: PresentFiles): void {
  const why = differenceFrom(before, now);
  if (why === undefined) return;
  throw new UserError(
    printable(
      `${now.place}: ${why}; a resumed run needs the data that it began with: correct the path, or begin a new run`,
    ),
  );
}

/** A line such as `the same 8 files by name and size`, with the places that could not be compared. */
export function comparedText({ files, unknown }: ComparedInputs): string {
  const parts = [
    ...(files > 0 ? [`the same ${countOf(files, "file")} by name and size`] : []),
    ...(unknown.length > 0
      ? [
        `not checked, because nothing was recorded of it when the run began: ${unknown.join(", ")}`,
      ]
      : []),
  ];
  return parts.length === 0 ? "it has no files to compare" : parts.join("; ");
}
