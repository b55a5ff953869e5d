import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { encode } from "fast-png";
import { RECIPE_KEYS } from "../../config/recipe.ts";
import { LAUNCH } from "../../cli/versions.ts";
import { inFolder, plca } from "./fake_host.ts";

const text = await Deno.readTextFile(fileURLToPath(new URL("../../docs/recipes.md", import.meta.url)));

Deno.test("docs/recipes.md has a row for every key of a recipe, in the order they are written", () => {
  const rows = [...text.matchAll(/^\| `(\w+)` /gm)].map(([, key]) => key);
  assert.deepEqual(rows, [...RECIPE_KEYS]);
});

Deno.test("the folder recipe of docs/recipes.md passes check and reads the folder it describes", () =>
  inFolder(async (folder) => {
    const pixels = (channels: number, value: number) =>
      encode({ width: 32, height: 32, channels, data: new Uint8Array(32 * 32 * channels).fill(value) });
    for (const [name, channels] of FILES) {
      const path = join(folder, "scenes", name);
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeFile(path, pixels(channels, 26));
    }
    const [, recipe] = /^```yaml\n(.*?)^```$/ms.exec(text)!;
    await Deno.writeTextFile(join(folder, "scenes.yaml"), recipe!);
    assert.deepEqual(await plca(["check", "scenes.yaml"], { cwd: folder }), {
      code: 0,
      stdout: "scenes.yaml: no mistakes found\n" +
        "  objective  cross-entropy + 0.1 association\n" +
        "  model      deeplab-v2, 4 classes\n" +
        "  splits     train, val\n" +
        "  training   1000 steps, batch 2\n" +
        "  step\n" +
        "    read target, source with labels\n" +
        "    student sees target, source together: layer4, probabilities\n" +
        "    minimise cross-entropy + 0.1 association\n" +
        "    update student\n" +
        "  reads      scenes\n" +
        `  not opened images and labels; ${LAUNCH} task plca data check scenes.yaml looks at every one\n`,
      stderr: "",
    });
    const small = ["input={crop: 32, short_side: 32}", "training={steps: 1, batch: 1}", "backend=wasm"];
    const narrow = "model.options={layers: [1, 1, 1, 1], width: 0.1}";
    const sets = [...small, narrow].flatMap((set) => ["--set", set]);
    const { code, stderr } = await plca(["train", "scenes.yaml", ...sets], { cwd: folder });
    assert.equal(code, 0, stderr);
  }));

// The decoder goes by the content, not by the extension.
const FILES = [
  ["game/images/0001_rgb.png", 3],
  ["game/labels/0001_ids.png", 1],
  ["real/images/a.jpg", 3],
  ["real_val/images/b.jpg", 3],
  ["real_val/labels/b.png", 1],
] as const;

const datasets = await Deno.readTextFile(
  fileURLToPath(new URL("../../docs/datasets.md", import.meta.url)),
);

/** What a part of a recipe needs to be one; a key of the part replaces it. */
const REST: Readonly<Record<string, string>> = {
  data: "data: { source: { type: street, domain: day }, target: { type: street, domain: dusk } }",
  input: "input: { crop: 32 }",
  model: "model: { type: deeplab-v2 }",
  losses: "losses: [{ type: cross-entropy }]",
  optimizer: "optimizer: { type: sgd, options: { lr: 0.01 } }",
  schedule: "schedule: { type: poly }",
  training: "training: { steps: 1 }",
};

Deno.test("every recipe part of docs/datasets.md passes check", () =>
  inFolder(async (folder) => {
    const parts = [...datasets.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, part]) => part!);
    assert.equal(parts.length, 7);
    for (const part of parts) {
      const rest = Object.entries(REST).flatMap(([key, line]) => part.startsWith(`${key}:`) ? [] : [line]);
      await Deno.writeTextFile(join(folder, "part.yaml"), `${part}${rest.join("\n")}\n`);
      const { code, stderr } = await plca(["check", "part.yaml"], { cwd: folder });
      assert.deepEqual([code, stderr], [0, ""], part);
    }
  }));

Deno.test("docs/datasets.md names every option of gtav, synthia and cityscapes", async () => {
  for (const name of ["gtav", "synthia", "cityscapes"]) {
    const { stdout } = await plca(["list", "dataset", name], { cwd: "." });
    const options = [...stdout.matchAll(/^ {4}(\w+) \(/gm)].map(([, option]) => option!);
    assert.ok(options.includes("label_space"));
    for (const option of options) assert.match(datasets, new RegExp(`^\\| \`${option}\` +\\|`, "m"));
  }
});
