/** What datasets have in common that are read from the folders they are downloaded in, or from a list. */
import { DataError } from "../core/errors.ts";
import type { LabelSpace } from "../core/label_space.ts";
import type {
  AbsenceHint,
  Dataset,
  DatasetPlan,
  DatasetSetup,
  FileReader,
  PictureReading,
} from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { CITYSCAPES_SPACES } from "./cityscapes_classes.ts";
import type { LabelDecoder } from "./decode.ts";
import { containedIn } from "./contained.ts";
import { below, type ClassMap, filePairs, isAbsolute, readList, requireRoot, stem } from "./file_pairs.ts";
import { matching } from "./matching.ts";
import { leaveOut, type Pair, reportMissing } from "./missing.ts";
import { rotationOption } from "./picture_options.ts";

/** The names of {@linkcode CITYSCAPES_SPACES}. */
export type SpaceName = keyof typeof CITYSCAPES_SPACES;

const SPACE_NAMES = Object.keys(CITYSCAPES_SPACES) as [SpaceName, ...SpaceName[]];

/** The options of every such dataset. */
export const layoutOptions = (standard: SpaceName) => ({
  label_space: z.enum(SPACE_NAMES).default(standard)
    .describe("classes; ids of others become the ignore label"),
  root: z.string().min(1).optional()
    .describe("the dataset's folder below data.root, as in gta5; absent: data.root itself"),
  list: z.string().min(1).optional()
    .describe("list file instead of the folders: `image TAB labels` or `image` per line"),
  exclude: z.array(z.string().min(1)).default([])
    .describe('images to leave out: ids or paths in quotes, as in "00001" or "images/00001.png"'),
  rotation: rotationOption,
});

/** A folder of files of one kind. */
export interface FilesAt {
  /** Below the dataset's folder. */
  readonly folder: string;
  /** How names end before the extension. */
  readonly suffix: string;
}

/** How a dataset is laid out and read. */
export interface Layout {
  /** As its authors call it. */
  readonly title: string;
  readonly images: FilesAt;
  readonly labels: FilesAt;
  /** What stands before the id in a path of a list. */
  readonly beforeId: RegExp;
  /** How label files of another kind end, and what reads them. */
  readonly otherLabels?: { readonly suffix: string; readonly remedy: string };
  /** An id as examples in errors show it. */
  readonly example: string;
  readonly map: ClassMap;
  readonly decode: LabelDecoder;
  /** Classes that are always among the labels. */
  readonly absence?: AbsenceHint;
  /** Why no label can be read; absent: labels can. */
  readonly withheld?: string;
}

/** The chosen values of {@linkcode layoutOptions}. */
export interface LayoutChoice {
  readonly label_space: SpaceName;
  readonly root?: string | undefined;
  readonly list?: string | undefined;
  readonly exclude: readonly string[];
  readonly rotation?: PictureReading["rotation"];
}

/** The plan of a dataset of this layout. */
export function layoutPlan(layout: Layout, choice: LayoutChoice): DatasetPlan {
  return {
    labelSpace: CITYSCAPES_SPACES[choice.label_space],
    needsRoot: choice.root === undefined || !isAbsolute(choice.root),
    paths: [choice.root, choice.list].filter((path) => path !== undefined),
    ...(layout.absence === undefined ? {} : { absence: layout.absence }),
    picture: { rotation: choice.rotation },
    open: (setup) => open(layout, choice, setup),
  };
}

/**
 * Ids to train ids by the classes' names; a known id whose class the space does not have is ignored.
 * @param names by stored id; undefined: an id that never counts
 */
export function mapByName(
  space: LabelSpace,
  names: ReadonlyMap<number, string | undefined>,
  expected: string,
): ClassMap {
  return {
    trainId(stored) {
      if (!names.has(stored)) return undefined;
      const id = space.classes.indexOf(names.get(stored) ?? "");
      return id < 0 ? space.ignore : id;
    },
    expected,
  };
}

/** Where a dataset lies, and how errors say so. */
interface Place {
  /** The dataset's folder. */
  readonly folder: string;
  /** data.root. */
  readonly root: string;
  /** As in `data.root is /data, root is gta5`. */
  readonly told: string;
}

async function open(layout: Layout, choice: LayoutChoice, setup: DatasetSetup): Promise<Dataset> {
  const { files } = setup;
  const place = placeOf(choice, setup.root);
  if (setup.root === "" && !isAbsolute(choice.root ?? "")) await requireRoot(files, "");
  const labelled = setup.labels !== false && layout.withheld === undefined;
  const found = choice.list === undefined
    ? await fromFolders(layout, place, { files, labelled })
    : await fromList(layout, place, { files, labelled, list: choice.list });
  const kept = leaveOut(found, choice.exclude, layout);
  const whole = reportMissing(kept, { folder: place.folder, onMissing: setup.onMissing });
  const pairs = whole.map(({ id, image, labels }) => ({
    id,
    image: below(place.folder, image.path),
    ...(labels && labelled ? { labels: below(place.folder, labels.path) } : {}),
  }));
  if (pairs.length === 0 && setup.onMissing === undefined) {
    throw new DataError(place.folder, "no image is left after `exclude`");
  }
  return filePairs(pairs, {
    map: layout.map,
    files: choice.list === undefined
      ? files
      : containedIn(files, [place.folder, place.root].filter((folder) => folder !== "")),
    decode: layout.decode,
    picture: { rotation: choice.rotation },
    swapped: choice.list === undefined ? "images and labels" : `the two columns of ${choice.list}`,
    ...(layout.withheld === undefined ? {} : { withheld: layout.withheld }),
  });
}

