/** Lists that name files outside the data's folder. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import { camvid } from "../../datasets/camvid.ts";
import { diskFiles } from "../../datasets/files.ts";
import { folder } from "../../datasets/folder.ts";
import { gtav } from "../../datasets/gtav.ts";
import type { Plugin } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";

const png = encode({ width: 2, height: 2, channels: 3, data: new Uint8Array(12) });

async function read(plugin: Plugin<"dataset">, options: object, root: string) {
  const dataset = await new Registry([plugin]).plan("dataset", { type: plugin.name, options }).open({
    root,
    seed: 0,
    files: diskFiles(),
    labels: false,
  });
  return await dataset.read(0, { labels: false });
}

/** A data folder with one image, one link to another place, and an image beside the folder. */
async function inPlace(body: (root: string, outside: string) => Promise<void>): Promise<void> {
  const top = await Deno.realPath(await Deno.makeTempDir());
  try {
    const root = `${top}/data`;
    for (const path of [`${root}/images`, `${root}/labels`, `${top}/other`]) {
      await Deno.mkdir(path, { recursive: true });
    }
    await Deno.writeFile(`${root}/images/a.png`, png);
    await Deno.writeFile(`${top}/other/b.png`, png);
    await Deno.symlink(`${top}/other`, `${root}/link`);
    await Deno.symlink(root, `${top}/data_link`);
    await body(root, `${top}/other/b.png`);
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

const classes = { road: [0], sky: [1] };

for (
  const [name, plugin, options] of [
    ["folder", folder, { list: "list.txt", classes }],
    ["camvid", camvid, { list: "list.txt" }],
    ["gtav", gtav, { list: "list.txt" }],
  ] as const
) {
  Deno.test(`${name}: a list may name files below the data's folder only; links below it are followed`, () =>
    inPlace(async (root, outside) => {
      // With a tab, blanks are parts of a path.
      const listed = (path: string) => Deno.writeTextFile(`${root}/list.txt`, `${path}\t\n`);
      const top = root.replace(/\/data$/, "");
      const refused = (path: string) => ({
        name: "DataError",
        message: `${path}: it lies outside ${root}; a list may only name files below the data's folder; ` +
          `\`data.root: ${top}\` would hold both`,
      });
      await listed("images/a.png");
      assert.equal((await read(plugin, options, root)).width, 2);
      // The data's folder itself may be a link.
      assert.equal((await read(plugin, options, root.replace(/data$/, "data_link"))).width, 2);
      // As where two folders are given: whoever made the data's folder made the link.
      await listed("link/b.png");
      assert.equal((await read(plugin, options, root)).width, 2);
      // `..` is taken back as written, not from where a link leads.
      await listed("link/../images/a.png");
      assert.equal((await read(plugin, options, root)).width, 2);
      await listed("link/../other/b.png");
      await assert.rejects(read(plugin, options, root), { message: /no such|lack a file/ });
      if (plugin !== folder) return;
      await listed("../other/b.png");
      await assert.rejects(read(plugin, options, root), refused(`${root}/../other/b.png`));
      await listed(outside);
      await assert.rejects(read(plugin, options, root), refused(outside));
      // A place that is below it by links, named by another way.
      await listed(`${top}/data_link/images/a.png`);
      assert.equal((await read(plugin, options, root)).width, 2);
      await listed("images/gone.png");
      await assert.rejects(read(plugin, options, root), {
        message: `${root}/images/gone.png: there is no such file`,
      });
    }));
}
