/** Lists as people and programs write them. */
import assert from "node:assert/strict";
import type { Dataset } from "../../core/plugin.ts";
import { diskFiles } from "../../datasets/files.ts";
import { readList } from "../../datasets/list_file.ts";
import { takenText } from "../../datasets/passed_over.ts";
import { writeFiles } from "./layouts.ts";
import { labelPng, memoryFiles, openDataset, picture } from "./memory_files.ts";
import { refuses } from "./open_layout.ts";

const photo = await picture(3, 2);
const mask = labelPng(3, 2, [0, 1, 0, 1, 1, 1]);
const classes = { sky: [0], ground: [1] };

type Names = readonly (readonly [string, string?])[];

const LINES = "images/a.png\tlabels/a.png\nimages/b.png\tlabels/b.png\n";
const PAIRS: Names = [["images/a.png", "labels/a.png"], ["images/b.png", "labels/b.png"]];

async function read(text: string | Uint8Array) {
  const { entries, taken } = await readList(memoryFiles({ "/data/l.txt": text }), "/data/l.txt", "l.txt");
  return {
    pairs: entries.map(({ image, labels }) => labels === undefined ? [image] : [image, labels]),
    told: taken && takenText(taken),
  };
}

function utf16(text: string, little: boolean, mark = true): Uint8Array {
  const codes = Array.from(`${mark ? "\ufeff" : ""}${text}`, (letter) => letter.charCodeAt(0));
  return Uint8Array.from(codes.flatMap((code) => little ? [code & 255, code >> 8] : [code >> 8, code & 255]));
}

for (
  const [name, text, pairs] of [
    ["UTF-8 with its mark and CRLF", `\ufeff${LINES.replaceAll("\n", "\r\n")}`, PAIRS],
    ["UTF-16, little-endian", utf16(LINES, true), PAIRS],
    ["UTF-16, big-endian", utf16(LINES, false), PAIRS],
    ["UTF-16 without its mark", utf16(LINES, true, false), PAIRS],
    ["UTF-16 without its mark, big-endian", utf16(LINES, false, false), PAIRS],
    ["UTF-16 with other letters", utf16("ü/é.png\tł.png\n", true), [["ü/é.png", "ł.png"]]],
    ["lines of an old Macintosh", LINES.replaceAll("\n", "\r"), PAIRS],
    ["blanks", LINES.replaceAll("\t", "   "), PAIRS],
    ["double quotes with blanks", '"my a.png" "l/my a.png"\n"b.png"  c.png\n', [
      ["my a.png", "l/my a.png"],
      ["b.png", "c.png"],
    ]],
    ["single quotes", "'my a.png' 'l/my a.png'\n", [["my a.png", "l/my a.png"]]],
    ["quotes between tabs", '"my a.png"\t"l, a.png"\n', [["my a.png", "l, a.png"]]],
    ["an apostrophe in a name", "dad's.png mum's.png\n", [["dad's.png", "mum's.png"]]],
    ["the narrow blank of a screenshot's name", "shot_3.04\u202fPM.png b.png\n", [
      ["shot_3.04\u202fPM.png", "b.png"],
    ]],
    ["commas in names", "a,b.png c,d.png\n", [["a,b.png", "c,d.png"]]],
    ["names without an ending", "image/1 label/1\n", [["image/1", "label/1"]]],
    ["a header's words as a name", "image label\n", [["image", "label"]]],
  ] as const
) {
  Deno.test(`a list in ${name} is read`, async () => {
    assert.deepEqual(await read(text), { pairs: pairs.map((each) => [...each]), told: undefined });
  });
}

Deno.test("a header is passed over and told, and so is an image that comes again", async () => {
  for (const header of ["image\tlabel", "# a comment\nImage Label", "photo mask"]) {
    const line = header.startsWith("#") ? 2 : 1;
    const words = header.split("\n").at(-1)!.replace("\t", " ");
    assert.deepEqual(await read(`${header}\n${LINES}`), {
      pairs: PAIRS.map((each) => [...each]),
      told: `l.txt: 2 of 3 lines read; 1 passed over: a header (line ${line}: ${words})`,
    });
  }
  assert.equal(
    (await read(`${LINES}images/a.png\tlabels/a.png\n`)).told,
    "l.txt: 3 of 3 lines read; it names an image again (images/a.png in lines 1 and 3), which then counts as often",
  );
});

