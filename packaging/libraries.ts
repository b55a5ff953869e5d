/**
 * npm packages with the files of ONNX Runtime that plca needs, and no others. `onnxruntime-node` has the
 * libraries of all systems and downloads more at its installation; plca needs one, so its package names one
 * package for each system as optional dependencies, of which npm installs only the fitting one. Of the 90 MB
 * of `onnxruntime-web` the pages of `plca export` need three files, which one more package has.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { VERSIONS } from "../cli/versions.ts";
import project from "../deno.json" with { type: "json" };
import { RUNTIME, runtimeFolder } from "../export/page_runtime.ts";

/** A system in npm's words, and which files of onnxruntime-node are needed there. */
interface System {
  readonly os: string;
  readonly cpu: string;
  readonly files: RegExp;
}

const SHARED_OBJECT = /^libonnxruntime\.so/, DYLIB = /^libonnxruntime\..*dylib$/;
// The library names DirectML, which not every Windows has.
const DLL = /^(onnxruntime|DirectML)\.dll$/;

const SYSTEMS: readonly System[] = [
  { os: "linux", cpu: "x64", files: SHARED_OBJECT },
  { os: "linux", cpu: "arm64", files: SHARED_OBJECT },
  { os: "darwin", cpu: "x64", files: DYLIB },
  { os: "darwin", cpu: "arm64", files: DYLIB },
  { os: "win32", cpu: "x64", files: DLL },
  { os: "win32", cpu: "arm64", files: DLL },
];

/** The packages' names with their version, for `optionalDependencies`. */
export function libraryDependencies(): Record<string, string> {
  return Object.fromEntries(SYSTEMS.map((system) => [nameOf(system), VERSIONS.onnxruntime]));
}

/** The package for pages, for `dependencies`. */
export const WEB_RUNTIME: Readonly<Record<string, string>> = {
  "@plca/onnxruntime-web": project.imports["onnxruntime-web"].split("@").at(-1)!,
};

function nameOf({ os, cpu }: Pick<System, "os" | "cpu">): string {
  return `@plca/onnxruntime-${os}-${cpu}`;
}

/**
 * Writes the packages' folders below `folder`. @param only whether for this system alone @returns the folders
 */
export async function writeLibraries(folder: string, only: boolean): Promise<string[]> {
  const main = createRequire(import.meta.url).resolve("onnxruntime-node");
  const bin = join(dirname(main), "..", "bin", "napi-v6");
  const os = Deno.build.os === "windows" ? "win32" : Deno.build.os;
  const cpu = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const wanted = SYSTEMS.filter((system) => !only || (system.os === os && system.cpu === cpu));
  const folders: string[] = [];
  for (const system of wanted) {
    const target = join(folder, `onnxruntime-${system.os}-${system.cpu}`);
    await Deno.mkdir(target);
    const from = join(bin, system.os, system.cpu);
    const files = [...Deno.readDirSync(from)].map(({ name }) => name).filter((name) =>
      system.files.test(name)
    );
    const about = `ONNX Runtime ${VERSIONS.onnxruntime} for ${system.os} ${system.cpu}`;
    const only = { os: [system.os], cpu: [system.cpu] };
    await writePackage(target, {
      name: nameOf(system),
      version: VERSIONS.onnxruntime,
      about,
      original: "onnxruntime-node",
      from,
      files,
      only,
    });
    folders.push(target);
  }
  return folders;
}

/** Writes the folder of the package for pages below `folder`. @returns it */
export async function writeWebRuntime(folder: string): Promise<string> {
  const target = join(folder, "onnxruntime-web");
  await Deno.mkdir(target);
  const [[name, version]] = Object.entries(WEB_RUNTIME) as [[string, string]];
  await writePackage(target, {
    name,
    version,
    about: `ONNX Runtime Web ${version} for WebGPU and WebAssembly`,
    original: "onnxruntime-web",
    from: runtimeFolder(),
    files: RUNTIME,
  });
  return target;
}

/** A package that is made of files of another one. */
interface Part {
  readonly name: string;
  readonly version: string;
  readonly about: string;
  /** The package that the files are from, and the folder of it where they lie. */
  readonly original: string;
  readonly from: string;
  readonly files: readonly string[];
  /** Entries of package.json that say where it is installed. */
  readonly only?: { readonly os: readonly string[]; readonly cpu: readonly string[] };
}

/** Fills a package's folder. */
async function writePackage(
  target: string,
  { name, version, about, original, from, files, only }: Part,
): Promise<void> {
  for (const file of files) await Deno.copyFile(join(from, file), join(target, file));
  await Deno.writeTextFile(
    join(target, "package.json"),
    JSON.stringify({
      name,
      version,
      description: `${about}, for plca`,
      license: "MIT",
      ...only,
      files,
    }),
  );
  await Deno.writeTextFile(
    join(target, "README.md"),
    `${about}, as the npm package ${original} has it: Copyright (c) Microsoft Corporation, MIT License.\n`,
  );
}
