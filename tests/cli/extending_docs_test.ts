/** docs/extending.md shows files that are in the tree, and they pass check. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { plca } from "./fake_host.ts";

const folder = fileURLToPath(new URL("../../docs/", import.meta.url));
const text = await Deno.readTextFile(join(folder, "extending.md"));
const files = [...Deno.readDirSync(join(folder, "extending"))].map(({ name }) => name).sort();

Deno.test("what docs/extending.md shows of its files is what they hold, in at most 60 lines each", async () => {
  for (
    const name of [
      "class_mix.ts",
      "class_mix.yaml",
      "pseudo_labels.ts",
      "pseudo_labels.yaml",
      "two_layers.ts",
    ]
  ) {
    const file = (await Deno.readTextFile(join(folder, "extending", name))).trimEnd();
    assert.ok(text.includes(`\n${file}\n\`\`\`\n`), name);
    assert.ok(file.split("\n").length <= 60, name);
  }
});

Deno.test("every file of docs/extending is named there", () => {
  const stems = new Set(files.map((name) => name.replace(/\.\w+$/, "")));
  assert.deepEqual([...stems].filter((stem) => !text.includes(stem)), []);
});

for (const name of files.filter((name) => name.endsWith(".yaml"))) {
  Deno.test(`docs/extending/${name} passes check, with and without its file being run`, async () => {
    const path = join(folder, "extending", name);
    for (const more of [[], ["--import"]]) {
      const { code, stderr } = await plca(["check", path, ...more], { cwd: folder });
      assert.equal(code, 0, stderr);
    }
  });
}

Deno.test("the step that docs/extending.md shows is the one that check prints", async () => {
  const path = join(folder, "extending/class_mix.yaml");
  const { stdout } = await plca(["check", path, "--import"], { cwd: folder });
  const [, shown] = /^```text\n(.*?)^```$/ms.exec(text)!;
  assert.ok(stdout.replace(/^ {2}/gm, "").includes(shown!), stdout);
});
