/**
 * Images and their label files from one or two folders, paired by their names.
 *
 * The hard part is a folder in which both lie together, as annotation tools leave them (`a.png` and
 * `a_mask.png`, or `a.jpg` and `a.png`). A file must then never count as image and label at once, nor as its
 * own label. When `label_suffix` tells the two apart, it decides; else a PNG is a label where another file
 * has its name. Whatever is not used is counted with its reason ({@linkcode TakenFiles}), and files that
 * could be meant otherwise raise a doubt in words rather than a guess in silence.
 */
import { DataError } from "../core/errors.ts";
import type { DatasetSetup, FileReader, TakenFiles } from "../core/plugin.ts";
import { CompetingError } from "./faults.ts";
import { type FilePair, stem } from "./file_pairs.ts";
import { type FileKind, IMAGES, LABELS } from "./image_files.ts";
import { isHidden, type Matches, matching, normalForm } from "./matching.ts";
import { tellMissing } from "./missing.ts";
import { type Listing, type Reason, takenOf } from "./passed_over.ts";
import { maskSuffixOf, partnersOf } from "./mask_names.ts";
import { plainPath, recipePath } from "./places.ts";

/** Which folders and suffixes, as the recipe writes them. */
export interface FolderChoice {
  readonly images: string;
  readonly labels?: string | undefined;
  readonly image_suffix: string;
  readonly label_suffix: string;
}

/** The pairs of the folders, and the account of what was not used. */
export interface FolderFiles {
  readonly pairs: readonly FilePair[];
  /** What was passed over. */
  readonly taken: readonly TakenFiles[];
}

/** A folder and what is in it. */
interface Place extends Listing {
  /** As the recipe writes it. */
  readonly written: string;
  /** Absolute. */
  readonly path: string;
}

/**
 * Pairs files by relative paths that agree without suffix and extension. Where both folders are one, a label
 * file is never an image; a folder of labels inside the images' folder holds no images, and the other way
 * round.
 * @returns pairs in the order of the images' names; without labels where they are not wanted or no folder
 *   of them is given
 * @throws DataError when a folder is missing or holds no image; for images without labels and files that
 *   compete, unless `onMissing` is given them
 */
export async function fromFolders(choice: FolderChoice, setup: DatasetSetup): Promise<FolderFiles> {
  const { root, files, labels: wanted = true, onMissing } = setup;
  const path = await recipePath(files, root, choice.images);
  const labelsPath = choice.labels === undefined ? undefined : await recipePath(files, root, choice.labels);
  const real = async (folder: string) => await files.realPath?.(folder) ?? folder.replace(/[\\/]+$/, "");
  const way = async (outer: string, inner: string) =>
    inside(plainPath(outer), plainPath(inner)) ?? inside(await real(outer), await real(inner));
  const labelsIn = labelsPath === undefined ? undefined : await way(path, labelsPath);
  const imagesIn = labelsPath === undefined ? undefined : await way(labelsPath, path);
  const images = without(await listed(files, choice.images, path), labelsIn);
  const one = labelsIn === "";
  const labels = one
    ? { ...images, written: choice.labels! }
    : labelsPath === undefined || !wanted
    ? undefined
    : without(await listed(files, choice.labels!, labelsPath), imagesIn);
  const annotated = labels && matching(labels.names, LABELS, choice.label_suffix);
  // What such a file is, decoding it says.
  const jpegs = labels && matching(labels.names, JPEGS, choice.label_suffix).found;
  const { photos, masks, alone } = imagesAmong(images, choice, { annotated, one });
  if (photos.found.size === 0) throw nothingIn(images, choice, alone);
  const missing: DataError[] = [];
  const pairs: FilePair[] = [];
  const partners = labels === undefined ? partnersOf([...photos.found.keys()]) : new Map<string, string>();
  for (const [id, name] of photos.found) {
    const rivals = photos.competing.get(id);
    if (rivals !== undefined) {
      missing.push(competing(images, rivals, `the image "${id}"`, labels === undefined));
      continue;
    }
    const pair = { id, image: `${path}/${name}` };
    const labelRivals = wanted
      ? annotated?.competing.get(id)?.filter((each) => !one || each !== name)
      : undefined;
    const jpeg = jpegs?.get(id);
    const label = annotated?.found.get(id) ?? (one && jpeg === name ? undefined : jpeg);
    if (labelRivals !== undefined && labelRivals.length > 1) {
      missing.push(competing(labels!, labelRivals, `the labels of "${id}"`, false));
    } else if (annotated === undefined || !wanted) {
      const partner = photos.found.get(partners.get(id) ?? "");
      pairs.push(partner === undefined ? pair : { ...pair, beside: `${path}/${partner}` });
    } else if (label !== undefined) pairs.push({ ...pair, labels: `${labels!.path}/${label}` });
    else missing.push(unlabelled(pair, { labels: labels!, choice, first: missing.length === 0 }));
  }
  const taken = [
    ...takenOf({
      place: images.written,
      as: "images",
      kind: IMAGES,
      suffix: choice.image_suffix,
      listing: images,
      matches: photos,
      taken: pairs.length,
      others: [{ why: "label files", names: masks, meant: true }, { why: ALONE, names: alone }],
      doubt: maskDoubt(partners, images),
    }),
    ...(annotated === undefined || !wanted
      ? []
      : labelsTaken({ labels: labels!, annotated, photos, choice, pairs, one })),
  ];
  tellMissing(missing, onMissing);
  return { pairs, taken };
}

