/**
 * What lies at a path: reading a device or a pipe could wait forever, so readers ask first. Pure.
 *
 * datasets/files.ts asks for images, cli/recipes.ts for recipes, cli/import_plugin.ts for plugin files. The
 * words stand inside of sentences of theirs, `it is ${...}, expected a file`.
 */

/** What `Deno.stat` says of a path, links followed. */
export type PathFacts = Pick<
  Deno.FileInfo,
  "isFile" | "isDirectory" | "isBlockDevice" | "isCharDevice" | "isFifo" | "isSocket"
>;

/** What is there instead of an ordinary file, as in "a folder"; undefined when it is one. */
export function notAFile(facts: PathFacts): string | undefined {
  if (facts.isFile) return undefined;
  if (facts.isDirectory) return "a folder";
  if (facts.isBlockDevice || facts.isCharDevice) return "a device";
  if (facts.isFifo) return "a pipe";
  return facts.isSocket ? "a socket" : "something without a content of its own";
}
