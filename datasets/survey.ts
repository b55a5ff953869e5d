/**
 * What the beginnings of files say before a training or an evaluation uses them: rotation tags and palettes
 * that leave open what labels mean. It must be quick, since every start waits for it, so of most files only
 * the first 4 KiB are read, and of a large dataset only a part.
 */
import sharp from "sharp";
import type { FileReader, PictureReading } from "../core/plugin.ts";
import type { LabelDecoder } from "./decode.ts";
import { someOf } from "./faults.ts";
import { orientationOf, tellsOrientation } from "./orientation.ts";
import { Palettes } from "./palettes.ts";
import { isAmbiguous, nameOf, sameSize, type Size, tagText } from "./pictures.ts";
import { pngHeader, pngPalette } from "./png.ts";

/** The beginning of a file that is read; most tell everything there. */
const HEAD = 4096;

/**
 * So many pairs are looked at, spread evenly: reading the beginnings of more files would delay every start.
 */
const MOST_PAIRS = 1000;

/** Files that are read at once. */
const TOGETHER = 16;

/** Label files that are decoded to see which of their indices occur. */
const MOST_DECODED = 32;

/** How pairs are read. */
export interface SurveyReading {
  readonly files: FileReader;
  readonly decode: LabelDecoder;
  readonly picture?: PictureReading;
  readonly palettes?: "decided" | "undecided";
}

interface Labelled {
  readonly id: string;
  readonly image: string;
  readonly labels: string;
}

/**
 * Looks at the beginnings of at most {@linkcode MOST_PAIRS} pairs. @returns sentences about what the recipe
 * has to decide; empty when there is nothing. Files that cannot be read are passed over: using them says why
 */
export async function surveyPairs(
  pairs: readonly (Omit<Labelled, "labels"> & { readonly labels?: string })[],
  { files, decode, picture = {}, palettes = "decided" }: SurveyReading,
): Promise<string[]> {
  const labelled = spread(pairs.filter((pair): pair is Labelled => pair.labels !== undefined), MOST_PAIRS);
  const findings: (string | undefined)[] = [];
  if (picture.rotation === undefined) findings.push(await surveyRotation(labelled, files));
  if (palettes === "undecided") findings.push(await surveyPalettes(labelled, files, decode));
  return findings.filter((finding) => finding !== undefined);
}

async function surveyRotation(pairs: readonly Labelled[], files: FileReader): Promise<string | undefined> {
  const tags = await eachOf(pairs, async ({ image, labels }) => {
    const head = await headOf(files, image, tellsOrientation);
    const orientation = orientationOf(head);
    if (orientation === 1) return undefined;
    const { width = 0, height = 0 } = await sharp(await files.read(image)).metadata();
    const stored = { width, height };
    const drawn = pngHeader(await headOf(files, labels, () => true)) ?? stored;
    return { orientation, conflict: conflictOf({ stored, drawn, orientation }) };
  });
  const conflicting = pairs.flatMap((pair, k) =>
    tags[k]?.conflict === undefined ? [] : [{ pair, ...tags[k] }]
  );
  if (conflicting.length === 0) return undefined;
  const names = conflicting.map(({ pair, orientation, conflict }) =>
    `${nameOf(pair)} (${tagText(orientation)}${conflict})`
  );
  return `${conflicting.length} of ${pairs.length} images with labels have a rotation tag, and the recipe does not say ` +
    "whether their labels were drawn on the pictures upright, as viewers and annotation tools show them, or as they " +
    `are stored: ${
      someOf(names)
    }; \`rotation: apply\` turns them upright, \`rotation: ignore\` reads them as stored`;
}

/**
 * How the labels of a picture with a rotation tag can be meant, for the message; undefined: they have the
 * size of the pixels as stored, and of nothing else, so nothing is open.
 */
function conflictOf(
  { stored, drawn, orientation }: {
    readonly stored: Size;
    readonly drawn: Size;
    readonly orientation: number;
  },
): string | undefined {
  if (sameSize(stored, drawn)) return isAmbiguous(stored, orientation) ? "" : undefined;
  const text = ({ width, height }: Size) => `${width} x ${height}`;
  const upright = { width: stored.height, height: stored.width };
  return sameSize(upright, drawn)
    ? `: stored as ${text(stored)}, upright ${text(upright)} as its labels`
    : `: stored as ${text(stored)}, its labels ${text(drawn)}`;
}

/**
 * Whether palettes differ in indices that really occur; only for those candidates that differ are label files
 * decoded.
 */
async function surveyPalettes(
  pairs: readonly Labelled[],
  files: FileReader,
  decode: LabelDecoder,
): Promise<string | undefined> {
  const palettes = await eachOf(pairs, async ({ labels }) => {
    const head = await headOf(
      files,
      labels,
      (head) => !pngHeader(head)?.palette || pngPalette(head) !== undefined,
    );
    return pngHeader(head)?.palette ? pngPalette(head) : undefined;
  });
  const allPalettes = new Palettes();
  palettes.forEach((palette, k) => palette && allPalettes.add(nameOf(pairs[k]!), [...palette.entries()]));
  if (allPalettes.differing().length === 0) return undefined;
  // Colours of indices that never occur may differ.
  const used = new Palettes();
  const first = new Map<string, number>();
  palettes.forEach((palette, k) => palette && !first.has(palette.join()) && first.set(palette.join(), k));
  const chosen = [
    ...first.values(),
    ...spread(pairs.keys().filter((k) => palettes[k]).toArray(), MOST_DECODED),
  ];
  for (const k of [...new Set(chosen)].slice(0, MOST_DECODED)) {
    const { data } = decode(await files.read(pairs[k]!.labels), pairs[k]!.labels);
    used.add(nameOf(pairs[k]!), [...new Set<number>(data)].map((id) => [id, palettes[k]![id] ?? 0]));
    const differing = new Set(used.differing());
    if (differing.size === 0) continue;
    const differences = new Palettes();
    palettes.forEach((palette, k) =>
      palette &&
      differences.add(nameOf(pairs[k]!), [...palette.entries()].filter(([index]) => differing.has(index)))
    );
    return differences.finding();
  }
  return undefined;
}

/** The beginning of a file, or all of it where the beginning does not tell. */
async function headOf(
  files: FileReader,
  path: string,
  tells: (head: Uint8Array) => boolean,
): Promise<Uint8Array> {
  if (files.head === undefined) return await files.read(path);
  const head = await files.head(path, HEAD);
  return head.length < HEAD || tells(head) ? head : await files.read(path);
}

/** In order, several at once; undefined where a file cannot be read. */
async function eachOf<T, R>(all: readonly T[], look: (one: T) => Promise<R>): Promise<(R | undefined)[]> {
  const results: (R | undefined)[] = [];
  for (let from = 0; from < all.length; from += TOGETHER) {
    const part = all.slice(from, from + TOGETHER);
    results.push(...await Promise.all(part.map((one) => look(one).catch(() => undefined))));
  }
  return results;
}

/** At most so many, from everywhere. */
function spread<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, k) => all[Math.floor(k * all.length / most)]!);
}
