/** Compiles addons with g++; Node's own headers are not needed. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execute } from "./execute.ts";
import type { Libraries } from "./libraries.ts";

/** The package's addon. quiet.node loads it from its own folder. */
export const ADDON = "tfjs_binding.node";

/** The addon that the runtime loads: it silences stderr while the other one starts. */
export const QUIET = "quiet.node";

const FLAGS = ["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8"];

/**
 * On macOS the functions of Node-API are looked up when the addon is loaded, so linking must not ask for
 * them.
 */
const LATE = Deno.build.os === "darwin" ? ["-undefined", "dynamic_lookup"] : [];

/** What the package's addon is compiled from. */
export interface AddonParts {
  /** The package's folder. */
  readonly sources: string;
  /** The folder of node_api.h. */
  readonly headers: string;
  readonly libraries: Libraries;
  /** Where the addon looks for the libraries when it is loaded. */
  readonly search: string;
}

/** Compiles the package's addon into `folder`. @throws UserError with the last lines of g++ */
export async function compileAddon(
  folder: string,
  { sources, headers, libraries, search }: AddonParts,
): Promise<void> {
  const includes = [sources, headers, libraries.include].flatMap((path) => ["-I", path]);
  const files = ["tfjs_backend.cc", "tfjs_binding.cc"].map((name) => join(sources, "binding", name));
  const linked = libraries.names.map((name) => join(libraries.folder, name));
  const args = [...includes, ...files, "-o", ADDON, ...linked, ...searchFlags(search)];
  await execute("g++", [...FLAGS, ...LATE, ...args], folder);
}

/**
 * The linker's flags for the folder in which an addon looks for its libraries. `-Wl` would split a path at
 * commas.
 */
export function searchFlags(search: string): string[] {
  return ["-Xlinker", "-rpath", "-Xlinker", search];
}

/** Compiles quiet.cc into `folder`. @throws UserError with the last lines of g++ */
export async function compileQuiet(folder: string, headers: string): Promise<void> {
  const source = fileURLToPath(new URL("../quiet.cc", import.meta.url));
  await execute("g++", [...FLAGS, ...LATE, "-I", headers, source, "-o", QUIET, "-ldl"], folder);
}
