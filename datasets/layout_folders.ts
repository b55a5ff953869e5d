/**
 * A dataset's files from the folders of its layout: the files of the images' folder and those of the labels'
 * folder with the same relative path, once suffix and extension are taken off.
 */
import { DataError } from "../core/errors.ts";
import type { FileReader, TakenFiles } from "../core/plugin.ts";
import { CompetingError } from "./faults.ts";
import { stem } from "./file_pairs.ts";
import { type FileKind, IMAGES, LABELS } from "./image_files.ts";
import type { FilesAt, Found, Layout, Place, Search } from "./layout_types.ts";
import { type Matches, matching } from "./matching.ts";
import type { Pair } from "./missing.ts";
import { type Listing, takenOf } from "./passed_over.ts";

/**
 * The pairs of a layout's folders. Where labels are needed, an image without labels, or labels without an
 * image, is a pair with a missing file; where they are not, the labels' folder is not read and may be absent.
 * @throws DataError when a folder is missing or holds nothing of the kind
 */
export async function fromFolders(layout: Layout, place: Place, { files, labelled }: Search): Promise<Found> {
  const { images, labels, example, title } = layout;
  const imagesAt = `${place.folder}/${images.folder}`;
  const listing = await namesIn(
    files,
    imagesAt,
    () =>
      `the folder of ${title} holds ${images.folder}/${example}${images.suffix}.png ` +
      `and ${labels.folder}/${example}${labels.suffix}.png (${place.told})`,
  );
  const photos = matching(listing.names, IMAGES, images.suffix);
  const { found } = photos;
  if (found.size === 0) throw new DataError(imagesAt, noImages(layout, listing.names));
  const takenImages = () => taken(images, { listing, matches: photos, as: "images", kind: IMAGES });
  const competingImages = rivals(photos, { at: imagesAt, what: "the image" });
  if (!labelled) {
    const pairs = [...found].filter(([id]) => !photos.competing.has(id)).map(([id, name]) => ({
      id,
      image: { path: `${images.folder}/${name}` },
      labels: { path: `${labels.folder}/${id}${labels.suffix}.png` },
    }));
    return { pairs, taken: takenImages(), competing: competingImages };
  }
  const labelsAt = `${place.folder}/${labels.folder}`;
  const labelListing = await namesIn(
    files,
    labelsAt,
    () =>
      `${title} keeps the labels of its images there, as in ${labels.folder}/${example}${labels.suffix}.png`,
  );
  const masks = matching(labelListing.names, LABELS, labels.suffix);
  const annotated = masks.found;
  if (annotated.size === 0) {
    throw new DataError(labelsAt, noLabels(layout, labelListing.names));
  }
  const unclear = new Set([...photos.competing.keys(), ...masks.competing.keys()]);
  const ids = [...new Set([...found.keys(), ...annotated.keys()])].filter((id) => !unclear.has(id)).sort();
  const pairs = ids.map((id): Pair => {
    const [image, label] = [found.get(id), annotated.get(id)];
    return {
      id,
      image: image === undefined
        ? { path: `${images.folder}/${id}${images.suffix}.png`, missing: "" }
        : { path: `${images.folder}/${image}` },
      labels: label === undefined
        ? { path: `${labels.folder}/${id}${labels.suffix}.png`, missing: "" }
        : { path: `${labels.folder}/${label}` },
    };
  });
  return {
    pairs,
    taken: [
      ...takenImages(),
      ...taken(labels, { listing: labelListing, matches: masks, as: "label files", kind: LABELS }),
    ],
    competing: [...competingImages, ...rivals(masks, { at: labelsAt, what: "the labels of" })],
  };
}

/** What of a folder has another name than its files of interest. */
function taken(
  { folder, suffix }: FilesAt,
  searched: {
    readonly listing: Listing;
    readonly matches: Matches;
    readonly as: "images" | "label files";
    readonly kind: FileKind;
  },
): readonly TakenFiles[] {
  const { found, competing } = searched.matches;
  return takenOf({ ...searched, place: folder, suffix, taken: found.size - competing.size, others: [] });
}

/** The errors of files that share an id, as `a.jpg` and `a.png` do. */
function rivals(
  { competing }: Matches,
  { at, what }: { readonly at: string; readonly what: string },
): readonly DataError[] {
  return [...competing].map(([id, names]) => {
    const [first, ...others] = names.map((name) => `${at}/${name}`);
    return new CompetingError(
      first!,
      `it competes with ${others.join(" and ")} for ${what} "${id}"; ` +
        "leave one of them in the folder, or name the files in a `list`",
    );
  });
}

/** A folder's names. @throws DataError with what was expected there */
export async function namesIn(files: FileReader, folder: string, expected: () => string): Promise<Listing> {
  const unlisted: Listing["unlisted"][number][] = [];
  try {
    return { names: await files.list(folder, (entry) => unlisted.push(entry)), unlisted };
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    const why = cause.message.slice(`${cause.file}: `.length);
    throw new DataError(folder, `${why}; ${expected()}`, { cause });
  }
}

/** What a folder of images without images holds, and whether images and labels were exchanged. */
function noImages({ images, labels }: Layout, names: readonly string[]): string {
  if (names.length === 0) return "the folder is empty; expected images";
  const ending = images.suffix === "" ? "" : ` whose name ends in "${images.suffix}"`;
  const other = labels.suffix === "" ? undefined : names.find((name) => stem(name).endsWith(labels.suffix));
  const swapped = other === undefined ? "" : `, but ${other} (were images and labels swapped?)`;
  return `the folder holds no ${IMAGES.words}${ending}${swapped}`;
}

/** What a folder of labels without labels holds, and the option that reads what is there. */
function noLabels({ labels, otherLabels }: Layout, names: readonly string[]): string {
  const ending = labels.suffix === "" ? "" : ` whose name ends in "${labels.suffix}"`;
  const [other] = otherLabels ? matching(names, LABELS, otherLabels.suffix).found.values() : [];
  const instead = other === undefined ? "" : `, but ${other}; ${otherLabels!.remedy}`;
  return `the folder holds no label PNG${ending}${instead}`;
}
