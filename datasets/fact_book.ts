/**
 * What the files of a whole dataset say of themselves, put together into hints: rotation tags, 16-bit images
 * that use a sliver of their range, palettes that contradict each other, labels that are all ignored. Each
 * file alone is fine; only together do they show that something may be meant otherwise.
 */
import { countOf } from "../core/words.ts";
import { someOf } from "./faults.ts";
import type { Fault, Inspection } from "./inspection.ts";
import { Palettes } from "./palettes.ts";
import { tagText } from "./pictures.ts";

/** What the facts add up to. */
export interface BookFindings {
  /** Palettes that give one index different colours, while the recipe decides for none. */
  readonly palettes?: Fault;
  readonly hints: readonly string[];
}

/** An image of 16 bits that uses less than this of its range is nearly flat after decoding. */
const SMALL_PART = 2 ** 14;

/** So many names are kept. */
const NAMES = 4;

/** Files that have something in common: how many, and the names of the first few. */
class Group {
  readonly names: string[] = [];
  count = 0;

  /** Counts a file, and notes its name while few are noted. */
  add(name: string): void {
    this.count++;
    if (this.names.length < NAMES) this.names.push(name);
  }

  /** `3 of 7 images` */
  of(all: number, what: string): string {
    return `${this.count} of ${countOf(all, what)}`;
  }

  get some(): string {
    return someOf(this.names, this.count);
  }
}

/** Takes in images one by one. Memory does not grow with them. */
export class FactBook {
  readonly #labels: boolean;
  /** Images with a rotation tag that is not followed. */
  readonly #turned = new Group();
  /** Images of 16 bits that use a small part of their range. */
  readonly #narrow = new Group();
  readonly #palettes = new Palettes();
  /** The first file with a palette. */
  #first: string | undefined;
  /** The lowest and the highest sample of those. */
  #extent: [number, number] = [Infinity, -Infinity];
  /**
   * All images; those of 16 bits; those whose labels were counted, and among them those with a labelled
   * pixel.
   */
  #images = 0;
  #deep = 0;
  #counted = 0;
  #labelled = 0;

  /** @param labels whether labels are looked at */
  constructor(labels: boolean) {
    this.#labels = labels;
  }

  /** Takes in one image. */
  add({ facts, pixels, fault }: Inspection): void {
    this.#images++;
    if (pixels) {
      this.#counted++;
      if (pixels.some((count) => count > 0)) this.#labelled++;
    }
    if (facts === undefined) return;
    const { name, turned, deep, palette } = facts;
    // Where labels cannot be read for it, the fault tells of the tag.
    if (turned !== undefined && fault === undefined) this.#turned.add(`${name} (${tagText(turned)})`);
    if (deep) {
      this.#deep++;
      if (deep[1] - deep[0] < SMALL_PART) {
        this.#narrow.add(name);
        this.#extent = [Math.min(this.#extent[0], deep[0]), Math.max(this.#extent[1], deep[1])];
      }
    }
    if (palette) {
      this.#first ??= name;
      this.#palettes.add(name, palette);
    }
  }

  /** @param whole whether every image was looked at */
  findings(whole: boolean): BookFindings {
    const palettes = this.#palettes.finding();
    const hints = [this.#rotationHint(), this.#rangeHint(), this.#unlabelledHint(whole)];
    return {
      ...(palettes ? { palettes: { file: this.#first!, message: palettes, kind: "palettes" as const } } : {}),
      hints: hints.filter((hint) => hint !== undefined),
    };
  }

  /** That images have rotation tags, and how to decide what they mean. */
  #rotationHint(): string | undefined {
    if (this.#turned.count === 0) return undefined;
    const fits = this.#labels ? "; their labels have the size of the pixels as stored" : "";
    return `${
      this.#turned.of(this.#images, "image")
    } with a rotation tag that is not followed: ${this.#turned.some}` +
      `${fits}; \`rotation: apply\` turns them upright, \`rotation: ignore\` says that they are meant as stored`;
  }

  /** That images of 16 bits become nearly black, and the option that spreads them. */
  #rangeHint(): string | undefined {
    if (this.#narrow.count === 0) return undefined;
    const [low, high] = this.#extent;
    return `${
      this.#narrow.of(this.#deep, "image")
    } of 16 bits use a small part of their range: samples of ${low} to ` +
      `${high} of 65535, which become ${low >> 8} to ${high >> 8} of 255 (${this.#narrow.some}); ` +
      `\`range: [${low}, ${high}]\` in the recipe spreads these over 0 to 255, or save the images with 8 bits`;
  }

  /** That every label is the ignore label. @param whole whether every image was looked at */
  #unlabelledHint(whole: boolean): string | undefined {
    if (this.#counted === 0 || this.#labelled > 0) return undefined;
    return `no pixel of ${whole ? "its" : "the first"} ${countOf(this.#counted, "image")} is labelled: ` +
      "every one has the ignore label, so there is nothing to learn from or to compare with";
  }
}
