/**
 * A dataset's files from a list instead of its folders. Lists come from other machines and other tools: with
 * paths from the dataset's folder, from `data.root`, or with a leading slash that means one of these, so each
 * path is looked for in these places.
 */
import { DataError } from "../core/errors.ts";
import { below, isAbsolute, stem } from "./file_pairs.ts";
import { namesIn } from "./layout_folders.ts";
import type { Found, Layout, Place, Search } from "./layout_types.ts";
import { readList } from "./list_file.ts";
import { normalForm } from "./matching.ts";
import type { Pair } from "./missing.ts";
import { finder, pathOf } from "./places.ts";

/**
 * The pairs that a list names. Paths start at the dataset's folder or at `data.root`, also those that begin
 * with a slash when they are found there; other absolute ones are not looked up before they are read.
 * @throws DataError when the list cannot be read, a line names no label file although labels are needed, or
 *   names label files of the other kind; files that are not there are marked as missing in the pairs
 */
export async function fromList(
  layout: Layout,
  place: Place,
  { files, labelled, list }: Search & { readonly list: string },
): Promise<Found> {
  const find = finder(files);
  const shared = place.root === "" || place.root === place.folder ? undefined : place.root;
  const inShared = shared !== undefined && !isAbsolute(list) &&
    await find(place.folder, normal(list)) === undefined;
  const listPath = below(inShared ? shared : place.folder, list);
  const folderIsThere = async () => {
    if (await files.realPath?.(place.folder) !== undefined) return;
    await namesIn(files, place.folder, () => `expected the folder of ${layout.title} (${place.told})`);
  };
  const { entries, taken } = await readList(files, listPath, list).catch(async (error) => {
    if (error instanceof DataError && error.cause !== undefined) await folderIsThere();
    throw error;
  });
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
  let absent = false;
  const lookUp = async (written: string, line: number) => {
    const given = normal(await pathOf(files, place.folder, written));
    const path = given.replace(/^\/+/, "");
    const own = await find(place.folder, path);
    if (own !== undefined) return { path: own };
    if (isAbsolute(written)) return { path: given };
    const other = shared === undefined ? undefined : await find(shared, path);
    if (other !== undefined) return { path: below(shared!, other) };
    absent = true;
    return { path, missing: `line ${line} of ${list}` };
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
  if (absent) await folderIsThere();
  return { pairs, taken: taken ? [taken] : [] };
}

/** As a folder's listing writes it. */
function normal(written: string): string {
  return written.replaceAll("\\", "/").split("/").filter((part) => part !== ".").join("/");
}

/** The path below the folder of images without suffix and extension: the id that the folders give. */
function idOf(path: string, { beforeId, images: { suffix } }: Layout): string {
  const key = normalForm(stem(path.replace(beforeId, "")));
  return suffix !== "" && key.endsWith(suffix) ? key.slice(0, -suffix.length) : key;
}