function placeOf(choice: LayoutChoice, root: string): Place {
  const folder = choice.root === undefined ? root : below(root, choice.root);
  const own = choice.root === undefined ? "" : `root is ${choice.root}`;
  const shared = isAbsolute(choice.root ?? "") ? "" : `data.root is ${root}`;
  return { folder, root, told: [shared, own].filter((part) => part !== "").join(", ") };
}

interface Search {
  readonly files: FileReader;
  /** Whether every image must have labels. */
  readonly labelled: boolean;
}

async function fromFolders(layout: Layout, place: Place, { files, labelled }: Search): Promise<Pair[]> {
  const { images, labels, example, title } = layout;
  const imagesAt = `${place.folder}/${images.folder}`;
  const names = await namesIn(
    files,
    imagesAt,
    () =>
      `the folder of ${title} holds ${images.folder}/${example}${images.suffix}.png ` +
      `and ${labels.folder}/${example}${labels.suffix}.png (${place.told})`,
  );
  const found = matching(names, /\.(png|jpe?g)$/i, images.suffix);
  if (found.size === 0) throw new DataError(imagesAt, noImages(layout, names));
  if (!labelled) {
    return [...found].map(([id, name]) => ({
      id,
      image: { path: `${images.folder}/${name}` },
      labels: { path: `${labels.folder}/${id}${labels.suffix}.png` },
    }));
  }
  const labelsAt = `${place.folder}/${labels.folder}`;
  const labelNames = await namesIn(
    files,
    labelsAt,
    () =>
      `${title} keeps the labels of its images there, as in ${labels.folder}/${example}${labels.suffix}.png`,
  );
  const annotated = matching(labelNames, /\.png$/i, labels.suffix);
  if (annotated.size === 0) {
    throw new DataError(labelsAt, noLabels(layout, labelNames));
  }
  const ids = [...new Set([...found.keys(), ...annotated.keys()])].sort();
  return ids.map((id): Pair => {
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
}

async function namesIn(files: FileReader, folder: string, expected: () => string) {
  try {
    return await files.list(folder);
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    const why = cause.message.slice(`${cause.file}: `.length);
    throw new DataError(folder, `${why}; ${expected()}`, { cause });
  }
}

function noImages({ images, labels }: Layout, names: readonly string[]): string {
  if (names.length === 0) return "the folder is empty; expected images";
  const ending = images.suffix === "" ? "" : ` whose name ends in "${images.suffix}"`;
  const other = labels.suffix === "" ? undefined : names.find((name) => stem(name).endsWith(labels.suffix));
  const swapped = other === undefined ? "" : `, but ${other} (were images and labels swapped?)`;
  return `the folder holds no PNG or JPEG${ending}${swapped}`;
}

function noLabels({ labels, otherLabels }: Layout, names: readonly string[]): string {
  const ending = labels.suffix === "" ? "" : ` whose name ends in "${labels.suffix}"`;
  const [other] = otherLabels ? matching(names, /\.png$/i, otherLabels.suffix).values() : [];
  const instead = other === undefined ? "" : `, but ${other}; ${otherLabels!.remedy}`;
  return `the folder holds no label PNG${ending}${instead}`;
}

/**
 * Paths of a list start at the dataset's folder or at data.root, also those that begin with a slash when they are found
 * there; other absolute ones are not looked up before they are read.
 */
async function fromList(
  layout: Layout,
  place: Place,
  { files, labelled, list }: Search & { readonly list: string },
): Promise<Pair[]> {
  const inFolder = await namesIn(
    files,
    place.folder,
    () => `expected the folder of ${layout.title} (${place.told})`,
  );
  const present = new Set(inFolder);
  const shared = place.root === "" || place.root === place.folder ? undefined : place.root;
  const listPath = shared !== undefined && !isAbsolute(list) && !present.has(normal(list))
    ? below(shared, list)
    : below(place.folder, list);
  const entries = await readList(files, listPath);
  if (labelled) {
    const bare = entries.filter(({ labels }) => labels === undefined);
    if (bare.length > 0) {
      throw new DataError(
        listPath,
        `${bare.length} of ${entries.length} lines name no label file (line ${bare[0]!.line}: ` +
          `${bare[0]!.image}); expected image, tab and labels, because labels are needed here`,
      );
    }
    const { otherLabels } = layout;
    const other = otherLabels && entries.find(({ labels }) => stem(labels!).endsWith(otherLabels.suffix));
    if (other) {
      throw new DataError(listPath, `line ${other.line} names ${other.labels}; ${otherLabels!.remedy}`);
    }
  }
  let everywhere: ReadonlySet<string> | undefined;
  const lookUp = async (written: string, line: number) => {
    const path = normal(written).replace(/^\/+/, "");
    if (present.has(path)) return { path };
    if (isAbsolute(written)) return { path: written };
    if (shared === undefined) return { path, missing: `line ${line} of ${list}` };
    everywhere ??= new Set(await files.list(shared));
    return everywhere.has(path)
      ? { path: below(shared, path) }
      : { path, missing: `line ${line} of ${list}` };
  };
  const pairs: Pair[] = [];
  for (const { line, image, labels } of entries) {
    pairs.push({
      id: idOf(normal(image), layout),
      image: await lookUp(image, line),
      ...(labels === undefined ? {} : {
        labels: labelled ? await lookUp(labels, line) : { path: normal(labels) },
      }),
    });
  }
  return pairs;
}

/** As a folder's listing writes it. */
function normal(written: string): string {
  return written.replaceAll("\\", "/").split("/").filter((part) => part !== ".").join("/");
}

/** The path below the folder of images without suffix and extension: the id that the folders give. */
function idOf(path: string, { beforeId, images: { suffix } }: Layout): string {
  const key = stem(path.replace(beforeId, ""));
  return suffix !== "" && key.endsWith(suffix) ? key.slice(0, -suffix.length) : key;
}
