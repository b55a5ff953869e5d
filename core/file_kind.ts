/** What lies at a path. Pure. */

/** As the system tells it, links followed. */
export type PathFacts = Pick<
  Deno.FileInfo,
  "isFile" | "isDirectory" | "isBlockDevice" | "isCharDevice" | "isFifo" | "isSocket"
>;

/**
 * What is there instead of a file with an end, as in "a folder"; undefined when it is one. Devices and pipes may never end, or
 * never begin.
 */
export function notAFile(facts: PathFacts): string | undefined {
  if (facts.isFile) return undefined;
  if (facts.isDirectory) return "a folder";
  if (facts.isBlockDevice || facts.isCharDevice) return "a device";
  if (facts.isFifo) return "a pipe";
  return facts.isSocket ? "a socket" : "something without a content of its own";
}
