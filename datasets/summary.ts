/** What a check of a dataset found, as plain data: `plca data check` prints it, or writes it as JSON. */
import type { LabelSpace } from "../core/label_space.ts";
import { frequencies } from "./class_stats.ts";
import { FactBook } from "./fact_book.ts";
import { hex } from "./hex.ts";
import type { Fault, Inspection } from "./inspection.ts";

/** A dataset after all its images were looked at. Shares are in [0, 1], 0 where there is nothing to share. */
export interface DatasetSummary {
  /** Images whose files are all there. */
  readonly images: number;
  /** Images that were looked at. */
  readonly inspected: number;
  /** Every size that occurs, the most frequent first. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly images: number }[];
  /** Absent when labels were not looked at. */
  readonly labels?: LabelSummary;
  /** Files that are missing or cannot be used: missing ones first, then in the dataset's order. */
  readonly faults: readonly Fault[];
  /** Stored ids that the dataset does not know, and in how many files each is. */
  readonly unknownIds: readonly { readonly id: number; readonly files: number }[];
  /** The same where labels are read by colour, as in `#804080`. */
  readonly unknownColours?: readonly { readonly colour: string; readonly files: number }[];
  /** What may be wrong although every file can be used; absent: nothing. */
  readonly hints?: readonly string[];
  /** Mean time to read and decode an image with its labels. */
  readonly secondsPerImage: number;
}

/** What the labels hold. */
export interface LabelSummary {
  readonly space: string;
  /** Images whose labels could be read. */
  readonly images: number;
  /** Share of pixels with the ignore label. */
  readonly ignored: number;
  readonly classes: readonly ClassSummary[];
}

/** How often a class occurs. */
export interface ClassSummary {
  readonly name: string;
  readonly pixels: number;
  /** Of all labelled pixels. */
  readonly pixelShare: number;
  /** Images where the class occurs. */
  readonly images: number;
  /** Of all images whose labels could be read. */
  readonly imageShare: number;
}

/** Takes in inspections image by image. Memory does not grow with sound images. */
export interface Summarizer {
  add(found: Inspection): void;
  summary(images: number): DatasetSummary;
}

/** An empty summary of a dataset; `known` is what was found before its images were looked at. */
export function summarizer(
  { space, labels, known }: {
    readonly space: LabelSpace;
    readonly labels: boolean;
    readonly known: readonly Fault[];
  },
): Summarizer {
  const faults: Fault[] = [...known];
  const sizes = new Map<string, number>();
  const unknown = new Map<number, number>(), colours = new Map<number, number>();
  const book = new FactBook(labels);
  const pixels = new Array<number>(space.classes.length).fill(0);
  const occurs = new Array<number>(space.classes.length).fill(0);
  let inspected = 0, seconds = 0, ignored = 0, counted = 0;
  const increment = <K>(map: Map<K, number>, key: K) => map.set(key, (map.get(key) ?? 0) + 1);

  const labelSummary = (): LabelSummary => {
    const all = pixels.reduce((total, count) => total + count, ignored);
    const shares = frequencies([pixels], space.classes.length);
    return {
      space: space.name,
      images: counted,
      ignored: all === 0 ? 0 : ignored / all,
      classes: space.classes.map((name, id) => ({
        name,
        pixels: pixels[id]!,
        pixelShare: shares[id]!,
        images: occurs[id]!,
        imageShare: counted === 0 ? 0 : occurs[id]! / counted,
      })),
    };
  };
  return {
    add(found) {
      inspected++;
      seconds += found.seconds;
      if (found.size) increment(sizes, found.size.join("x"));
      if (found.fault) faults.push(found.fault);
      const { ids = [], colours: coloured = false } = found.fault ?? {};
      for (const id of ids) increment(coloured ? colours : unknown, id);
      book.add(found);
      if (found.pixels === undefined) return;
      counted++;
      ignored += found.ignored!;
      found.pixels.forEach((count, id) => {
        pixels[id]! += count;
        if (count > 0) occurs[id]!++;
      });
    },
    summary: (images) => {
      const { palettes, hints } = book.findings(inspected === images);
      return {
        images,
        inspected,
        sizes: [...sizes].toSorted(([, a], [, b]) => b - a).map(([size, count]) => {
          const [width, height] = size.split("x").map(Number);
          return { width: width!, height: height!, images: count };
        }),
        ...(labels ? { labels: labelSummary() } : {}),
        faults: palettes ? [...faults, palettes] : faults,
        unknownIds: [...unknown].toSorted(([a], [b]) => a - b).map(([id, files]) => ({ id, files })),
        ...(colours.size === 0 ? {} : {
          unknownColours: [...colours].toSorted(([, a], [, b]) => b - a)
            .map(([colour, files]) => ({ colour: hex(colour), files })),
        }),
        ...(hints.length === 0 ? {} : { hints }),
        secondsPerImage: inspected === 0 ? 0 : seconds / inspected,
      };
    },
  };
}
