/**
 * Puts TensorFlow in place: everything into a folder beside the final one, which it replaces when it works.
 */
import { dirname, join } from "node:path";
import { UserError } from "../../../core/errors.ts";
import { messageOf } from "../../../core/words.ts";
import { loadBinding } from "../package.ts";
import { type Installed, RECORD } from "../place.ts";
import { checkProduct } from "./check.ts";
import { ADDON, compileAddon, compileQuiet, QUIET } from "./compile.ts";
import { claimFolder, emptyClaimed, LOCK } from "./claim.ts";
import { download } from "./download.ts";
import { execute } from "./execute.ts";
import { findLibraries, refuseUnsearchable } from "./libraries.ts";
import { NODE_API_HEADERS, TFJS_NODE, unpack } from "./packages.ts";

/** What is to be installed. */
export interface Wanted {
  /** The folder where it is to be, absolute. */
  readonly folder: string;
  /** Which of the two packages: for the processor or for CUDA. */
  readonly kind: keyof typeof TFJS_NODE;
  /** Libraries that are there already, absolute; absent: the package downloads its own. */
  readonly libraries?: string;
  /** Called with a line about each step. */
  readonly tell: (line: string) => void;
}

/** The folder in which the installation is put together. */
function stagingOf(folder: string): string {
  return `${folder}-new`;
}

/**
 * Installs, checks a product, and only then replaces what was there before. When it fails, what was there
 * before is still there.
 * @returns TensorFlow's version and whether it computes on a CUDA device
 * @throws UserError that says which step failed
 */
export async function install(wanted: Wanted): Promise<{ readonly version: string; readonly cuda: boolean }> {
  const { folder, tell } = wanted;
  const staging = stagingOf(folder);
  using _claim = await claimFolder(staging);
  try {
    if (await emptyClaimed(staging)) tell("removed what a setup that was broken off had left");
    const record = wanted.libraries === undefined
      ? await fromPackage(wanted, staging)
      : await fromLibraries(wanted, staging, wanted.libraries);
    tell("loading it and checking a product");
    const binding = loadBinding(staging, record);
    checkProduct(binding);
    await Deno.writeTextFile(join(staging, RECORD), `${JSON.stringify(record, undefined, 2)}\n`);
    await remove(folder);
    await Deno.rename(staging, folder);
    await remove(join(folder, LOCK));
    return { version: binding.TF_Version, cuda: binding.isUsingGpuDevice() };
  } catch (error) {
    await remove(staging);
    if (error instanceof UserError) throw error;
    throw new UserError(`TensorFlow does not work here: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Removes everything that was installed or half installed. @returns whether there was anything
 * @throws UserError while a setup runs
 */
export async function uninstall(folder: string): Promise<boolean> {
  const staging = stagingOf(folder);
  using _claim = await exists(staging) ? await claimFolder(staging) : undefined;
  const removed = [await remove(folder), await remove(staging)];
  return removed.includes(true);
}

/** Compiles the package's addon against libraries of the user's, which stay where they are. */
async function fromLibraries({ kind, tell }: Wanted, staging: string, given: string): Promise<Installed> {
  const libraries = await findLibraries(given);
  refuseUnsearchable(libraries.folder);
  tell(`found ${libraries.names.join(", ")} in ${libraries.folder}, which stay there`);
  const pinned = TFJS_NODE[kind], sources = join(staging, "package");
  const { name, version } = pinned;
  tell(`getting ${name}@${version} with npm, without what it depends on and without its scripts`);
  await unpack(pinned, sources);
  const headers = await nodeApiHeaders(staging, tell);
  tell("compiling its addon with g++");
  await compileAddon(staging, { sources, headers, libraries, search: libraries.folder });
  await compileQuiet(staging, headers);
  await remove(dirname(headers));
  return { package: name, version, dist: "package/dist", addon: QUIET, libraries: libraries.folder };
}

/** Lets the package download its libraries and, if it has one for this machine, its addon. */
async function fromPackage({ kind, folder, tell }: Wanted, staging: string): Promise<Installed> {
  const pinned = TFJS_NODE[kind];
  tell(`installing ${pinned.name}@${pinned.version} with npm; its install script downloads TensorFlow`);
  const npm = join(staging, "npm");
  const downloaded = await download(pinned, npm);
  // Its dependencies were needed for its install script only.
  const sources = join(staging, "package");
  await Deno.rename(downloaded.package, sources);
  await remove(npm);
  const place = downloaded.addon === undefined ? "." : join("package", dirname(downloaded.addon));
  let addon = join(place, ADDON);
  if (downloaded.addon === undefined || await hasCompiler(staging)) {
    const headers = await nodeApiHeaders(staging, tell);
    if (downloaded.addon === undefined) {
      tell("it brought libraries but no addon for this machine: compiling it with g++");
      const libraries = await findLibraries(join(sources, "deps"));
      const search = "$ORIGIN/package/deps/lib";
      await compileAddon(staging, { sources, headers, libraries, search });
    }
    await compileQuiet(join(staging, place), headers);
    await remove(dirname(headers));
    addon = join(place, QUIET);
  } else {
    tell("there is no g++, so TensorFlow's own messages will appear on stderr");
  }
  const { name, version } = pinned;
  const libraries = join(folder, "package/deps/lib");
  return { package: name, version, dist: "package/dist", addon, libraries };
}

/** @returns the folder of node_api.h */
async function nodeApiHeaders(staging: string, tell: Wanted["tell"]): Promise<string> {
  const { name, version } = NODE_API_HEADERS, folder = join(staging, "headers");
  tell(`getting ${name}@${version} with npm`);
  await unpack(NODE_API_HEADERS, folder);
  return join(folder, "include");
}

async function hasCompiler(folder: string): Promise<boolean> {
  try {
    await execute("g++", ["--version"], folder);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function remove(path: string): Promise<boolean> {
  try {
    await Deno.remove(path, { recursive: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
