/**
 * What differs between a clone of plca and the npm package made of it, whose modules are JavaScript.
 *
 * Whatever starts a worker or looks for a file beside a module asks here. A module that is found by its
 * TypeScript name alone works in a clone and is missing from the package; `deno task try:package` shows it.
 */

/** Whether this is the npm package; a clone runs from TypeScript. */
export const IN_PACKAGE: boolean = !import.meta.url.endsWith(".ts");

/**
 * The URL of a module that is started by its URL, as a worker is, in the same folder as another module and
 * with the same ending: `.ts` in a clone, `.js` in the package.
 * @param name the file's name without its ending
 * @param url `import.meta.url` of the module beside it
 */
export function moduleBeside(name: string, url: string): URL {
  return new URL(`${name}${url.slice(url.lastIndexOf("."))}`, url);
}
