/**
 * The folders that the person named: what lies in them, how images and labels belong together, and which
 * files cannot be used.
 *
 * Three ways of lying are known: images and labels in two folders, both in one folder (told apart by their
 * names' endings), and images alone. Reading all files would take minutes, so some are looked at (`survey`)
 * and the rest is believed. What is broken among those is left out with a remark.
 */
import { extname, join, resolve } from "node:path";
import { UserError } from "../../core/errors.ts";
import { printable } from "../../core/printable.ts";
import { countOf } from "../../core/words.ts";
import { diskFiles } from "../../datasets/files.ts";
import {
  IMAGE,
  isHidden,
  LABELS,
  pairFiles,
  type Pairing,
  withoutRivals,
} from "../../datasets/found/pairing.ts";
import { UNREAD_IMAGES } from "../../datasets/image_files.ts";
import { NoIdsError } from "../../datasets/found/pair_facts.ts";
import { type Survey, survey } from "../../datasets/found/survey.ts";
import type { Host } from "../host.ts";
import { showImage } from "../input.ts";

/** An image, and its label file where it has one; absolute paths. */
export interface OwnPair {
  readonly image: string;
  readonly labels?: string;
}

/** What was found in the folders of one option. */
export interface OwnFolders {
  /** As in `--source`. */
  readonly option: string;
  /** Absolute. */
  readonly images: string;
  /** Absolute; absent: no labels. */
  readonly labels?: string;
  /** Absent: no labels. */
  readonly pairing?: Pairing;
  /** The pairs that can be used, as far as they were looked at. */
  readonly pairs: readonly OwnPair[];
  readonly survey: Survey<OwnPair>;
  /** Files that are passed over, and why; a sentence each. */
  readonly remarks: readonly string[];
  /** Whether the two folders, read as they are, give `pairs` and nothing else. */
  readonly whole: boolean;
}

/** Folders as the person named them. */
export interface NamedFolders {
  readonly option: string;
  /** As typed: images, and labels where there are some. */
  readonly folders: readonly string[];
  /** Whether there must be labels. */
  readonly labelled: boolean;
}

/**
 * Looks into folders. Where labels are optional and the label files turn out to be pictures, the images are
 * taken without labels.
 * @throws UserError that says what was expected
 */
export async function findFolders(host: Host, named: NamedFolders): Promise<OwnFolders> {
  const { option, labelled } = named;
  const [images, labels = images] = await Promise.all(
    named.folders.map((folder) => folderOf(host, option, folder)),
  );
  const files = await namesIn(images!, labels!);
  if (files.every((name) => !IMAGE.test(name) || isHidden(name))) {
    throw new UserError(`${option} ${shownFolder(named, 0)}: ${noImage(files)}`);
  }
  const together = images === labels;
  const labelFiles = together ? files : await namesIn(labels!, images!);
  const pairing = pairFiles({ images: files, labels: labelFiles, together });
  const unread = files.filter((name) => UNREAD_IMAGES.test(name) && !isHidden(name));
  const found = { images: images!, labels: labels!, pairing, unread };
  if (pairing.pairs.length > 0) {
    try {
      return await withLabels(host, named, found);
    } catch (error) {
      // Two pictures of alike names in one folder are no image with its labels.
      if (!(error instanceof NoIdsError) || labelled || named.folders.length > 1) throw error;
    }
  } else if (labelled || named.folders.length > 1) throw new UserError(noPair(named, files, labelFiles));
  return await withoutLabels(host, option, { images: images!, files, unread });
}

/** Files below a folder, without those below the other one where it lies inside. */
async function namesIn(folder: string, other: string): Promise<readonly string[]> {
  const names = await diskFiles().list(folder);
  const inside = other.startsWith(`${folder}/`) ? `${other.slice(folder.length + 1)}/` : undefined;
  return inside === undefined ? names : names.filter((name) => !name.startsWith(inside));
}

/** The absolute path of a folder, links followed. @throws UserError when there is none */
async function folderOf(host: Host, option: string, folder: string): Promise<string> {
  const path = resolve(host.cwd, folder);
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.isDirectory) return await Deno.realPath(path);
  throw new UserError(
    `${option} ${printable(folder)}: ${
      info ? "this is a file" : "there is no such folder"
    }; expected a folder, ` +
      `as in ${option} photos labels`,
  );
}

/** A folder as the person typed it; the only one where both are the same. */
function shownFolder({ folders }: NamedFolders, at: number): string {
  return printable(folders[at] ?? folders[0]!);
}

/** The error for a folder without images: what it holds instead. */
function noImage(files: readonly string[]): string {
  const kinds = [...new Set(files.filter((name) => !isHidden(name)).map((name) => extname(name) || name))];
  const held = kinds.length === 0
    ? "is empty"
    : `holds ${countOf(files.length, "file")} (${kinds.slice(0, 4).join(", ")})`;
  return `the folder ${held}; expected images (JPEG, PNG, TIFF or WebP)`;
}

