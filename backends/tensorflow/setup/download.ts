/** Gets TensorFlow as the package itself does: its install script downloads the libraries and an addon. */
import { join } from "node:path";
import { UserError } from "../../../core/errors.ts";
import { execute } from "./execute.ts";
import { checkIntegrity, type Pinned } from "./packages.ts";

/** The result of the package's install script. */
export interface Downloaded {
  /** The package's folder. */
  readonly package: string;
  /** The addon's path in that folder; undefined if there is none for this machine and only libraries came. */
  readonly addon: string | undefined;
}

/** Installs the package with npm below `folder`, which is made. @throws UserError when no libraries came */
export async function download(pinned: Pinned, folder: string): Promise<Downloaded> {
  const { name, version } = pinned;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "package.json"), '{ "private": true }\n');
  const flags = ["--no-audit", "--no-fund", "--save-exact", "--ignore-scripts"];
  await execute("npm", ["install", ...flags, `${name}@${version}`], folder);
  const lock = JSON.parse(await Deno.readTextFile(join(folder, "package-lock.json")));
  checkIntegrity(pinned, lock.packages?.[`node_modules/${name}`]?.integrity);
  const packageFolder = join(folder, "node_modules", ...name.split("/"));
  // Apart, because its script fails where there is no addon for a machine, whose libraries are then here all
  // the same.
  const failure = await rebuilt(name, folder);
  if (failure !== undefined && !await exists(join(packageFolder, "deps/lib"))) {
    throw new UserError(
      `${name} could not download TensorFlow. ${failure.message}\n` +
        "If this machine cannot reach what its install script downloads, take TensorFlow from a Python wheel:\n" +
        "  python3 -m pip install --no-deps --target FOLDER tensorflow-cpu\n" +
        "  npx --yes deno@2.9.6 task setup:tensorflow --libtensorflow FOLDER",
      { cause: failure },
    );
  }
  return { package: packageFolder, addon: await findAddon(packageFolder) };
}

/** Runs the package's install script. @returns the error if it failed */
async function rebuilt(name: string, folder: string): Promise<UserError | undefined> {
  try {
    await execute("npm", ["rebuild", "--ignore-scripts=false", name], folder);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

async function findAddon(folder: string): Promise<string | undefined> {
  for (let version = 9; version >= 3; version--) {
    const addon = `lib/napi-v${version}/tfjs_binding.node`;
    if (await exists(join(folder, addon))) return addon;
  }
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
