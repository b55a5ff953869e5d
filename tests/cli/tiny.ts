/** A recipe that trains in a moment, and tests that train. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, plca } from "./fake_host.ts";

const STREET = "type: street, width: 40, height: 32";

/** A small network on a few small scenes. @param more further lines, `training` at least */
export function tinyRecipe(more: string): string {
  return `extends: street
backend: wasm
data:
  source: { ${STREET}, domain: day, split: train, count: 4 }
  target: { ${STREET}, domain: dusk, split: train, count: 4 }
  val: { ${STREET}, domain: dusk, split: val, count: 2 }
  test: null
input: { crop: 32 }
model: { options: { width: 0.0625 } }
${more}`;
}

/** Trains a recipe once, when it is first called. @returns the folder of its run */
export function trainedOnce(recipe: string): () => Promise<string> {
  let run: Promise<string> | undefined;
  const train = async () => {
    const folder = await Deno.realPath(await Deno.makeTempDir());
    globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    await Deno.writeTextFile(join(folder, "tiny.yaml"), recipe);
    const { code, stderr } = await plca(["train", "tiny.yaml", "--run", "run"], { cwd: folder });
    assert.deepEqual([stderr, code], ["", 0]);
    return join(folder, "run");
  };
  return () => run ??= train();
}

/** A test in a new folder that `prepare` fills; what the tensor library keeps open is not its business. */
export function folderTest(
  name: string,
  prepare: (folder: string) => Promise<void>,
  body: (folder: string) => Promise<void>,
): void {
  Deno.test({
    name,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      inFolder(async (folder) => {
        await prepare(folder);
        await body(folder);
      }),
  });
}
