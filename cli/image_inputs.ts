/**
 * The images that a command line names: files, folders and patterns.
 *
 * Besides its path each image has a *name*, from which the names of its results are made: the path below what
 * the person named. So `photos/a/1.jpg` and `photos/b/1.jpg` stay apart when `photos` is given, and results
 * lie as the images do. Two images with one name would overwrite each other's results, which {@linkcode
 * refuseSameNames} refuses before any work.
 */
import { glob } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { DataError, UserError } from "../core/errors.ts";
import { diskFiles } from "../datasets/files.ts";
import { IMAGES } from "../datasets/image_files.ts";
import type { Host } from "./host.ts";
import { shown, stat } from "./run_folder.ts";

/** An image that a command line names. */
export interface ImageInput {
  /** Absolute. */
  readonly path: string;
  /**
   * What files made from it are called: the path below the folder, or below the fixed part of the pattern,
   * with `/`, without extension.
   */
  readonly name: string;
}

/**
 * The images that are named, in the order given; those of folders and patterns sorted, and chosen by their
 * extension. A file that is named twice is taken once.
 * @param leaveOut absolute folders that are not looked into, as the results of an earlier call
 * @throws UserError when something is not there or holds no image
 */
export async function imageInputs(
  host: Host,
  given: readonly string[],
  leaveOut: readonly string[],
): Promise<ImageInput[]> {
  const found = new Map<string, ImageInput>();
  for (const each of given) {
    for (const input of await expand(host, each, leaveOut)) {
      if (!found.has(input.path)) found.set(input.path, input);
    }
  }
  return [...found.values()];
}

/** The images of one word: a file, a folder, or a pattern where no file is called so. */
async function expand(host: Host, given: string, leaveOut: readonly string[]): Promise<ImageInput[]> {
  const wanted = (path: string) =>
    IMAGES.test.test(path) && !leaveOut.some((folder) => path.startsWith(folder + sep));
  const path = resolve(host.cwd, given);
  const info = await stat(path);
  if (info?.isDirectory) {
    const files = (await namesIn(path, given)).map((name) => join(path, name)).filter(wanted);
    if (files.length === 0) throw new UserError(`${given}: the folder holds no ${IMAGES.words}`);
    return files.map((file) => imageOf(file, path));
  }
  if (info) return [{ path, name: stem(basename(path)) }];
  if (!/[*?[{]/.test(given)) throw new UserError(`${given}: there is no such file or folder`);
  const matches: string[] = [];
  for await (const match of glob(given, { cwd: host.cwd })) {
    const file = resolve(host.cwd, match);
    if (wanted(file)) matches.push(file);
  }
  if (matches.length === 0) throw new UserError(`${given}: no ${IMAGES.words} matches this pattern`);
  const folder = resolve(host.cwd, fixedPart(given));
  return matches.sort().map((match) => imageOf(match, folder));
}

/**
 * The path up to the first part that holds a sign of patterns, as `photos` of `photos/*.png`; the whole path
 * where there is none.
 */
export function fixedPart(given: string): string {
  const parts = given.split(/[\\/]/), first = parts.findIndex((part) => /[*?[{]/.test(part));
  if (first < 0) return given;
  return parts.slice(0, first).join("/") || (first === 0 ? "." : "/");
}

/** The files below a folder. @throws UserError that calls the folder as the person does */
async function namesIn(folder: string, given: string): Promise<readonly string[]> {
  try {
    return await diskFiles().list(folder);
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new UserError(cause.message.replace(cause.file, given), { cause });
  }
}

/** An image below a folder. @param path absolute @param folder absolute */
export function imageOf(path: string, folder: string): ImageInput {
  return { path, name: stem(relative(folder, path).replaceAll(sep, "/")) };
}

/** A path without its extension. */
function stem(name: string): string {
  return name.replace(/\.[^./]*$/, "");
}

/** @throws UserError when files made from two images would have one name */
export function refuseSameNames(host: Host, inputs: readonly ImageInput[], out: string): void {
  const owners = new Map<string, ImageInput>();
  for (const each of inputs) {
    const other = owners.get(each.name);
    if (other) {
      throw new UserError(
        `${shown(host, other.path)} and ${shown(host, each.path)} would both become ` +
          `${join(out, "labels", `${each.name}.png`)}; give them in two calls with another --out, ` +
          "or name a folder above both",
      );
    }
    owners.set(each.name, each);
  }
}
