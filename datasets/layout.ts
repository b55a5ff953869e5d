/**
 * What datasets have in common that are read from the folders they are downloaded in (GTAV, SYNTHIA,
 * Cityscapes), or from a list of files of such folders.
 *
 * A {@linkcode Layout} says as data where images and labels lie, how their names end, how label files are
 * decoded and which ids they hold; everything else is here: pairing, exclusions, missing files, errors. A new
 * dataset of this kind is a file with one `Layout`.
 */
import { DataError } from "../core/errors.ts";
import type { LabelSpace } from "../core/label_space.ts";
import type { Dataset, DatasetPlan, DatasetSetup, PictureReading } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { CITYSCAPES_SPACES } from "./cityscapes_classes.ts";
import { containedIn } from "./contained.ts";
import { below, type ClassMap, filePairs, isAbsolute } from "./file_pairs.ts";
import { fromFolders } from "./layout_folders.ts";
import { fromList } from "./layout_list.ts";
import type { Layout, Place } from "./layout_types.ts";
import { leaveOut, reportMissing, tellMissing } from "./missing.ts";
import { rotationOption } from "./picture_options.ts";
import { belowRoot } from "./root.ts";

export type { FilesAt, Layout } from "./layout_types.ts";

/** The names of {@linkcode CITYSCAPES_SPACES}. */
export type SpaceName = keyof typeof CITYSCAPES_SPACES;

const SPACE_NAMES = Object.keys(CITYSCAPES_SPACES) as [SpaceName, ...SpaceName[]];

/** The options that every such dataset has. @param standard the label space where none is chosen */
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

/** The chosen values of {@linkcode layoutOptions}. */
export interface LayoutChoice {
  readonly label_space: SpaceName;
  readonly root?: string | undefined;
  readonly list?: string | undefined;
  readonly exclude: readonly string[];
  readonly rotation?: PictureReading["rotation"];
}

/** The plan of a dataset of this layout: no file is touched before `open`. */
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
 * A class map by names: stored id to class name to train id. A known id whose class the label space lacks
 * becomes the ignore label; an unknown id stays undefined, and reading it is an error.
 * @param names by stored id; undefined: an id that never counts
 * @param expected the ids that files may hold, in words, for the error
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

/**
 * Finds the pairs (in folders or a list), leaves out what `exclude` names, reports what is missing, and opens
 * the rest as a dataset.
 */
async function open(layout: Layout, choice: LayoutChoice, setup: DatasetSetup): Promise<Dataset> {
  const { files, onMissing } = setup;
  const place = placeOf(choice, setup.root);
  if (setup.root === "" && !isAbsolute(choice.root ?? "")) {
    await belowRoot({ files, root: "", paths: [""] }, () => Promise.resolve());
  }
  const labelled = setup.labels !== false && layout.withheld === undefined;
  const { pairs: listed, taken, competing = [] } = choice.list === undefined
    ? await fromFolders(layout, place, { files, labelled })
    : await fromList(layout, place, { files, labelled, list: choice.list });
  tellMissing(competing, onMissing);
  const included = leaveOut(listed, choice.exclude, layout);
  const complete = reportMissing(included, { folder: place.folder, onMissing });
  const pairs = complete.map(({ id, image, labels }) => ({
    id,
    image: below(place.folder, image.path),
    ...(labels && labelled ? { labels: below(place.folder, labels.path) } : {}),
  }));
  if (pairs.length === 0 && onMissing === undefined) {
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
    taken,
    ...(layout.withheld === undefined ? {} : { withheld: layout.withheld }),
  });
}

/** The dataset's folder: `root` of its options below `data.root`, or `data.root` itself. */
function placeOf(choice: LayoutChoice, root: string): Place {
  const folder = choice.root === undefined ? root : below(root, choice.root);
  const rootText = choice.root === undefined ? "" : `root is ${choice.root}`;
  const shared = isAbsolute(choice.root ?? "") ? "" : `data.root is ${root}`;
  return { folder, root, told: [shared, rootText].filter((part) => part !== "").join(", ") };
}
