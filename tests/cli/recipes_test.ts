import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inFolder, plca } from "./fake_host.ts";
import { tinyRecipe } from "./tiny.ts";

/** A device that ends at once, so that a command that reads it ends as well; those that never end are devices too. */
const DEVICE = "/dev/null";

/** What a command says of a device, after `link` -> {@linkcode DEVICE} was made. */
const REFUSED: readonly (readonly [args: readonly string[], stderr: string])[] = [
  [["check", DEVICE], `the recipe ${DEVICE} cannot be read: it is a device, expected a file\n`],
  [["check", "./link"], "the recipe link cannot be read: it is a device, expected a file\n"],
  [
    ["check", "above.yaml"],
    `above.yaml:1:10 extends: ${DEVICE} cannot be read: it is a device, expected a file\n`,
  ],
  [
    ["check", "loss.yaml", "--import"],
    `loss.yaml:2:17 losses[0].use: ${DEVICE}: it is a device, expected a file\n`,
  ],
  [["train", "weights.yaml"], `${DEVICE}: this is a device; expected a file\n`],
  [["table", DEVICE], `${DEVICE}: it is a device, expected a file\n`],
  [["weights", "inspect", DEVICE], `${DEVICE}: it is a device, expected a file\n`],
  [
    ["eval", "--recipe", "street", "--checkpoint", DEVICE],
    `--checkpoint ${DEVICE}: it is a device, expected a file\n`,
  ],
];

for (const [args, stderr] of REFUSED) {
  Deno.test({
    name: `plca ${args.join(" ")}: a device is not read`,
    ignore: Deno.build.os === "windows",
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      inFolder(async (folder) => {
        const write = (name: string, text: string) => Deno.writeTextFile(join(folder, name), text);
        await Deno.symlink(DEVICE, join(folder, "link"));
        await write("above.yaml", `extends: ${DEVICE}\n`);
        await write("loss.yaml", `extends: street\nlosses: [{ use: ${DEVICE} }]\n`);
        await write(
          "weights.yaml",
          tinyRecipe("training: { steps: 1, batch: 1 }\n").replace(
            "width: 0.0625 }",
            `width: 0.0625 }, weights: ${DEVICE}`,
          ),
        );
        const outcome = await plca(args, { cwd: folder });
        assert.deepEqual([outcome.code, outcome.stderr], [2, stderr]);
      }),
  });
}

Deno.test("a recipe of more than 16 MB, a folder and a file that is not there are told apart", async () => {
  await inFolder(async (folder) => {
    const refused = async (name: string, why: string) => {
      const { code, stderr } = await plca(["check", `./${name}`], { cwd: folder });
      assert.deepEqual([code, stderr], [2, `the recipe ${name} cannot be read: ${why}\n`]);
    };
    await Deno.writeTextFile(join(folder, "big.yaml"), "");
    await Deno.truncate(join(folder, "big.yaml"), 16.2e6);
    await Deno.mkdir(join(folder, "folder.yaml"));
    await refused("big.yaml", "it has 16.2 MB, expected at most 16 MB");
    await refused("folder.yaml", "it is a folder, expected a file");
    await refused("none.yaml", "there is no such file");
  });
});

Deno.test("a method in the place of a recipe is told what it is laid on", async () => {
  await inFolder(async (folder) => {
    const file = fileURLToPath(new URL("../../recipes/methods/dacs.yaml", import.meta.url));
    const hint = "it is a method, which is laid on a recipe with data: plca compare RECIPE --methods dacs, " +
      `or a recipe that begins with extends: [RECIPE, ${file}]`;
    const refused = async (...args: string[]) => {
      const { code, stderr } = await plca(args, { cwd: folder });
      assert.equal(code, 2);
      return stderr;
    };
    assert.equal(await refused("check", "dacs"), `there is no recipe called "dacs"; ${hint}\n`);
    await Deno.writeTextFile(join(folder, "mine.yaml"), "extends: [street, dacs]\n");
    assert.equal(
      await refused("check", "mine.yaml"),
      `mine.yaml:1:19 extends[1]: there is no recipe called "dacs"; ${hint}\n`,
    );
    const lines = (await refused("train", file)).split("\n");
    assert.match(lines[0]!, /gtav_to_cityscapes\.yaml:13:1 data: root is missing/);
    assert.deepEqual(lines.slice(1), [`${file}: ${hint}`, ""]);
  });
});
