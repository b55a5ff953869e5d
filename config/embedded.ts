/**
 * The recipes that come with plca. They are files below `recipes/`, read like a person's own; only their
 * names are known here. A name has no slash, dot or ending, which is how it is told from a path.
 */
import { fileURLToPath } from "node:url";

/** What `train NAME` and `extends: NAME` accept besides paths. */
export const EMBEDDED: readonly string[] = [
  "street",
  "street_mit",
  "street_dinov2",
  "camvid_day_to_dusk",
  "camvid_source_only",
  "camvid_mit",
  "gtav_to_cityscapes",
  "gtav_to_cityscapes_8",
  "synthia_to_cityscapes",
];

/** The absolute path of an embedded recipe; undefined when there is none of that name. */
export function embeddedRecipe(name: string): string | undefined {
  if (!EMBEDDED.includes(name)) return undefined;
  return fileURLToPath(new URL(`../recipes/${name}.yaml`, import.meta.url));
}

/** Whether the text is a bare name rather than a path. */
export function isRecipeName(text: string): boolean {
  return /^[\w-]+$/.test(text);
}
