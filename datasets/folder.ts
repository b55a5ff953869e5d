import { ConfigError, type ConfigIssue, type ConfigPath } from "../core/errors.ts";
import { IGNORE_LABEL, type LabelSpace } from "../core/label_space.ts";
import { type DatasetSetup, definePlugin, type FileReader } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { containedIn } from "./contained.ts";
import { below, type ClassMap, filePairs, isAbsolute } from "./file_pairs.ts";
import { type FolderFiles, fromFolders } from "./folder_files.ts";
import { readList } from "./list_file.ts";
import { pathOf, recipePath, uniqueIds } from "./places.ts";
import { belowRoot } from "./root.ts";

const ids = z.array(z.int().min(0).max(65535));

const options = z.strictObject({
  classes: z.record(z.string().regex(/\D/, "a class name must not be a number"), ids.min(1)).describe(
    "class name to the ids it has in the label files, e.g. `road: [7]`; their order is the order of the train ids",
  ),
  ignore: ids.default([]).describe("ids in the label files that count nowhere"),
  other: z.enum(["error", "ignore"]).default("error").describe("what an id that is listed nowhere means"),
  list: z.string().min(1).optional().describe(
    "list file: `image labels` or `image` per line, below data.root",
  ),
  images: z.string().min(1).optional().describe("folder of images, below data.root; instead of `list`"),
  labels: z.string().min(1).optional().describe("folder of label PNGs; without it the images have no labels"),
  image_suffix: z.string().default("").describe("how image names end before the extension"),
  label_suffix: z.string().default("").describe(
    "how label names end before the extension; files among the images that end so are no images",
  ),
});

type Options = z.infer<typeof options>;

/**
 * Images and single-channel label PNGs (grey or palette, up to 16 bits), either from a list or from two folders in
 * which files belong together when their relative paths agree without suffix and extension. `classes` maps stored
 * ids to train ids in the order written.
 */
export const folder = definePlugin({
  kind: "dataset",
  name: "folder",
  summary: "images and label PNGs from a list or two folders, with a class map",
  options,
  plan(given, at) {
    const issues = issuesOf(given, at);
    if (issues.length > 0) throw new ConfigError(issues);
    const map = classMap(given);
    return {
      labelSpace: labelSpaceOf(given),
      needsRoot: !isAbsolute(given.list ?? given.images!),
      paths: pathsOf(given),
      async open(setup) {
        const { files, root } = setup;
        const { list, images } = given;
        const { pairs, files: taken } = await belowRoot(
          { files, root, paths: [list ?? images!] },
          () =>
            list === undefined ? fromFolders({ ...given, images: images! }, setup) : fromList(list, setup),
        );
        return filePairs(pairs, {
          map,
          files: list === undefined ? files : insideOf(list, setup),
          taken,
        });
      },
    };
  },
});

function issuesOf(given: Options, at: ConfigPath): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const names = Object.keys(given.classes);
  if (names.length < 2) issues.push({ path: [...at, "classes"], message: "expected at least two classes" });
  if (names.length > IGNORE_LABEL) {
    issues.push({ path: [...at, "classes"], message: `expected at most ${IGNORE_LABEL} classes` });
  }
  const owner = new Map<number, string>();
  for (const [name, stored] of [...Object.entries(given.classes), ["ignore", given.ignore] as const]) {
    const path = name === "ignore" && stored === given.ignore ? [...at, "ignore"] : [...at, "classes", name];
    for (const id of stored) {
      const first = owner.get(id);
      if (first !== undefined) issues.push({ path, message: `id ${id} belongs to "${first}" already` });
      else owner.set(id, name);
    }
  }
  if ((given.list === undefined) === (given.images === undefined)) {
    issues.push({ path: at, message: "expected either `list` or `images`" });
  }
  if (given.list !== undefined && given.labels !== undefined) {
    issues.push({ path: [...at, "labels"], message: "a `list` names the label files itself" });
  }
  return issues;
}

function labelSpaceOf({ classes }: Options): LabelSpace {
  return { name: "folder", classes: Object.keys(classes), ignore: IGNORE_LABEL };
}

function classMap({ classes, ignore, other }: Options): ClassMap {
  const map = new Map<number, number>(ignore.map((id) => [id, IGNORE_LABEL]));
  for (const [train, stored] of Object.values(classes).entries()) {
    for (const id of stored) map.set(id, train);
  }
  const known = [...map.keys()].sort((a, b) => a - b).join(", ");
  return {
    trainId: (stored) => map.get(stored) ?? (other === "ignore" ? IGNORE_LABEL : undefined),
    expected: `one of ${known} (or \`other: ignore\` in the recipe)`,
  };
}

function pathsOf({ list, images, labels }: Options): string[] {
  if (list !== undefined) return isAbsolute(list) ? [folderOf(list)] : [list];
  return [images!, ...(labels === undefined ? [] : [labels])];
}

function folderOf(list: string): string {
  return list.replace(/[\\/][^\\/]*$/, "");
}

function insideOf(list: string, { root, files }: DatasetSetup): FileReader {
  return containedIn(files, [root === "" ? folderOf(list) : root]);
}

async function fromList(list: string, { root, files }: DatasetSetup): Promise<FolderFiles> {
  const { entries, files: taken } = await readList(files, await recipePath(files, root, list), list);
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
  return { pairs, files: taken ? [taken] : [] };
}
