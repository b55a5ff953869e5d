/**
 * Where the datasets of a new recipe lie, as the recipe writes it: folders below a common root, or a list
 * file beside the recipe where folders hold more than is meant.
 */
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import { UserError } from "../../core/errors.ts";
import { printable } from "../../core/printable.ts";
import { countOf } from "../../core/words.ts";
import type { Rotation } from "../../datasets/found/survey.ts";
import type { OwnFolders, OwnPair } from "./folders.ts";
import { type DatasetEntry, imagesText, quoted } from "./text.ts";

/** A list file that the recipe names. */
export interface ListFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

/** What is known of the datasets before they are written. */
export interface Writing {
  /** What all label files hold, or the source's where the others are not used. */
  readonly by: "index" | "colour";
  /** Whether some of them need a list. */
  readonly lists: boolean;
}

/** Where the datasets lie, as the recipe writes it: below a common root, by folders or by lists. */
export class Places {
  /** As the recipe writes it; absent where the folders have nothing in common. */
  readonly root?: string;
  readonly lists: ListFile[] = [];
  readonly #out: string;
  readonly #by: "index" | "colour";
  /** Absolute. */
  readonly #root: string;

  constructor(out: string, found: readonly OwnFolders[], { by, lists }: Writing) {
    this.#out = out;
    this.#by = by;
    const home = dirname(out);
    const inside = common(
      found.flatMap(({ images, labels }) => labels === undefined ? [images] : [images, labels]),
    );
    // A list lies beside the recipe and is named below the root: then recipe, lists and data move together.
    const around = lists ? common([home, inside]) : "/";
    this.#root = around === "/" ? inside : around;
    if (this.#root === "/" || common([home, this.#root]) === "/") this.root = this.#root;
    else this.root = relative(home, this.#root) || ".";
  }

  /** A dataset by its two folders where these can be read as they are, else by a list. */
  entry(found: OwnFolders, key: string): DatasetEntry {
    const { images, labels, pairing, pairs, whole } = found;
    const labelled = pairing !== undefined && key !== "target";
    const says = imagesText(pairs.length, labelled);
    if (!whole) {
      const bare = key === "target"
        ? (pairing?.unlabelled ?? []).map((name): OwnPair => ({ image: `${images}/${name}` }))
        : [];
      return this.listed(found, key, [...pairs, ...bare], says);
    }
    return {
      comments: comments(found, says),
      place: {
        images: quoted(this.#below(images)),
        ...this.#labels(labelled ? labels : undefined),
        ...(pairing && pairing.imageSuffix !== "" ? { image_suffix: quoted(pairing.imageSuffix) } : {}),
        ...(labelled && pairing.labelSuffix !== "" ? { label_suffix: quoted(pairing.labelSuffix) } : {}),
        ...pictureOptions(found),
      },
    };
  }

  /** A dataset by a list beside the recipe. */
  listed(found: OwnFolders, key: string, pairs: readonly OwnPair[], says: string): DatasetEntry {
    const path = join(dirname(this.#out), `${basename(this.#out).replace(/\.ya?ml$/i, "")}_${key}.txt`);
    // A tab, if only at the end, allows blanks in names.
    const lines = pairs.map(({ image, labels }) =>
      [image, labels].map((file) => file === undefined ? "" : listable(this.#below(file))).join("\t")
    );
    this.lists.push({ path, text: `${lines.join("\n")}\n` });
    const inside = relative(this.#root, path);
    return {
      comments: comments(found, says),
      place: {
        list: quoted(inside.startsWith("..") || isAbsolute(inside) ? path : inside),
        ...this.#labels(undefined),
        ...pictureOptions(found),
      },
    };
  }

  /** The option `labels`: the folder, and that `classes` lists colours where it does. */
  #labels(folder: string | undefined): { readonly labels?: string } {
    const named = folder === undefined ? undefined : quoted(this.#below(folder));
    if (this.#by === "index") return named === undefined ? {} : { labels: named };
    return { labels: named === undefined ? "{ by: colour }" : `{ folder: ${named}, by: colour }` };
  }

  /** A path as the recipe writes it: below the root. */
  #below(path: string): string {
    return relative(this.#root, path) || ".";
  }
}

/** Options of `folder` that follow from what the image files say of themselves. */
function pictureOptions({ survey: { rotation, bits } }: OwnFolders): Readonly<Record<string, string>> {
  return {
    ...(rotation ? { rotation: rotationText(rotation) } : {}),
    ...(bits
      ? { range: `[0, ${2 ** bits - 1}] # Guessed: no sample of these 16-bit images is brighter than that` }
      : {}),
  };
}

/**
 * The option `rotation`, with what speaks for it. Where labels lie as the pixels are stored, turning the
 * images would tear both apart; else images are turned, as viewers show them.
 */
function rotationText({ tagged, stored, upright }: Rotation): string {
  const whole = `Guessed: ${countOf(tagged, "image")} that ${tagged === 1 ? "was" : "were"} looked at`;
  if (stored > upright) {
    return `ignore # ${whole} had a rotation tag, and the labels lie as the pixels are stored`;
  }
  const why = upright > 0 ? "the labels have the size of the upright picture" : "viewers show them upright";
  return `apply # ${whole} had a rotation tag, and ${why}`;
}

/** What stands above a dataset in the recipe. */
function comments({ survey, remarks }: OwnFolders, says: string): string[] {
  const sizes = survey.sizes.slice(0, 3).map(([width, height]) => `${width}x${height}`).join(", ");
  const more = survey.sizes.length > 3 ? " and others" : "";
  return [
    `${says}. Sizes: ${sizes}${more}.`,
    ...(survey.repainted ? [`Guessed: ${REPAINTED}.`] : []),
    ...remarks.map((remark) => `${remark}.`),
  ];
}

/** What is said of labels that are read by colour although they have a palette. */
export const REPAINTED = "palettes differ from file to file, so colours are read instead of numbers";

/** A path as a list names it. */
function listable(path: string): string {
  if (/[\t\n\r]|^ | $/.test(path)) {
    throw new UserError(
      `${
        printable(path)
      }: a list cannot name a file with a tab, a line end or a blank at its beginning or end; rename it`,
    );
  }
  // A line that begins with # is a comment, and quotes around a name are taken off.
  return /^[#"']/.test(path) ? `./${path}` : path;
}

/** The deepest folder above all of these. */
function common(folders: readonly string[]): string {
  let above = folders[0]!;
  for (const folder of folders) {
    while (folder !== above && !folder.startsWith(above === "/" ? above : `${above}/`)) {
      above = dirname(above);
    }
  }
  return above;
}
