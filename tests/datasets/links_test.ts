/** Links, hidden files and folders that may not be read, on the disk. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import type { Dataset, UnlistedEntry } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { diskFiles } from "../../datasets/files.ts";
import { datasets } from "../../datasets/mod.ts";
import { takenText } from "../../datasets/passed_over.ts";
import { writeFiles } from "./layouts.ts";
import { labelPng } from "./memory_files.ts";
import { refuses } from "./open_layout.ts";

const photo = encode({ width: 2, height: 2, channels: 3, data: new Uint8Array(12).fill(9) });
const mask = labelPng(2, 2, [0, 1, 1, 0]);
const classes = { sky: [0], ground: [1] };

/** Two pairs below `TOP/data`. */
async function inPlace(body: (root: string, top: string) => Promise<void>): Promise<void> {
  const top = await Deno.realPath(await Deno.makeTempDir());
  try {
    const files: Record<string, Uint8Array> = {};
    for (const id of ["a", "b"]) {
      files[`data/images/${id}.png`] = photo;
      files[`data/labels/${id}.png`] = mask;
    }
    await writeFiles(top, files);
    await body(`${top}/data`, top);
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

function open(root: string, options: object = { images: "images", labels: "labels" }, type = "folder") {
  const own = type === "folder" ? { classes, ...options } : options;
  const plan = new Registry(datasets).plan("dataset", { type, options: own });
  return plan.open({ root, seed: 0, files: diskFiles() });
}

const labelled = (dataset: Dataset, index = 0) => dataset.read(index, { labels: true });
const told = ({ taken = [] }: Dataset) => taken.map(takenText);

Deno.test("what lies beside the folders that are asked for is not looked at", () =>
  inPlace(async (root) => {
    await Deno.symlink("../../gone/backup", `${root}/old_backup`);
    await Deno.symlink("circle", `${root}/circle`);
    await Deno.symlink("nobody@host:1", `${root}/images/.#a.png`);
    await Deno.writeTextFile(`${root}/images/._a.png`, "");
    await Deno.writeTextFile(`${root}/labels/.DS_Store`, "");
    await writeFiles(root, { "images/.cache/x.png": photo });
    const list = "images/a.png\tlabels/a.png\nimages/b.png\tlabels/b.png\n";
    await Deno.writeTextFile(`${root}/list.txt`, list);
    for (
      const [type, options] of [
        ["folder", { images: "images", labels: "labels" }],
        ["folder", { list: "list.txt" }],
        ["camvid", { list: "list.txt" }],
        ["gtav", {}],
        ["gtav", { list: "list.txt" }],
      ] as const
    ) {
      const dataset = await open(root, options, type);
      assert.deepEqual([dataset.length, told(dataset)], [2, []], type);
    }
  }));

Deno.test("nothing is listed but the folders that are asked for, not even for a list", () =>
  inPlace(async (root) => {
    await Deno.writeTextFile(`${root}/list.txt`, "images/a.png\tlabels/a.png\n");
    const listed: string[] = [];
    const disk = diskFiles();
    const files = {
      ...disk,
      list: (folder: string) => (listed.push(folder), disk.list(folder)),
      entries: (folder: string) => (listed.push(folder), disk.entries!(folder)),
    };
    for (
      const [type, options] of [
        ["folder", { images: "images", labels: "labels", classes }],
        ["folder", { list: "list.txt", classes }],
        ["camvid", { list: "list.txt" }],
        ["gtav", { list: "list.txt" }],
      ] as const
    ) {
      const plan = new Registry(datasets).plan("dataset", { type, options });
      const dataset = await plan.open({ root, seed: 0, files });
      await dataset.read(0, { labels: false });
    }
    assert.deepEqual(listed, [`${root}/images`, `${root}/labels`]);
  }));

Deno.test("a link that is needed and leads nowhere is named as such", () =>
  inPlace(async (root, top) => {
    await Deno.symlink("../../gone/c.png", `${root}/images/c.png`);
    await Deno.symlink("e.png", `${root}/images/d.png`);
    await Deno.symlink("d.png", `${root}/images/e.png`);
    for (const id of ["c", "d", "e"]) await Deno.writeFile(`${root}/labels/${id}.png`, mask);
    const nowhere = `${root}/images/c.png: this link leads to ../../gone/c.png, where there is no such file`;
    const dataset = await open(root);
    assert.deepEqual(dataset.ids, ["a", "b", "c", "d", "e"]);
    await refuses(labelled(dataset, 2), nowhere);
    await refuses(labelled(dataset, 3), `${root}/images/d.png: this link leads to itself`);
    await Deno.writeTextFile(`${root}/list.txt`, "images/c.png labels/c.png\n");
    await refuses(open(root, { list: "list.txt" }).then(labelled), nowhere);
    await refuses(open(root, { list: "list.txt" }, "camvid").then(labelled), nowhere);
    // By way of another link: where the last one leads.
    await Deno.symlink("c.png", `${root}/images/f.png`);
    await Deno.writeFile(`${root}/labels/f.png`, mask);
    await refuses(
      labelled(await open(root), 5),
      `${root}/images/f.png: this link leads to ../../gone/c.png, where there is no such file`,
    );
    await Deno.symlink("../gone/labels", `${root}/lost`);
    await refuses(
      open(root, { images: "images", labels: "lost" }),
      `${root}/lost: this link leads to ../gone/labels, where there is no such folder`,
    );
    await Deno.writeTextFile(`${root}/list.txt`, "images/a.png lost/a.png\n");
    await refuses(
      open(root, { list: "list.txt" }).then(labelled),
      `${root}/lost/a.png: there is no such file: the link ${root}/lost leads to ../gone/labels, ` +
        `where there is no such folder; it should hold the labels of ${root}/images/a.png`,
    );
    await Deno.symlink("gone", `${top}/moved`);
    await refuses(
      open(`${top}/moved`),
      `data.root ${top}/moved: this link leads to gone, where there is no such folder`,
    );
  }));

Deno.test("each folder is looked into once, under the name that is no link; no link leads up", () =>
  inPlace(async (root) => {
    await writeFiles(root, { "images/town/c.png": photo, "labels/town/c.png": mask });
    await Deno.symlink("..", `${root}/images/up`);
    await Deno.symlink(".", `${root}/images/here`);
    await Deno.symlink("..", `${root}/images/town/back`);
    await Deno.symlink("town", `${root}/images/city`);
    const dataset = await open(root);
    assert.deepEqual(dataset.ids, ["a", "b", "town/c"]);
    assert.deepEqual(told(dataset), [
      "images: 3 of 7 files taken as images; 1 passed over: a link to town, which is read under that name (city); " +
      "3 passed over: a link to a folder that holds it (here, town/back, up)",
    ]);
  }));

Deno.test("links out of the data's folder are read alike, in folders and lists", () =>
  inPlace(async (root, top) => {
    await Deno.rename(`${root}/images`, `${top}/photos`);
    await Deno.symlink("../photos", `${root}/images`);
    await writeFiles(top, { "disk/c.png": photo, "data/labels/c.png": mask });
    await Deno.symlink("../disk/c.png", `${top}/photos/c.png`);
    const lines = ["a", "b", "c"].map((id) => `images/${id}.png labels/${id}.png\n`).join("");
    await Deno.writeTextFile(`${root}/list.txt`, lines);
    for (const options of [{ images: "images", labels: "labels" }, { list: "list.txt" }]) {
      const dataset = await open(root, options);
      for (let k = 0; k < 3; k++) assert.deepEqual([...(await labelled(dataset, k)).labels!], [0, 1, 1, 0]);
    }
    // The same picture by a link is no label file.
    await Deno.remove(`${root}/labels/a.png`);
    await Deno.symlink("../images/a.png", `${root}/labels/a.png`);
    await assert.rejects(open(root).then(labelled), { message: /has 3 channels/ });
  }));

Deno.test("a folder that may not be read costs itself, and is told", () =>
  inPlace(async (root) => {
    await writeFiles(root, { "images/private/c.png": photo, "labels/private/c.png": mask });
    // Whoever runs this may be allowed everything: the runtime forbids it instead.
    const { readDir } = Deno;
    Deno.readDir = (path) => {
      if (!String(path).includes("private")) return readDir(path);
      throw new Deno.errors.PermissionDenied("no");
    };
    try {
      const dataset = await open(root);
      assert.deepEqual(dataset.ids, ["a", "b"]);
      assert.deepEqual(told(dataset), [
        "images: 2 of 3 files taken as images; 1 passed over: a folder that may not be read (private)",
        "labels: 2 of 3 files taken as label files; 1 passed over: a folder that may not be read (private)",
      ]);
      await refuses(
        open(root, { images: "images/private", labels: "labels" }),
        `${root}/images/private: reading this folder is not allowed`,
      );
    } finally {
      Deno.readDir = readDir;
    }
  }));

Deno.test("links that lead nowhere and are called like no image are told", () =>
  inPlace(async (root) => {
    await Deno.symlink("../gone", `${root}/images/town`);
    await Deno.symlink("loop", `${root}/images/loop`);
    assert.deepEqual(told(await open(root)), [
      "images: 2 of 4 files taken as images; 1 passed over: a link that leads to itself (loop); " +
      "1 passed over: a link that leads nowhere (town)",
    ]);
    const unlisted: UnlistedEntry[] = [];
    const names = await diskFiles().list(`${root}/images`, (entry) => unlisted.push(entry));
    assert.deepEqual(names, ["a.png", "b.png", "loop", "town"]);
    assert.deepEqual(unlisted.map(({ name }) => name), ["loop", "town"]);
  }));

Deno.test("folders written in other ways are the same folders", () =>
  inPlace(async (root) => {
    await Deno.symlink("images", `${root}/same`);
    for (const labels of ["images/", "./images", "labels/../images", "same"]) {
      await refuses(
        open(root, { images: "images", labels }),
        `${root}/images: \`images\` and \`labels\` are this one folder, and each file would be its own labels ` +
          "(a.png); expected image and labels under one name with two endings, as a.jpg and a.png, " +
          "or `image_suffix` and `label_suffix` that tell them apart, or two folders",
      );
    }
  }));

Deno.test("folders and lists that the recipe writes in the other form of Unicode are found", () =>
  inPlace(async (root) => {
    const [composed, apart] = ["Bilder é".normalize("NFC"), "Bilder é".normalize("NFD")];
    await Deno.rename(`${root}/images`, `${root}/${apart}`);
    await Deno.writeTextFile(`${root}/${apart}.txt`, `${composed}/a.png\tlabels/a.png\n`);
    assert.deepEqual((await open(root, { images: composed, labels: "labels" })).ids, ["a", "b"]);
    for (const type of ["folder", "camvid"]) {
      const dataset = await open(root, { list: `${composed}.txt` }, type);
      assert.deepEqual(dataset.ids, [`${composed}/a`]);
      assert.deepEqual([...(await labelled(dataset)).labels!], [0, 1, 1, 0]);
    }
  }));
