/** What is wrong with files of a dataset, in words: small parts that every message is made of. */
import assert from "node:assert/strict";
import { classEntries, classIssues, classMap, type GivenClasses } from "../../datasets/class_entries.ts";
import { FactBook } from "../../datasets/fact_book.ts";
import { someOf, UnknownIdsError } from "../../datasets/faults.ts";
import { hex } from "../../datasets/hex.ts";
import { formOf, IMAGES, LABELS } from "../../datasets/image_files.ts";
import type { Inspection } from "../../datasets/inspection.ts";
import { maskSuffixOf, partnersOf } from "../../datasets/mask_names.ts";
import { isHidden, matching, normalForm } from "../../datasets/matching.ts";
import { Palettes } from "../../datasets/palettes.ts";
import { stem } from "../../datasets/paths.ts";

const idsError = (ids: readonly number[], colours = false) =>
  new UnknownIdsError(
    "a.png",
    new Map(ids.map((id, k) => [id, [k, 10 + k] as const])),
    { expected: "one of 0, 1", colours },
  );

Deno.test("UnknownIdsError: one id, or up to eight with a pixel each, in ascending order", () => {
  assert.equal(
    idsError([7]).message,
    "a.png: label id 7 at pixel (0, 10) is not known; expected one of 0, 1",
  );
  const two = idsError([9, 7]);
  assert.equal(
    two.message,
    "a.png: label ids 7 at pixel (1, 11), 9 at pixel (0, 10) are not known; expected one of 0, 1",
  );
  assert.deepEqual([two.ids, two.colours, two.file], [[7, 9], false, "a.png"]);
  assert.match(idsError([1, 2, 3, 4, 5, 6, 7, 8]).message, / 8 at pixel \(7, 17\) are not known/);
});

Deno.test("UnknownIdsError: of more than eight the ranges, and a pixel of the lowest", () => {
  assert.equal(
    idsError([30, 9, 8, 7, 6, 5, 4, 3, 20, 21]).message,
    "a.png: label ids 3 to 9, 20 to 21, 30 (10 ids, 3 at pixel (7, 17)) are not known; expected one of 0, 1",
  );
});

Deno.test("UnknownIdsError: colours in the order met", () => {
  assert.equal(
    idsError([0xff0000], true).message,
    "a.png: colour #ff0000 at pixel (0, 10) is not known; expected one of 0, 1",
  );
  assert.equal(
    idsError([0xff0000, 0x00000a], true).message,
    "a.png: colours #ff0000 at pixel (0, 10), #00000a at pixel (1, 11) are not known; expected one of 0, 1",
  );
  assert.equal(
    idsError([8, 7, 6, 5, 4, 3, 2, 1], true).message.slice(0, 70),
    "a.png: colours #000008 at pixel (0, 10), #000007 at pixel (1, 11), #00",
  );
  assert.equal(
    idsError([9, 8, 7, 6, 5, 4, 3, 2, 1], true).message,
    "a.png: 9 colours #000009 at pixel (0, 10) and others are not known; expected one of 0, 1",
  );
});

Deno.test("someOf: three names, and how many more there are", () => {
  assert.equal(someOf([]), "");
  assert.equal(someOf(["a", "b", "c"]), "a, b, c");
  assert.equal(someOf(["a", "b", "c", "d"]), "a, b, c and 1 more");
  assert.equal(someOf(["a", "b", "c", "d"], 12), "a, b, c and 9 more");
  assert.equal(someOf(["a"], 2), "a");
});

Deno.test("hex and stem: small parts of names and messages", () => {
  assert.deepEqual([0, 0x804080, 0xffffff].map(hex), ["#000000", "#804080", "#ffffff"]);
  assert.deepEqual(["a.b/c", "a/b.tar.gz", "a\\b.png", ".hidden", "a."].map(stem), [
    "a.b/c",
    "a/b.tar",
    "a\\b",
    "",
    "a",
  ]);
});

