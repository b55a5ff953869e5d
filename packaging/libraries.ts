/**
 * npm packages with ONNX Runtime's library for one system each. `onnxruntime-node` itself has the libraries
 * of all systems and downloads more at its installation; plca needs one, so its package names these as
 * optional dependencies, of which npm installs only the fitting one.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { VERSIONS } from "../cli/versions.ts";

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
    for (const file of files) await Deno.copyFile(join(from, file), join(target, file));
    const about = `ONNX Runtime ${VERSIONS.onnxruntime} for ${system.os} ${system.cpu}`;
    await Deno.writeTextFile(
      join(target, "package.json"),
      JSON.stringify({
        name: nameOf(system),
        version: VERSIONS.onnxruntime,
        description: `${about}, for plca`,
        license: "MIT",
        os: [system.os],
        cpu: [system.cpu],
        files,
      }),
    );
    await Deno.writeTextFile(
      join(target, "README.md"),
      `${about}, as the npm package onnxruntime-node has it: Copyright (c) Microsoft Corporation, MIT License.\n`,
    );
    folders.push(target);
  }
  return folders;
}