const JPEGS: FileKind = { test: /\.jpe?g$/i, words: "JPEG" };

const ALONE = "an image and its own labels, by its name: no other file has it";

async function listed(files: FileReader, written: string, path: string): Promise<Place> {
  const unlisted: Listing["unlisted"][number][] = [];
  const names = await files.list(path, (entry) => unlisted.push(entry));
  return { written, path, names: names.filter((name) => !isHidden(name)), unlisted };
}

/**
 * The path from one folder to another inside it, with a slash at its end; "" when they are the same,
 * undefined when it is not inside.
 */
function inside(outer: string, inner: string): string | undefined {
  const plain = (folder: string) => folder.replaceAll("\\", "/").replace(/\/+$/, "");
  const [path, prefix] = [plain(inner), `${plain(outer)}/`];
  if (`${path}/` === prefix) return "";
  return path.startsWith(prefix) ? `${path.slice(prefix.length)}/` : undefined;
}

/** Without the files of a folder in it. */
function without(place: Place, folder: string | undefined): Place {
  if (folder === undefined || folder === "") return place;
  return { ...place, names: place.names.filter((name) => !name.startsWith(folder)) };
}

/** The files of a folder of images, told apart. */
interface Among {
  readonly photos: Matches;
  /** Label files that lie among the images. */
  readonly masks: readonly string[];
  /** Files that could only be their own labels. */
  readonly alone: readonly string[];
}

/** The images of a folder without the label files in it. */
function imagesAmong(
  { names }: Place,
  { labels, image_suffix, label_suffix }: FolderChoice,
  { annotated, one }: { readonly annotated: Matches | undefined; readonly one: boolean },
): Among {
  const all = matching(names, IMAGES, image_suffix);
  const ending = normalForm(label_suffix);
  const apart = ending !== "" && !normalForm(image_suffix).endsWith(ending);
  if (!one && !apart) return { photos: all, masks: [], alone: [] };
  const masks: string[] = [], alone: string[] = [];
  /** By its suffix, or since another file has its name. */
  const isMask = (id: string, name: string): boolean => {
    if (!LABELS.test.test(name)) return false;
    const key = normalForm(stem(name));
    if (apart) {
      if (!key.endsWith(ending)) return false;
      // In a folder of their own, the labels say whether a photograph ends like a label file.
      return one || labels === undefined ||
        (all.found.has(key.slice(0, -ending.length)) && annotated?.found.has(id) !== true);
    }
    return normalForm(stem(name)) === `${id}${ending}`;
  };
  const kept = names.filter((name) => {
    const key = normalForm(stem(name));
    const suffix = normalForm(image_suffix);
    if (!IMAGES.test.test(name) || !key.endsWith(suffix)) return true;
    const id = key.slice(0, key.length - suffix.length);
    if (!isMask(id, name)) return true;
    (apart || all.competing.has(id) ? masks : alone).push(name);
    return false;
  });
  return { photos: matching(kept, IMAGES, image_suffix), masks, alone };
}

