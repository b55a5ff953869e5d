/**
 * `plca predict --watch`: folders whose images are labelled as they come. Folders are looked at again and
 * again rather than watched by the system, which works on network disks as well; a file is taken when two
 * looks found it unchanged, so that none is read while it is still being written.
 */
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { UserError } from "../core/errors.ts";
import { countOf } from "../core/words.ts";
import { IMAGES } from "../datasets/image_files.ts";
import type { Host } from "./host.ts";
import { type ImageInput, imageOf } from "./image_inputs.ts";
import { afterImage } from "./input.ts";
import { type Job, Labelling, type LabellingOptions } from "./labelling.ts";
import { shown, stat } from "./run_folder.ts";

/** Milliseconds between two looks. */
const LOOKS = 400;

/** What is watched, and what is made of an image. */
export interface Watched {
  /** Absolute. */
  readonly folders: readonly string[];
  /** Absolute folders that are not looked into. */
  readonly leaveOut: readonly string[];
  readonly jobOf: (input: ImageInput) => Job;
}

/** The folders to watch, absolute. @throws UserError when one is no folder */
export async function watchedFolders(host: Host, given: readonly string[]): Promise<string[]> {
  for (const each of given) {
    if ((await stat(resolve(host.cwd, each)))?.isDirectory) continue;
    throw new UserError(`${each}: --watch needs folders that are there`);
  }
  return [...new Set(given.map((each) => resolve(host.cwd, each)))];
}

/**
 * Labels images until Ctrl-C, which is the usual end. An image with a label file that is not older counts as
 * labelled, unless `--force` wants all of them once more; an image that changes is labelled again.
 * @returns the exit status: 0, or 2 when an image could not be labelled
 */
export async function watchFolders(host: Host, options: LabellingOptions, watched: Watched): Promise<number> {
  const { args: { force, json } } = options;
  const labelling = new Labelling(host, options);
  const { signal, stopListening } = afterImage(host);
  // By path: what an image was when it was looked at last, and when it was labelled.
  const seen = new Map<string, string>(), labelled = new Map<string, string>();
  let done = 0, broken = 0;
  const look = async () => {
    for (const input of await imagesIn(watched)) {
      if (signal.aborted) return;
      const state = await stateOf(input.path);
      const settled = state !== undefined && seen.get(input.path) === state;
      if (state !== undefined) seen.set(input.path, state);
      if (!settled || labelled.get(input.path) === state) continue;
      const job = watched.jobOf(input);
      const before = labelled.has(input.path);
      labelled.set(input.path, state);
      if (!before && !force && await isLabelled(job)) continue;
      const why = await labelling.label(job);
      if (why === undefined) done += 1;
      else broken += 1;
      if (json) continue;
      const name = shown(host, input.path);
      if (why === undefined) host.stdout.write(`${name}: ${shown(host, job.outputs.labels)}\n`);
      else host.stderr.write(`${name}: ${why}\n`);
    }
  };
  if (!json) host.stdout.write("Waiting for images; Ctrl-C ends it.\n");
  try {
    while (!signal.aborted) {
      await look();
      await setTimeout(LOOKS, undefined, { signal }).catch(() => {});
    }
  } finally {
    stopListening();
  }
  if (!json) host.stdout.write(`${countOf(done, "image")} labelled.\n`);
  return broken > 0 ? 2 : 0;
}

/**
 * All images below the folders, sorted by path. Hidden files and what disappears meanwhile are passed over.
 */
async function imagesIn({ folders, leaveOut }: Watched): Promise<ImageInput[]> {
  const found: ImageInput[] = [];
  const visit = async (folder: string, top: string) => {
    if (leaveOut.includes(folder)) return;
    try {
      for await (const { name, isDirectory } of Deno.readDir(folder)) {
        const path = join(folder, name);
        if (isDirectory) await visit(path, top);
        else if (!name.startsWith(".") && IMAGES.test.test(name)) found.push(imageOf(path, top));
      }
    } catch (error) {
      // It may be taken away at any time.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  for (const folder of folders) await visit(folder, folder);
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Size and time of a file, to notice changes; undefined when it is gone. */
async function stateOf(path: string): Promise<string | undefined> {
  const info = await stat(path);
  return info?.isFile ? `${info.size} ${info.mtime?.getTime()}` : undefined;
}

/** Whether an image has labels that are not older than it. */
async function isLabelled({ input, outputs }: Job): Promise<boolean> {
  const [image, labels] = [await stat(input.path), await stat(outputs.labels)];
  return (labels?.mtime?.getTime() ?? -1) >= (image?.mtime?.getTime() ?? 0);
}
