/**
 * `deno task pack`: makes the files that are published on npm, in `dist/`. `deno pack` turns the modules into
 * JavaScript with types. Added here is what it leaves out: the command `plca`, the files that modules read
 * from beside them, and exact versions of the dependencies. `--allow-dirty` packs what is not committed;
 * `--this-system` leaves the libraries of other systems out.
 */
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import project from "../deno.json" with { type: "json" };
import { libraryDependencies, WEB_RUNTIME, writeLibraries, writeWebRuntime } from "./libraries.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");

/**
 * The version of the npm package `deno`, which runs plca where only Node is: the one that plca is tested
 * with.
 */
const DENO = "2.9.6";

const DESCRIPTION =
  "Domain-adaptive semantic segmentation by pixel-level cycle association and other methods, on Deno";

const folder = await Deno.makeTempDir({ prefix: "plca-pack-" });
try {
  await pack(folder);
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Makes all packages, by way of an empty folder. */
async function pack(folder: string): Promise<void> {
  const packed = join(folder, "deno-pack.tgz"), made = join(folder, "package");
  const dirty = Deno.args.includes("--allow-dirty") ? ["--allow-dirty"] : [];
  await run(Deno.execPath(), ["pack", "--quiet", "--no-source-maps", ...dirty, "-o", packed]);
  await run("tar", ["-xzf", packed, "-C", folder]);
  for (const file of ["bin/plca.mjs", "CHANGELOG.md"]) await copyInto(made, file);
  await Deno.chmod(join(made, "bin/plca.mjs"), 0o755);
  await describe(made);
  await completeImports(made);
  await Deno.mkdir(DIST, { recursive: true });
  const libraries = await writeLibraries(folder, Deno.args.includes("--this-system"));
  for (const each of [made, await writeWebRuntime(folder), ...libraries]) {
    const text = await run("npm", ["pack", "--json", "--pack-destination", DIST, each]);
    const [{ filename, size, unpackedSize }] = Object.values(JSON.parse(text)) as [Packed];
    console.log(`dist/${basename(filename)}  ${megabytes(size)}, unpacked ${megabytes(unpackedSize)}`);
  }
}

/** A packed file as npm reports it. */
interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Copies a file of the repository into the package. */
async function copyInto(made: string, file: string): Promise<void> {
  const target = join(made, file);
  await Deno.mkdir(dirname(target), { recursive: true });
  await Deno.copyFile(join(ROOT, file.startsWith("bin/") ? `packaging/${file}` : file), target);
}

/** Writes package.json, and a deno.json with the entries that the modules and the command read. */
async function describe(made: string): Promise<void> {
  const { name, version, license, imports, unstable } = project;
  const path = join(made, "package.json");
  const { type, main, types, exports } = JSON.parse(await Deno.readTextFile(path));
  const unstableFlags = unstable.map((feature) => `--unstable-${feature}`);
  // Its settings are no settings of Deno: Deno reads none inside of node_modules.
  const flags = ["--node-modules-dir=manual", ...unstableFlags].join(" ");
  const plca = project.tasks.plca.replace("deno run ", `deno run ${flags} `).replace(/\.ts$/, ".js");
  const description = {
    ...{ name, version, description: DESCRIPTION, license, type, main, types, exports },
    bin: { plca: "bin/plca.mjs" },
    engines: { node: ">=20" },
    dependencies: { ...await dependencies(made), ...WEB_RUNTIME, deno: DENO },
    optionalDependencies: libraryDependencies(),
  };
  await Deno.writeTextFile(path, `${JSON.stringify(description, null, 2)}\n`);
  const settings = { name, version, license, imports, tasks: { plca } };
  await Deno.writeTextFile(join(made, "deno.json"), `${JSON.stringify(settings, null, 2)}\n`);
}

/** The packages that the modules import, in the versions that plca is tested with. */
async function dependencies(made: string): Promise<Record<string, string>> {
  const named = new Set<string>();
  for await (const { text } of modules(made)) {
    for (const [, specifier] of text.matchAll(/["'](@?[a-z][\w@./-]*)["']/g)) {
      named.add(specifier!.split("/").slice(0, specifier!.startsWith("@") ? 2 : 1).join("/"));
    }
  }
  const pins = Object.entries(project.imports).map(([key, specifier]) => [
    key.replace(/\/$/, ""),
    specifier.replace(/\/$/, "").split("@").at(-1)!,
  ]);
  // What is needed of these two comes in packages of its own (libraries.ts).
  const parted = ["onnxruntime-node", "onnxruntime-web"];
  return Object.fromEntries(pins.filter(([name]) => named.has(name!) && !parted.includes(name!)));
}

/**
 * Copies the files that modules import as text, which `deno pack` leaves out. @throws Error that names an
 * import that is in no package
 */
async function completeImports(made: string): Promise<void> {
  for await (const { path, text } of modules(made)) {
    // Imports in comments and templates do not match: they begin otherwise or hold a $.
    for (const [, specifier] of text.matchAll(/^(?:import|export|\}) .*?"(\.[^"$]+)"/gm)) {
      const target = join(dirname(path), specifier!);
      if ((await Deno.stat(target).catch(() => undefined))?.isFile) continue;
      const file = relative(made, target);
      if (!/^web\/.*\.(css|js)$/.test(file)) {
        throw new Error(`${path} imports ${specifier}, which is not packed`);
      }
      await copyInto(made, file);
    }
  }
}

/** All JavaScript modules of a package, with their text. */
async function* modules(folder: string): AsyncGenerator<{ readonly path: string; readonly text: string }> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory && name !== "dist") yield* modules(path);
    else if (name.endsWith(".js")) yield { path, text: await Deno.readTextFile(path) };
  }
}

/** Runs a program. @returns what it prints @throws Error with what it wrote to stderr */
async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd: ROOT })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${program} ${args.join(" ")}\n${text(stderr)}`);
  return text(stdout);
}
