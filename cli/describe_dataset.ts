/**
 * What `plca data check` says of one dataset, as text: sizes, labels, hints, a table of classes, and what is
 * broken. Lists are cut to the first few entries, since a dataset that was read in a wrong way has thousands
 * of faults that all say the same.
 */
import { countOf, percent } from "../core/words.ts";
import { takenText } from "../datasets/passed_over.ts";
import type { DatasetSummary, LabelSummary } from "../datasets/summary.ts";
import { renderGrid } from "../report/grid.ts";
import type { CheckedDataset } from "./data_check.ts";

/** Broken files that are named; with `--json` all are. */
const NAMED = 20;

/** How many unknown colours are named, the most frequent first: smoothed edges make thousands. */
const COLOURS = 8;

/** Sizes that are named. */
const SIZES = 6;

/** What was found of a dataset, in lines without a trailing newline. */
export function describeDataset(
  { name, type, summary, files = [], unlabelled, hint }: CheckedDataset,
): string {
  const { images, inspected, labels, secondsPerImage } = summary;
  const looked = inspected < images ? `, ${inspected} looked at` : "";
  const lines = [`${name}: ${type}, ${countOf(images, "image")}${looked}`];
  for (const each of files) lines.push(`  files   ${takenText(each)}`);
  if (inspected > 0) {
    lines.push(`  sizes   ${sizesText(summary)}`);
    lines.push(`  labels  ${labels ? labelsText(labels) : `not looked at: ${unlabelled}`}`);
    for (const one of [...(hint ? [hint] : []), ...summary.hints ?? []]) lines.push(`  hint    ${one}`);
    lines.push(`  time    ${secondsPerImage.toFixed(3)} s per image`);
  }
  if (labels && labels.images > 0) lines.push("", classTable(labels));
  lines.push(...brokenLines(summary));
  return lines.join("\n");
}

/** The sizes of images, with the number of images of each. */
function sizesText({ sizes }: DatasetSummary): string {
  if (sizes.length === 0) return "none: no image can be read";
  const named = sizes.slice(0, SIZES).map(({ width, height, images }) => `${width}x${height} (${images})`);
  const rest = sizes.length - SIZES;
  return rest > 0 ? `${named.join(", ")} and ${rest} more` : named.join(", ");
}

/** The classes that labels are read as, and the share of pixels that counts nowhere. */
function labelsText({ space, images, ignored }: LabelSummary): string {
  return `${space}, ${percent(ignored)} % of the pixels ignored, counted in ${countOf(images, "image")}`;
}

/** A table of classes: their share of the pixels, and the share of images that show them. */
function classTable({ classes }: LabelSummary): string {
  const table = renderGrid({
    head: ["class", "pixels %", "images %"],
    rows: classes.map((
      { name, pixelShare, imageShare },
    ) => [name, (100 * pixelShare).toFixed(3), percent(imageShare)]),
    notes: [],
  }, "text");
  return table.split("\n").map((line) => `  ${line}`).join("\n");
}

/** What is broken, in lines; none where nothing is. */
function brokenLines({ faults, unknownIds, unknownColours = [] }: DatasetSummary): string[] {
  if (faults.length === 0) return [];
  const lines = ["", `  broken: ${kinds(faults)}`];
  if (unknownIds.length > 0) {
    const ids = unknownIds.map(({ id, files }) => `${id} in ${countOf(files, "file")}`);
    lines.push(`  unknown ids: ${ids.join(", ")}`);
  }
  if (unknownColours.length > 0) {
    const rest = unknownColours.length - COLOURS;
    const named = unknownColours.slice(0, COLOURS).map(({ colour, files }) =>
      `${colour} in ${countOf(files, "file")}`
    );
    lines.push(`  unknown colours: ${named.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`);
  }
  lines.push(...faults.slice(0, NAMED).map(({ file, message }) => `    ${file}: ${message}`));
  if (faults.length > NAMED) lines.push(`    and ${faults.length - NAMED} more; --json names all`);
  return lines;
}

/** Kinds of faults in words. */
const KINDS = {
  missing: "missing",
  competing: "competing for a name",
  unreadable: "not usable",
  sizes: "of another size than their image",
  ids: "with unknown ids",
  rotation: "with a rotation tag that the recipe has to decide on",
  palettes: "set of palettes that differ",
} as const;

/** How many faults there are of each kind. */
function kinds(faults: DatasetSummary["faults"]): string {
  const parts = Object.entries(KINDS).flatMap(([kind, words]) => {
    const count = faults.filter((fault) => fault.kind === kind).length;
    return count === 0 ? [] : [`${count} ${words}`];
  });
  return parts.join(", ");
}
