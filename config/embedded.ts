/**
 * The recipes that come with plca. They are files below `recipes/`, read like a person's own; only their
 * names are known here. A name has no slash, dot or ending, which is how it is told from a path.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** What `train NAME` and `extends: NAME` accept besides paths. */
export const EMBEDDED: readonly string[] = [
  "street",
  "street_mit",
  "street_dinov2",
  "camvid_day_to_dusk",
  "camvid_source_only",
  "camvid_mit",
  "camvid_dinov2",
  "gtav_to_cityscapes",
  "gtav_to_cityscapes_8",
  "synthia_to_cityscapes",
];

/** The absolute path of an embedded recipe; undefined when there is none of that name. */
export function embeddedRecipe(name: string): string | undefined {
  if (!EMBEDDED.includes(name)) return undefined;
  return fileURLToPath(new URL(`../recipes/${name}.yaml`, import.meta.url));
}

/** Where the methods lie that `plca compare --methods NAME` takes by name, absolute. */
const METHOD_FOLDERS = ["methods", "methods/mit"].map((folder) =>
  fileURLToPath(new URL(`../recipes/${folder}`, import.meta.url))
);

/** Where the recipe of a method would lie, absolute. */
export function methodPaths(name: string): readonly string[] {
  return METHOD_FOLDERS.map((folder) => join(folder, `${name}.yaml`));
}

/** Whether a file, absolute, is the recipe of a method. */
export function isMethod(path: string): boolean {
  return METHOD_FOLDERS.includes(dirname(path));
}

/** What a method is for and how it is laid on data. @param file its recipe, as it is shown */
export function methodHint(name: string, file: string): string {
  return `it is a method, which is laid on a recipe with data: plca compare RECIPE --methods ${name}, ` +
    `or a recipe that begins with extends: [RECIPE, ${file}]`;
}

/** Whether the text is a bare name rather than a path. */
export function isRecipeName(text: string): boolean {
  return /^[\w-]+$/.test(text);
}
