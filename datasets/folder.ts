import { ConfigError, type ConfigIssue, type ConfigPath, DataError } from "../core/errors.ts";
import { IGNORE_LABEL, type LabelSpace } from "../core/label_space.ts";
import { type DatasetSetup, definePlugin, type FileReader } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { containedIn } from "./contained.ts";
import {
  below,
  type ClassMap,
  type FilePair,
  filePairs,
  isAbsolute,
  readList,
  requireRoot,
  stem,
} from "./file_pairs.ts";
import { matching } from "./matching.ts";
import { tellMissing } from "./missing.ts";

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
  label_suffix: z.string().default("").describe("how label names end before the extension"),
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
        const { files } = setup;
        const pairs = given.list === undefined
          ? await fromFolders(given, setup)
          : await fromList(given.list, setup);
        return filePairs(pairs, {
          map,
          files: given.list === undefined ? files : insideOf(given.list, setup),
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

async function fromList(list: string, { root, files }: DatasetSetup): Promise<FilePair[]> {
  if (!isAbsolute(list)) await requireRoot(files, root);
  return (await readList(files, below(root, list))).map(({ image, labels }) => ({
    id: stem(image),
    image: below(root, image),
    ...(labels === undefined ? {} : { labels: below(root, labels) }),
  }));
}

async function fromFolders(
  given: Options,
  { root, files, labels: wanted = true, onMissing }: DatasetSetup,
): Promise<FilePair[]> {
  if (!isAbsolute(given.images!)) await requireRoot(files, root);
  const images = below(root, given.images!);
  const found = matching(await files.list(images), /\.(jpe?g|png)$/i, given.image_suffix);
  if (found.size === 0) {
    const ending = given.image_suffix === "" ? "" : ` whose name ends in "${given.image_suffix}"`;
    throw new DataError(images, `the folder holds no JPEG or PNG${ending}`);
  }
  if (given.labels === undefined || !wanted) {
    return [...found].map(([id, name]) => ({ id, image: `${images}/${name}` }));
  }
  const labels = below(root, given.labels);
  const annotated = matching(await files.list(labels), /\.png$/i, given.label_suffix);
  const pairs: FilePair[] = [];
  const missing: DataError[] = [];
  for (const [id, name] of found) {
    const image = `${images}/${name}`;
    const label = annotated.get(id);
    if (label !== undefined) {
      pairs.push({ id, image, labels: `${labels}/${label}` });
      continue;
    }
    const expected = `${labels}/${id}${given.label_suffix}.png`;
    missing.push(new DataError(image, `this image has no labels; expected ${expected}`));
  }
  tellMissing(missing, onMissing);
  return pairs;
}
