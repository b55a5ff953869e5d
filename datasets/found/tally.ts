/**
 * Counts what label files hold: ids, or colours where the files are of colours or their palettes contradict
 * each other. Heights are kept with the counts, since where a class lies in the picture tells much about what
 * it is.
 */
import { type LabelValues, NoIdsError } from "./pair_facts.ts";

/** An id, or a colour, in the label files that were looked at. */
export interface FoundId {
  /** As stored; a colour as 0xrrggbb. */
  readonly id: number;
  readonly pixels: number;
  /** Share of all pixels, in (0, 1]. */
  readonly share: number;
  /** Where its pixels lie on average: 0 the first row, 1 the last. */
  readonly height: number;
}

/** What all files hold together. */
export interface FoundLabels {
  /** By id. */
  readonly ids: readonly FoundId[];
  /** Whether the files hold ids, or show colours. */
  readonly by: "index" | "colour";
  /** Whether they hold ids of palettes that differ, so that colours are read instead. */
  readonly repainted?: boolean;
}

/** More values than this in one file are shades of a picture, not classes. */
const SHADES = 150;

/** Pixels of a value. */
interface Sum {
  pixels: number;
  /** Sum of the rows' places in [0, 1]. */
  rows: number;
}

/** Takes in label files one by one; memory does not grow with files. */
export class Tally {
  readonly #ids = new Map<number, Sum>();
  readonly #colours = new Map<number, Sum>();
  /** Of every index that occurred. */
  readonly #painted = new Map<number, number>();
  #repainted = false;
  /** The last file of each kind. */
  readonly #files: { plain?: string; palette?: string; colours?: string } = {};

  /** @throws NoIdsError when the file holds a picture */
  add({ by, palette, ...plane }: LabelValues, file: string): void {
    const found = sums(plane);
    if (found.size > SHADES) {
      throw new NoIdsError(
        file,
        `${found.size} different values in one file are shades of a picture, or numbers of objects; ` +
          "expected class ids",
      );
    }
    this.#files[by === "colour" ? "colours" : palette ? "palette" : "plain"] = file;
    for (const [value, sum] of found) {
      if (by === "index") addTo(this.#ids, value, sum);
      if (by === "colour") addTo(this.#colours, value, sum);
      else if (palette) {
        const colour = palette[value] ?? 0;
        addTo(this.#colours, colour, sum);
        this.#repainted ||= (this.#painted.get(value) ?? colour) !== colour;
        this.#painted.set(value, colour);
      }
    }
  }

  /** @throws NoIdsError when some files can be read by their ids alone, and others by their colours alone */
  found(): FoundLabels {
    const { plain, colours } = this.#files;
    if (colours !== undefined && plain !== undefined) {
      throw new NoIdsError(
        colours,
        `the labels are colours, those of ${plain} ids; expected one kind in a folder`,
      );
    }
    if (colours !== undefined) return { ids: shares(this.#colours), by: "colour" };
    if (!this.#repainted || plain !== undefined) return { ids: shares(this.#ids), by: "index" };
    return { ids: shares(this.#colours), by: "colour", repainted: true };
  }
}

/** Pixels of each value in one file, counted run by run. */
function sums({ width, height, data }: Omit<LabelValues, "by">): Map<number, Sum> {
  const found = new Map<number, Sum>();
  for (let y = 0, at = 0; y < height; y++) {
    // Labels are the same over many pixels.
    for (let x = 0; x < width;) {
      const value = data[at]!;
      const from = x;
      do {
        x++;
        at++;
      } while (x < width && data[at] === value);
      addTo(found, value, { pixels: x - from, rows: (x - from) * (y + 0.5) / height });
    }
  }
  return found;
}

function addTo(all: Map<number, Sum>, value: number, { pixels, rows }: Sum): void {
  const sum = all.get(value);
  if (sum === undefined) all.set(value, { pixels, rows });
  else {
    sum.pixels += pixels;
    sum.rows += rows;
  }
}

function shares(all: ReadonlyMap<number, Sum>): FoundId[] {
  const total = [...all.values()].reduce((sum, { pixels }) => sum + pixels, 0);
  return [...all].toSorted(([a], [b]) => a - b).map(([id, { pixels, rows }]) => ({
    id,
    pixels,
    share: pixels / total,
    height: rows / pixels,
  }));
}