const COLUMNS = 'expected "image labels" or "image"';
const BLANKS = "a tab between them allows blanks in names, as do quotes around each";

for (
  const [text, message] of [
    [
      "a.png b.png\nc.png,d.png\n",
      `line 2 separates by commas; ${COLUMNS}, with a tab or blanks between the two`,
    ],
    ["a.png, b.png\n", `line 1 separates by commas; ${COLUMNS}, with a tab or blanks between the two`],
    [
      'image,label\n"a.png","b.png"\n',
      `line 2 separates by commas; ${COLUMNS}, with a tab or blanks between the two`,
    ],
    ["a.jpg;b.png\n", `line 1 separates by semicolons; ${COLUMNS}, with a tab or blanks between the two`],
    ["a.jpg | b.png\n", `line 1 separates by bars; ${COLUMNS}, with a tab or blanks between the two`],
    ["a.png b.png\nmy a.png my b.png\n", `line 2 has 4 words; ${COLUMNS}; ${BLANKS}`],
    ["a.png\tb.png\tc.png\n", `line 1 has 3 columns; ${COLUMNS}`],
    [
      "a.png\nmy photo.png\n",
      'line 2 names "my" and "photo.png", as if a blank were part of a name; ' +
      "a tab between image and labels allows blanks in names, as do quotes around each",
    ],
    ["a.png b.png\nc.png c.png\n", "line 2 names one file, c.png, as image and as labels; expected two"],
    [Uint8Array.of(97, 10, 0xe9, 46, 112, 110, 103), "line 2 is not UTF-8; save the list as UTF-8"],
    ["a.png\0b.png\n", "the list holds zero bytes, as no text does; save it as UTF-8"],
  ] as const
) {
  Deno.test(`a list is refused with its line: ${message}`, () =>
    refuses(read(text), `/data/l.txt: ${message}`));
}

Deno.test("a byte that is no UTF-8 in a comment does no harm", async () => {
  const bytes = new TextEncoder().encode(`# x\n${LINES}`);
  bytes[2] = 0xe9;
  assert.deepEqual((await read(bytes)).pairs, PAIRS.map((each) => [...each]));
});

const labelsOf = async (dataset: Dataset) => [...(await dataset.read(0, { labels: true })).labels!];

for (const type of ["folder", "camvid", "gtav"]) {
  const options = { list: "l.txt", ...(type === "folder" ? { classes } : {}) };
  const expected = type === "gtav" ? [255, 255, 255, 255, 255, 255] : [0, 1, 0, 1, 1, 1];

  Deno.test(`${type}: backslashes of a list are turned round`, async () => {
    const files = memoryFiles({
      "/data/l.txt": ".\\images\\a.png\tlabels\\a.png\n",
      "/data/images/a.png": photo,
      "/data/labels/a.png": mask,
    });
    const dataset = await openDataset(type, options, { files });
    assert.deepEqual(dataset.ids, [type === "gtav" ? "a" : "images/a"]);
    assert.deepEqual(await labelsOf(dataset), expected);
  });

  Deno.test(`${type}: a list may write names in the other form of Unicode`, async () => {
    const root = await Deno.makeTempDir();
    try {
      const [composed, apart] = ["Zürich é".normalize("NFC"), "Zürich é".normalize("NFD")];
      await writeFiles(root, {
        [`images/${apart}/${composed}.png`]: photo,
        [`labels/${composed}.png`]: mask,
        "l.txt": `images/${composed}/${apart}.png\tlabels/${apart}.png\n`,
      });
      const dataset = await openDataset(type, options, { files: diskFiles(), root });
      assert.deepEqual(dataset.ids, [`${type === "gtav" ? "" : "images/"}${composed}/${composed}`]);
      assert.deepEqual(await labelsOf(dataset), expected);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}

Deno.test({
  name: "a file whose name holds a backslash is found under it",
  // Windows has no such names.
  ignore: Deno.build.os === "windows",
  async fn() {
    const root = await Deno.makeTempDir();
    try {
      await writeFiles(root, { "a\\b.png": photo, "l.txt": "a\\b.png\n" });
      const dataset = await openDataset("folder", { list: "l.txt", classes }, { files: diskFiles(), root });
      assert.equal((await dataset.read(0, { labels: false })).id, "a/b");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
