/** The file's path without its extension. */
export function stem(path: string): string {
  return path.replace(/\.[^./\\]*$/, "");
}
