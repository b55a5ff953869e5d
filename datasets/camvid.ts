/** CamVid in the form in which SegNet's authors published it. */
import { DataError } from "../core/errors.ts";
import { IGNORE_LABEL, type LabelSpace } from "../core/label_space.ts";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { containedIn } from "./contained.ts";
import { below, type ClassMap, type FilePair, filePairs, isAbsolute } from "./file_pairs.ts";
import { readList } from "./list_file.ts";
import { tellMissing } from "./missing.ts";
import { finder, pathOf, recipePath, uniqueIds } from "./places.ts";
import { belowRoot } from "./root.ts";
import { rotationOption } from "./picture_options.ts";

/** The eleven classes in the order of SegNet's annotations, whose ids are the train ids. */
export const CAMVID_CLASSES: LabelSpace = {
  name: "camvid",
  classes: [
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
  ],
  ignore: IGNORE_LABEL,
};

/** SegNet's id of pixels that belong to no class. */
export const CAMVID_VOID = 11;

/** SegNet's ids are the train ids; void is ignored. */
const MAP: ClassMap = {
  trainId: (stored) => stored === CAMVID_VOID ? IGNORE_LABEL : stored < CAMVID_VOID ? stored : undefined,
  expected: "0 to 10, or 11 for void",
};

/**
 * CamVid (Brostow et al. 2009) in the form SegNet published: a list of `image annotation` lines, annotations
 * being single-channel PNGs of the ids 0..10 and 11 for void, which becomes the ignore label. Relative paths
 * start at `data.root`. SegNet's own lists hold absolute paths (`/SegNet/CamVid/train/x.png`): of a path that
 * is absolute, the last two parts are looked up below `data.root`.
 */
export const camvid = definePlugin({
  kind: "dataset",
  name: "camvid",
  summary: "CamVid in SegNet's list form, 11 classes",
  source: "Brostow et al. 2009; Badrinarayanan et al. 2017",
  options: z.strictObject({
    list: z.string().min(1).describe("list file below data.root: `image annotation` per line"),
    rotation: rotationOption,
  }),
  plan: ({ list, rotation }) => ({
    labelSpace: CAMVID_CLASSES,
    needsRoot: true,
    paths: [list],
    picture: { rotation },
    open: ({ root, files, onMissing }) =>
      belowRoot({ files, root, paths: [""] }, async () => {
        const path = await recipePath(files, root, list);
        const find = finder(files);
        const placeOf = async (written: string) => shortened(await pathOf(files, root, written));
        const pairs: FilePair[] = [];
        const missing: DataError[] = [];
        const { entries, taken } = await readList(files, path, list);
        const images = await Promise.all(entries.map(({ image }) => placeOf(image)));
        const idOf = uniqueIds(images);
        for (const [k, { line, labels }] of entries.entries()) {
          const image = images[k]!;
          const found = await find(root, image);
          if (found === undefined) {
            const why = `there is no such file; ${path} names it in line ${line}`;
            missing.push(new DataError(below(root, image), why));
            continue;
          }
          pairs.push({
            id: idOf(image),
            image: below(root, found),
            ...(labels === undefined ? {} : { labels: below(root, await placeOf(labels)) }),
          });
        }
        tellMissing(missing, onMissing);
        return filePairs(pairs, {
          map: MAP,
          files: containedIn(files, [root]),
          picture: { rotation },
          taken: taken ? [taken] : [],
        });
      }),
  }),
});

/**
 * Of an absolute path its last two parts, which SegNet's lists keep below any root; relative ones as they
 * are.
 */
function shortened(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  return (isAbsolute(path) ? parts.slice(-2) : parts).join("/");
}
