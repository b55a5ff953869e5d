/**
 * The dataset for everybody's own data: two folders, or a list, and a class map in the recipe. Files belong
 * together when their relative paths agree once suffix and extension are taken off. The classes' order in the
 * recipe is the order of the train ids.
 */
import { ConfigError, type ConfigIssue, type ConfigPath } from "../core/errors.ts";
import { IGNORE_LABEL, type LabelSpace } from "../core/label_space.ts";
import { type DatasetSetup, definePlugin, type FileReader } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { classEntries, classIssues, classMap, type LabelKind } from "./class_entries.ts";
import { decodeColours } from "./colours.ts";
import { containedIn } from "./contained.ts";
import { below, filePairs, isAbsolute } from "./file_pairs.ts";
import { type FolderFiles, fromFolders } from "./folder_files.ts";
import { readList } from "./list_file.ts";
import { pathOf, recipePath, uniqueIds } from "./places.ts";
import { belowRoot } from "./root.ts";
import { decodeLabels } from "./decode.ts";
import { rangeOption, rotationOption } from "./picture_options.ts";

/** The options of a dataset of one's own. */
const options = z.strictObject({
  classes: z.record(z.string().regex(/\D/, "a class name must not be a number"), classEntries.min(1))
    .describe(
      "class name to the ids it has in the label files, e.g. `road: [7]`, or, by colour, to its colours, e.g. " +
        '`road: [[128, 64, 128]]` or `road: ["#804080"]`; their order is the order of the train ids',
    ),
  ignore: classEntries.default([]).describe(
    "ids, or by colour colours, in the label files that count nowhere",
  ),
  other: z.enum(["error", "ignore"]).default("error")
    .describe("what an id or colour that is listed nowhere means"),
  list: z.string().min(1).optional().describe(
    "list file: `image labels` or `image` per line, below data.root",
  ),
  images: z.string().min(1).optional().describe("folder of images, below data.root; instead of `list`"),
  labels: z.union([
    z.string().min(1),
    z.strictObject({
      folder: z.string().min(1).optional().describe("as `labels: FOLDER`"),
      by: z.enum(["index", "colour"]).optional().describe(
        "whether `classes` lists the numbers in the label files (default) or the colours that they show; `index` also " +
          "says that palettes of other colours from file to file do no harm",
      ),
    }),
  ]).optional().describe(
    "folder of label PNGs; without it the images have no labels; or { folder, by } to read them by colour",
  ),
  image_suffix: z.string().default("").describe("how image names end before the extension"),
  label_suffix: z.string().default("").describe(
    "how label names end before the extension; files among the images that end so are no images",
  ),
  rotation: rotationOption,
  range: rangeOption,
});

/** The options as a recipe writes them. */
type Written = z.infer<typeof options>;

/** With `labels` taken apart. */
interface Options extends Omit<Written, "labels"> {
  readonly labels?: string | undefined;
  readonly by?: LabelKind | undefined;
}

/**
 * Images and label PNGs (ids in one channel, grey or palette, up to 16 bits, or colours), either from a list
 * or from two folders in which files belong together when their relative paths agree without suffix and
 * extension. `classes` maps stored ids or colours to train ids in the order written.
 */
export const folder = definePlugin({
  kind: "dataset",
  name: "folder",
  summary: "images and label PNGs from a list or two folders, with a class map",
  options,
  plan(written, at) {
    const given = takenApart(written);
    const { by = "index", rotation, range } = given;
    const issues = issuesOf(given, at);
    if (issues.length > 0) throw new ConfigError(issues);
    const map = classMap(given, by);
    const picture = { rotation, range };
    return {
      labelSpace: labelSpaceOf(given),
      needsRoot: !isAbsolute(given.list ?? given.images!),
      paths: pathsOf(given),
      picture,
      async open(setup) {
        const { files, root } = setup;
        const { list, images } = given;
        const { pairs, taken } = await belowRoot(
          { files, root, paths: [list ?? images!] },
          () =>
            list === undefined ? fromFolders({ ...given, images: images! }, setup) : fromList(list, setup),
        );
        return filePairs(pairs, {
          map,
          files: list === undefined ? files : insideOf(list, setup),
          taken,
          decode: by === "colour" ? decodeColours : (bytes, file) => decodeLabels(bytes, file, EXPECTED),
          picture,
          palettes: given.by === undefined ? "undecided" : "decided",
        });
      },
    };
  },
});

/** What label files must hold, for messages. */
const EXPECTED =
  "class ids in one channel, grey or palette (or `labels: { by: colour }` with colours in `classes`)";

/** `labels` may be a folder's name, or `{folder, by}`; both become `labels` and `by`. */
function takenApart({ labels, ...rest }: Written): Options {
  if (typeof labels !== "object") return { ...rest, labels };
  return { ...rest, labels: labels.folder, by: labels.by };
}

/** What options say against each other, which the schema cannot see. */
function issuesOf(given: Options, at: ConfigPath): ConfigIssue[] {
  const issues = classIssues(given, given.by ?? "index", at);
  if ((given.list === undefined) === (given.images === undefined)) {
    issues.push({ path: at, message: "expected either `list` or `images`" });
  }
  if (given.list !== undefined && given.labels !== undefined) {
    issues.push({ path: [...at, "labels"], message: "a `list` names the label files itself" });
  }
  return issues;
}

/** The classes in the order of the recipe, which is that of the train ids. */
function labelSpaceOf({ classes }: Options): LabelSpace {
  return { name: "folder", classes: Object.keys(classes), ignore: IGNORE_LABEL };
}

/**
 * The files and folders that the options name: the list (or the folder of an absolute one), else the folders
 * of images and labels.
 */
function pathsOf({ list, images, labels }: Options): string[] {
  if (list !== undefined) return isAbsolute(list) ? [folderOf(list)] : [list];
  return [images!, ...(labels === undefined ? [] : [labels])];
}

/** The folder of a path. */
function folderOf(list: string): string {
  return list.replace(/[\\/][^\\/]*$/, "");
}

/**
 * A reader for the files of a list, kept below `data.root`, or below the list's folder where there is no
 * root.
 */
function insideOf(list: string, { root, files }: DatasetSetup): FileReader {
  return containedIn(files, [root === "" ? folderOf(list) : root]);
}

/** The files of a list, each with its id. @throws DataError when the list cannot be read */
async function fromList(list: string, { root, files }: DatasetSetup): Promise<FolderFiles> {
  const { entries, taken } = await readList(files, await recipePath(files, root, list), list);
  const written = await Promise.all(entries.map(async ({ image, labels }) => ({
    image: await pathOf(files, root, image),
    ...(labels === undefined ? {} : { labels: await pathOf(files, root, labels) }),
  })));
  const idOf = uniqueIds(written.map(({ image }) => image));
  const pairs = written.map(({ image, labels }) => ({
    id: idOf(image),
    image: below(root, image),
    ...(labels === undefined ? {} : { labels: below(root, labels) }),
  }));
  return { pairs, taken: taken ? [taken] : [] };
}