Deno.test("IMAGES and LABELS: by the ending, in any case, and nothing else", () => {
  const names = ["a.jpg", "a.JPEG", "a.jpe", "a.jfif", "a.png", "a.tif", "a.TIFF", "a.webp"];
  assert.deepEqual(names.filter((name) => !IMAGES.test.test(name)), []);
  assert.deepEqual(
    ["a.gif", "a.jpg.txt", "ajpg", "a.png~", "png"].filter((name) => IMAGES.test.test(name)),
    [],
  );
  assert.deepEqual(["a.png", "a.PNG", "a.jpg"].map((name) => LABELS.test.test(name)), [true, true, false]);
});

Deno.test("formOf: what a file is by its first bytes, whatever its name", () => {
  const bytes = (...parts: readonly (string | readonly number[])[]) =>
    Uint8Array.from(
      parts.flatMap((part) => typeof part === "string" ? [...new TextEncoder().encode(part)] : [...part]),
    );
  assert.equal(formOf(bytes("II*", [0])), "TIFF");
  assert.equal(formOf(bytes("MM", [0], "*")), "TIFF");
  assert.equal(formOf(bytes("II+", [0])), "TIFF");
  assert.equal(formOf(bytes("MM", [0], "+")), "TIFF");
  assert.equal(formOf(bytes("RIFF", [1, 2, 3, 4], "WEBPVP8")), "WebP");
  assert.equal(formOf(bytes("RIFF", [1, 2, 3, 4], "WAVE")), undefined);
  assert.equal(formOf(bytes("GIF89a")), "GIF");
  assert.equal(formOf(bytes([0, 0, 0, 24], "ftypheic")), "HEIF");
  const bitmap = (size: number) => bytes("BM", Array(12).fill(0), [size, 0, 0, 0, 0]);
  assert.deepEqual([40, 124, 41].map((size) => formOf(bitmap(size))), ["BMP", "BMP", undefined]);
  assert.equal(formOf(bitmap(40).subarray(0, 18)), undefined);
  assert.equal(formOf(bytes("BMW is a make of cars")), undefined);
  assert.equal(formOf(bytes([0x89], "PNG")), undefined);
  assert.equal(formOf(new Uint8Array(0)), undefined);
});

Deno.test("partnersOf: ids that are another id with an ending of label files", () => {
  assert.deepEqual([...partnersOf(["a", "a_mask", "b", "b.gt", "c-labels", "d_road", "d"])], [
    ["a_mask", "a"],
    ["b.gt", "b"],
  ]);
  assert.deepEqual([...partnersOf(["x/a", "x/a_GT", "y/a_gt", "a mask", "a"])], [["x/a_GT", "x/a"], [
    "a mask",
    "a",
  ]]);
  // The shortest ending counts, and one alone is no id.
  assert.deepEqual([...partnersOf(["_mask", "", "a_gt", "a_gt_mask", "a"])], [["a_gt", "a"], [
    "a_gt_mask",
    "a_gt",
  ]]);
  assert.equal(maskSuffixOf(["b", "a", "a_groundTruth"]), "_groundTruth");
  assert.equal(maskSuffixOf(["a_mask", "b_mask"]), undefined);
});

Deno.test("matching: names by kind, suffix and id; hidden ones do not count", () => {
  const names = ["a_x.png", "b_x.PNG", "c.png", "a_x.jpg", "._a_x.png", "d/.e/f_x.png", "notes.txt"];
  const { found, competing, otherKind, otherSuffix } = matching(names, IMAGES, "_x");
  assert.deepEqual([...found], [["a", "a_x.png"], ["b", "b_x.PNG"]]);
  assert.deepEqual([...competing], [["a", ["a_x.png", "a_x.jpg"]]]);
  assert.deepEqual([otherKind, otherSuffix], [["notes.txt"], ["c.png"]]);
  assert.deepEqual(["a/.b/c", ".a", "a.b/c", "a"].map(isHidden), [true, true, false, false]);
});

Deno.test("matching: the same name in another Unicode form is the same id, and so is the suffix", () => {
  const decomposed = "ä_ß".normalize("NFD");
  const { found, competing } = matching([`${decomposed}.png`, "ä_ß.png"], LABELS, "_ß");
  assert.deepEqual([...found], [["ä", `${decomposed}.png`]]);
  assert.equal(competing.get("ä")!.length, 2);
  assert.equal(normalForm(decomposed), "ä_ß");
  assert.deepEqual([...matching(["suffix.png"], LABELS, "suffix").found], [["", "suffix.png"]]);
});