/**
 * The error for images without labels: the name that was expected for one of them, and a name that is there.
 */
function noPair(named: NamedFolders, files: readonly string[], labels: readonly string[]): string {
  const image = files.find((name) => IMAGE.test(name) && !isHidden(name))!;
  const label = labels.find((name) => LABELS.test(name) && !isHidden(name) && name !== image);
  const folder = shownFolder(named, 1);
  const example = image.replace(/\.[^.]*$/, "");
  const found = label === undefined ? "no PNG" : printable(label);
  return `${named.option}: no image has a label file; for ${
    printable(join(shownFolder(named, 0), image))
  } expected ` +
    `${printable(`${folder}/${example}.png`)}, or the same with an ending as in ${
      printable(`${example}_labels.png`)
    }; ` +
    `found ${found}`;
}

/** Images and labels, paired by their names. */
interface Found {
  readonly images: string;
  readonly labels: string;
  readonly pairing: Pairing;
  /** Images of forms that are not read. */
  readonly unread: readonly string[];
}

/** Pairs, after some of them were looked at. @throws UserError when none can be used */
async function withLabels(host: Host, { option }: NamedFolders, found: Found): Promise<OwnFolders> {
  const { images, labels, pairing, unread } = found;
  const all = pairing.pairs.map((pair): OwnPair => ({
    image: `${images}/${pair.image}`,
    labels: `${labels}/${pair.labels}`,
  }));
  const seen = await survey(all, { files: diskFiles(), onImage: progress(host, option) });
  const broken = new Set(seen.broken.map(({ pair }) => pair));
  const pairs = all.filter((pair) => !broken.has(pair));
  if (pairs.length === 0) {
    throw new UserError(nothingUsable(option, seen));
  }
  const { unlabelled, orphans, competing, prefixed } = pairing;
  const remarks = [
    ...remark(unlabelled, "image", "without labels"),
    ...remark(orphans, "label file", "without an image"),
    ...remark(competing, "image", RIVAL),
    ...remark(unread, "image", UNREAD),
    ...brokenRemarks(seen),
  ];
  const whole = !prefixed && images !== labels && unlabelled.length + competing.length + broken.size === 0;
  return { option, images, labels, pairing, pairs, survey: seen, remarks, whole };
}

/** Images alone, after some of them were looked at. @throws UserError when none can be used */
async function withoutLabels(
  host: Host,
  option: string,
  { images, files, unread }: Pick<Found, "images" | "unread"> & { readonly files: readonly string[] },
): Promise<OwnFolders> {
  const { first, rivals } = withoutRivals(files.filter((name) => IMAGE.test(name) && !isHidden(name)));
  const pairs = first.map((name): OwnPair => ({ image: `${images}/${name}` }));
  const seen = await survey(pairs, { files: diskFiles(), onImage: progress(host, option) });
  const broken = new Set(seen.broken.map(({ pair }) => pair));
  if (broken.size === pairs.length) throw new UserError(nothingUsable(option, seen));
  return {
    option,
    images,
    pairs: pairs.filter((pair) => !broken.has(pair)),
    survey: seen,
    remarks: [
      ...remark(rivals, "image", RIVAL),
      ...remark(unread, "image", UNREAD),
      ...brokenRemarks(seen),
    ],
    whole: rivals.length + broken.size === 0,
  };
}

/** Shows which image is looked at. */
function progress(host: Host, option: string) {
  return (done: number, of: number) => showImage(host, option.replace(/^-+/, ""), { done, of });
}

/** Why one of two images with the same name is left out. */
const RIVAL = "with the name of another one, but for the extension";

/** Why images of other forms are left out. */
const UNREAD = "of a form that is not read; save such as PNG or JPEG";

/** Broken files that are named. */
const NAMED = 5;

/** Sentences about files that are left out because they cannot be used. */
function brokenRemarks({ broken }: Survey<OwnPair>): string[] {
  const more = broken.length > NAMED ? [`left out: ${broken.length - NAMED} more that cannot be used`] : [];
  return [...broken.slice(0, NAMED).map(({ why }) => `left out: ${printable(why)}`), ...more];
}

/** The error for folders of which no file can be used, with the reason of the first. */
function nothingUsable(option: string, { broken }: Survey<OwnPair>): string {
  return `${option}: none of the images that were looked at can be used, as ${printable(broken[0]!.why)}`;
}

/** A sentence about files that are left out; none for no files. */
function remark(files: readonly string[], what: string, why: string): string[] {
  if (files.length === 0) return [];
  const more = files.length > 1 ? ` and ${files.length - 1} more` : "";
  return [`left out: ${countOf(files.length, what)} ${why} (${printable(files[0]!)}${more})`];
}
