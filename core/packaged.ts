/** What differs between a clone of plca and the npm package made of it, whose modules are JavaScript. */

/** Whether this is the package. */
export const IN_PACKAGE: boolean = !import.meta.url.endsWith(".ts");

/**
 * The address of a module that is run by its address, as a worker is: beside another one and with its ending.
 * @param name without its ending
 * @param url the other's `import.meta.url`
 */
export function moduleBeside(name: string, url: string): URL {
  return new URL(`${name}${url.slice(url.lastIndexOf("."))}`, url);
}