Deno.test("Palettes: an index that has several colours is told with the files, until four of them are noted", () => {
  const palettes = new Palettes();
  palettes.add("a.png", [[0, 0], [1, 0xff0000]]);
  assert.deepEqual([palettes.differing(), palettes.finding()], [[], undefined]);
  for (const name of ["b", "c", "d", "e", "f"]) palettes.add(`${name}.png`, [[0, 0], [1, 0x00ff00]]);
  assert.deepEqual(palettes.differing(), [1]);
  const rest =
    "; an index may then mean another class from file to file: `labels: { by: colour }`, with colours in " +
    "`classes`, reads what is shown, `labels: { by: index }` the indices all the same";
  assert.equal(
    palettes.finding(),
    `the palettes of label files differ: index 1 is #ff0000 in a.png and #00ff00 in b.png, c.png, d.png and 2 more${rest}`,
  );
  palettes.add("g.png", [[7, 1], [3, 1]]);
  palettes.add("h.png", [[7, 2], [3, 2]]);
  assert.deepEqual(palettes.differing(), [1, 3, 7]);
  assert.match(palettes.finding()!, /, and 2 more indices differ; an index may/);
});

Deno.test("Palettes: of an index with many colours four are told", () => {
  const palettes = new Palettes();
  for (let colour = 0; colour < 6; colour++) palettes.add(`${colour}.png`, [[1, colour]]);
  const told = palettes.finding()!;
  assert.match(told, /#000003 in 3\.png; an index/);
  assert.ok(!told.includes("#000004"), told);
});

const GIVEN: GivenClasses = { classes: { road: [7], sky: [23, 24] }, ignore: [0], other: "error" };
const issues = (more: Partial<GivenClasses>, kind: "index" | "colour" = "index") =>
  classIssues({ ...GIVEN, ...more }, kind, ["data", "source"]).map((
    { path, message },
  ) => [path.slice(2).join("."), message]);

Deno.test("classIssues: at least two classes, at most 255, each value once", () => {
  assert.deepEqual(issues({}), []);
  assert.deepEqual(issues({ classes: { road: [7] } }), [["classes", "expected at least two classes"]]);
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, k) => [`c${k}`, [k + 1]]));
  assert.deepEqual(issues({ classes: many(255) }), []);
  assert.deepEqual(issues({ classes: many(256) }), [["classes", "expected at most 255 classes"]]);
  assert.deepEqual(issues({ classes: { road: [7, 7], sky: [0] } }), [
    ["classes.road", 'id 7 belongs to "road" already'],
    ["ignore", 'id 0 belongs to "sky" already'],
  ]);
});

Deno.test("classIssues: ids and colours are told apart", () => {
  assert.deepEqual(issues({ classes: { road: ["#804080"], sky: [[1, 2, 3]] } }), [
    ["classes.road", "a colour is read with `labels: { by: colour }`; expected ids"],
    ["classes.sky", "a colour is read with `labels: { by: colour }`; expected ids"],
  ]);
  const expected = 'expected colours, as in [[128, 64, 128], "#4682b4"], since labels are read by colour';
  assert.deepEqual(issues({}, "colour"), [
    ["classes.road", expected],
    ["classes.sky", expected],
    ["ignore", expected],
  ]);
  const colours = { classes: { road: [128, 64, 128], sky: ["#4682b4", [1, 2, 3]] }, ignore: [] } as Partial<
    GivenClasses
  >;
  assert.deepEqual(issues(colours, "colour"), []);
  assert.deepEqual(issues({ classes: { road: [128, 64, 128], sky: ["#804080"] }, ignore: [] }, "colour"), [
    ["classes.sky", 'colour #804080 belongs to "road" already'],
  ]);
  // Three numbers of which one is no share of a colour are no colour.
  assert.deepEqual(issues({ classes: { road: [128, 64, 256], sky: ["#804080"] }, ignore: [] }, "colour"), [
    ["classes.road", expected],
  ]);
});

