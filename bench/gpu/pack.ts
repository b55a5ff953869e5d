/**
 * Packs the GPU benchmark into a folder that runs without a network on a machine with a Vulkan driver:
 *
 *     deno task bench gpu --pack FOLDER
 */
import { Buffer } from "node:buffer";
import { cp } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { basename, join } from "node:path";
import { commit } from "../record.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Bytes of the packed folder at most, so that it can be handed on. */
export const MOST_BYTES = 55e6;

/** The WebGPU of Chromium, which offers what Deno's does not: matrix units. */
const DAWN = "webgpu@0.6.2";

/** What becomes one file of JavaScript each. */
const BUNDLED = [
  "bench/gpu/run.ts",
  "bench/gpu/part.ts",
  "tests/backends/webgpu_test.ts",
  "tests/backends/webgpu_step_test.ts",
];

/**
 * What is left out, since nothing measured needs it: the library that decodes images, whose native code would
 * double the size, and the runtime of another backend. A module without anything stands in for both.
 */
const LEFT_OUT = ["sharp", "onnxruntime-node"];

/** @returns the size of the folder in bytes */
export async function pack(folder: string, { peer }: { peer?: string | undefined }): Promise<number> {
  const work = await Deno.makeTempDir();
  try {
    const app = join(work, "app");
    await Deno.mkdir(app);
    await bundle(app);
    await cp(join(root, "tests/goldens"), join(app, "goldens"), { recursive: true });
    await cp(join(root, "recipes"), join(work, "recipes"), { recursive: true });
    for (const name of ["gpu/peer_gpu.py", "peer_backbones.py"]) {
      await Deno.copyFile(join(root, "bench", name), join(app, basename(name)));
    }
    if (peer !== undefined) await Deno.copyFile(peer, join(app, "torch_plca.py"));
    await Deno.copyFile(await dawnFile(), join(app, "dawn.node"));
    await Deno.writeTextFile(join(app, "commit.txt"), await commit());
    await Deno.mkdir(folder, { recursive: true });
    const tar = join(work, "app.tar");
    await run("tar", ["-cf", tar, "-C", work, "app", "recipes"]);
    await compress(tar, join(folder, "app.tar.xz"));
    const runtime = join(folder, "deno.xz");
    if (!await isCompressed(Deno.execPath(), runtime)) await compress(Deno.execPath(), runtime);
    await Deno.copyFile(join(root, "bench/gpu/run.sh"), join(folder, "run.sh"));
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  let size = 0;
  for await (const entry of Deno.readDir(folder)) size += (await Deno.stat(join(folder, entry.name))).size;
  return size;
}

/** Writes the programs into a folder, each as one file, and the map of imports that they need. */
export async function bundle(app: string): Promise<void> {
  const external = LEFT_OUT.flatMap((name) => ["--external", name]);
  for (const file of BUNDLED) {
    const out = join(app, basename(file).replace(/\.ts$/, ".js"));
    const flags = ["--quiet", "--platform=deno", ...external, `--output=${out}`];
    await run(Deno.execPath(), ["bundle", ...flags, join(root, file)], root);
  }
  const imports = Object.fromEntries(LEFT_OUT.map((name) => [name, "./left_out.js"]));
  await Deno.writeTextFile(join(app, "imports.json"), JSON.stringify({ imports }));
  await Deno.writeTextFile(join(app, "left_out.js"), "export default undefined;\n");
}

/** Dawn's library for this machine; with a lock file of its own, so that only this benchmark downloads it. */
async function dawnFile(): Promise<string> {
  const find = `
    import { dirname, join } from "node:path";
    import { fileURLToPath } from "node:url";
    import "npm:${DAWN}";
    const folder = dirname(fileURLToPath(import.meta.resolve("npm:${DAWN}")));
    console.log(join(folder, "dist", process.platform + "-" + process.arch, "dawn.node"));`;
  const flags = ["--no-config", `--lock=${join(root, "bench/gpu/deno.lock")}`, "--frozen"];
  return (await run(Deno.execPath(), ["eval", "--quiet", ...flags, find])).trim();
}

/** Writes `to`, which ends with `.xz`. */
async function compress(from: string, to: string): Promise<void> {
  const copy = to.slice(0, -".xz".length);
  await Deno.copyFile(from, copy);
  await run("xz", ["-9e", "-T2", "-f", copy]);
}

/** Whether a former pack left the same file there: compressing the runtime takes minutes, comparing it seconds. */
async function isCompressed(file: string, as: string): Promise<boolean> {
  try {
    await Deno.stat(as);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  const { stdout, success } = await new Deno.Command("xz", { args: ["-dc", as], stderr: "null" }).output();
  return success && Buffer.compare(stdout, await Deno.readFile(file)) === 0;
}

/** @param cwd absent: that of this process */
async function run(program: string, args: readonly string[], cwd = Deno.cwd()): Promise<string> {
  const { stdout, success } = await new Deno.Command(program, { args: [...args], cwd, stderr: "inherit" })
    .output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}