/** The error for a folder without a single image, with the likeliest remedy. */
function nothingIn({ path, names }: Place, choice: FolderChoice, alone: readonly string[]): DataError {
  const [first] = alone;
  if (first !== undefined) {
    const suffix = maskSuffixOf(names.map(stem).map(normalForm));
    const remedy = suffix === undefined
      ? `expected image and labels under one name with two endings, as ${stem(first)}.jpg and ${first}, ` +
        "or `image_suffix` and `label_suffix` that tell them apart, or two folders"
      : `\`label_suffix: ${suffix}\` tells them apart`;
    return new DataError(
      path,
      `\`images\` and \`labels\` are this one folder, and each file would be its own labels (${first}); ${remedy}`,
    );
  }
  const ending = choice.image_suffix === "" ? "" : ` whose name ends in "${choice.image_suffix}"`;
  const other = names.find((name) => /\.(bmp|dib|gif|jp2|heic|avif|tga|p[gnp]m)$/i.test(name));
  const there = other === undefined ? "" : `, but ${other}; save such files as PNG`;
  return new DataError(path, `the folder holds no ${IMAGES.words}${ending}${there}`);
}

function competing({ path }: Place, names: readonly string[], what: string, bare: boolean): CompetingError {
  const [first, ...others] = names.map((name) => `${path}/${name}`);
  const mask = bare ? names.find((name) => LABELS.test.test(name)) : undefined;
  const hint = mask === undefined
    ? ""
    : `; where ${mask} is the label file, give the folder as \`labels\` too`;
  return new CompetingError(
    first!,
    `it competes with ${others.join(" and ")} for ${what}; ` +
      `leave one of them in the folder, or name the files in a \`list\`${hint}`,
  );
}

/**
 * The error for an image without labels; the first of them looks for a label file with a similar name and
 * names the option that would take it.
 */
function unlabelled(
  { id, image }: FilePair,
  { labels, choice, first }: {
    readonly labels: Place;
    readonly choice: FolderChoice;
    readonly first: boolean;
  },
): DataError {
  const expected = `${id}${choice.label_suffix}.png`;
  const near = first
    ? labels.names.find((name) => normalForm(name).startsWith(id) && `${labels.path}/${name}` !== image)
    : undefined;
  const rest = near === undefined ? "" : normalForm(stem(near)).slice(id.length);
  const hint = near === undefined
    ? ""
    : !LABELS.test.test(near)
    ? `; ${near} is there, but label files are PNGs`
    : rest !== choice.label_suffix && !rest.includes("/")
    ? `; ${near} is there, which \`label_suffix: ${rest}\` would take`
    : "";
  return new DataError(image, `this image has no labels; expected ${labels.path}/${expected}${hint}`);
}

function labelsTaken({ labels, annotated, photos, choice, pairs, one }: {
  readonly labels: Place;
  readonly annotated: Matches;
  readonly photos: Matches;
  readonly choice: FolderChoice;
  readonly pairs: readonly FilePair[];
  readonly one: boolean;
}): readonly TakenFiles[] {
  const used = new Set(photos.found.values());
  const isImage = (name: string) => one && used.has(name);
  const opened = new Set(pairs.map((pair) => pair.labels?.slice(labels.path.length + 1)));
  const orphans = [...annotated.found].filter(([id, name]) => !photos.found.has(id) && !isImage(name));
  const others: Reason[] = [{ why: "a label file without an image", names: orphans.map(([, name]) => name) }];
  // What a shared folder holds beside label files was counted with the images.
  if (one && others[0]!.names.length === 0) return [];
  return takenOf({
    place: labels.written,
    as: "label files",
    kind: LABELS,
    suffix: choice.label_suffix,
    listing: one ? { names: labels.names, unlisted: [] } : labels,
    matches: one
      ? { ...annotated, otherKind: [], otherSuffix: [] }
      : { ...annotated, otherKind: annotated.otherKind.filter((name) => !opened.has(name)) },
    taken: pairs.length,
    others,
  });
}

/** A sentence about images that are named like label files of other images; undefined when there are none. */
function maskDoubt(partners: ReadonlyMap<string, string>, { written }: Place): string | undefined {
  const [first] = partners;
  if (first === undefined) return undefined;
  const [id, partner] = first;
  const many = partners.size === 1 ? "1 is" : `${partners.size} are`;
  return `${many} named like the label file of another image (${id} of ${partner}); ` +
    `if so, say \`labels: ${written}\` and \`label_suffix: ${id.slice(partner.length)}\``;
}