Deno.test("classMap: train ids in the order of the classes; what is listed nowhere is unknown or ignored", () => {
  const { trainId, expected } = classMap(GIVEN, "index");
  assert.deepEqual([7, 23, 24, 0, 9].map(trainId), [0, 1, 1, 255, undefined]);
  assert.equal(expected, "one of 0, 7, 23, 24 (or `other: ignore` in the recipe)");
  assert.equal(classMap({ ...GIVEN, other: "ignore" }, "index").trainId(9), 255);
  const colours = classMap({
    classes: { road: [128, 64, 128], sky: ["#00000A"] },
    ignore: [[0, 0, 1]],
    other: "error",
  }, "colour");
  assert.deepEqual([0x804080, 10, 1, 2].map(colours.trainId), [0, 1, 255, undefined]);
  assert.equal(colours.expected, "one of #000001, #00000a, #804080 (or `other: ignore` in the recipe)");
});

Deno.test("classEntries: ids of 16 bits, colours of three bytes or as #rrggbb, and nothing else", () => {
  const accepted = (value: unknown) => classEntries.safeParse([value]).success;
  for (const value of [0, 65535, [0, 128, 255], "#00fFaA"]) {
    assert.equal(accepted(value), true, JSON.stringify(value));
  }
  const refused = [
    -1,
    65536,
    1.5,
    [0, 0, 256],
    [-1, 0, 0],
    [1, 2],
    [1, 2, 3, 4],
    "#fff",
    "00ffaa",
    "#00ffag",
    null,
  ];
  for (const value of refused) assert.equal(accepted(value), false, JSON.stringify(value));
});

/** What a dataset's images say together. */
function hintsOf(inspections: readonly Partial<Inspection>[], { labels = true, whole = true } = {}) {
  const book = new FactBook(labels);
  for (const one of inspections) book.add(one as Inspection);
  return book.findings(whole);
}

const deep = (name: string, from: number, to: number) =>
  ({ facts: { name, deep: [from, to] } }) as unknown as Partial<Inspection>;

Deno.test("FactBook: images of 16 bits that use little of their range, with the range of all of them", () => {
  const { hints } = hintsOf([deep("a.png", 100, 4000), deep("b.png", 0, 16383), deep("c.png", 0, 16384), {}]);
  assert.deepEqual(hints, [
    "2 of 3 images of 16 bits use a small part of their range: samples of 0 to 16383 of 65535, which become 0 to 63 of " +
    "255 (a.png, b.png); `range: [0, 16383]` in the recipe spreads these over 0 to 255, or save the images with 8 bits",
  ]);
  assert.deepEqual(hintsOf([deep("c.png", 0, 16384)]).hints, []);
});

Deno.test("FactBook: labels that are all ignored, of all images or of the first", () => {
  const counted = (...pixels: number[]) => ({ pixels }) as unknown as Partial<Inspection>;
  const hint = (which: string) =>
    `no pixel of ${which} 2 images is labelled: every one has the ignore label, so there is nothing to learn from or to ` +
    "compare with";
  assert.deepEqual(hintsOf([counted(0, 0), counted(0, 0), {}]).hints, [hint("its")]);
  assert.deepEqual(hintsOf([counted(0, 0), counted(0, 0)], { whole: false }).hints, [hint("the first")]);
  assert.deepEqual(hintsOf([counted(0, 0), counted(0, 1)]).hints, []);
  assert.deepEqual(hintsOf([{}]).hints, []);
});

Deno.test("FactBook: palettes that differ are a fault of the first file with one", () => {
  const painted = (name: string, colour: number) =>
    ({ facts: { name, palette: [[1, colour]] } }) as unknown as Partial<Inspection>;
  const { palettes } = hintsOf([painted("a.png", 1), painted("b.png", 2)]);
  assert.deepEqual([palettes?.file, palettes?.kind], ["a.png", "palettes"]);
  assert.equal("palettes" in hintsOf([painted("a.png", 1), painted("b.png", 1)]), false);
});
