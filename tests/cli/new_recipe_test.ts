import assert from "node:assert/strict";
import { join } from "node:path";
import { encode } from "fast-png";
import { plca } from "./fake_host.ts";
import {
  labels,
  newRecipe,
  picture,
  put,
  putPairs,
  recipeTest,
  SIZE,
  type Size,
  trains,
} from "./own_folders.ts";

recipeTest("new recipe: two labelled folders and one without become a recipe that trains", async (folder) => {
  await putPairs(folder, { images: "game/img", annotation: "game/lbl" });
  await putPairs(folder, { images: "street" });
  const { code, stdout, stderr } = await newRecipe(
    folder,
    "--source",
    "game/img",
    "game/lbl",
    "--target",
    "street",
  );
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(
    stdout,
    "source: 4 images with labels; 4 looked at\n" +
      "target: 4 images; 4 looked at\n" +
      '2 classes; their names are yours to fill in. Guessed: 255 means "no class" and is ignored.\n' +
      "Wrote my_data.yaml\n" +
      "Check it: npx --yes deno@2.9.6 task plca data check my_data.yaml\n" +
      "Train:    npx --yes deno@2.9.6 task plca train my_data.yaml\n",
  );
  const text = await Deno.readTextFile(join(folder, "my_data.yaml"));
  assert.ok(
    text.includes(`data:
  root: . # the folders below start here
  source:
    # 4 images with labels. Sizes: 40x32.
    type: folder
    images: game/img
    labels: game/lbl
    # The ids of the label files. Shares are those of the pixels of
    # all 4 label files of source.
    # The names are yours to fill in.
    classes: &classes
      class_1: [1] # source 34.4 %
      class_2: [2] # source 34.4 %
    # Guessed: 255 means "no class" and is ignored.
    ignore: &ignore [255] # 31.3 % of the source's pixels
  target:
    # 4 images. Sizes: 40x32.
    type: folder
    images: street
    classes: *classes
    ignore: *ignore
  # No \`val\`: the target has no labels. With labels of some target images the run says
  # how well it labels the target; without, look at what plca predict makes of it.
`),
    text,
  );
  await trains(folder, "my_data.yaml");
});

recipeTest(
  "new recipe: odd names, hidden files, other sizes and labels in the images' folder",
  async (folder) => {
    const source = `Spiel "2" & Bücher's/Bilder 1`;
    for (
      const [name, size] of [["straße 1.jpg", SIZE], ["50% off #3.JPG", [33, 47]], [
        "x: y.png",
        SIZE,
      ]] as const
    ) {
      await put(folder, `${source}/${name}`, await picture(name, size));
      await put(folder, `${source}/${name.replace(/\.\w+$/, "")}_L.png`, labels([0, 7, 9], size));
    }
    await put(folder, `${source}/._x: y.png`, "written by macOS");
    await put(folder, `${source}/.DS_Store`, "written by macOS");
    await put(folder, `${source}/notes.txt`, "mine");
    await putPairs(folder, {
      images: "true",
      annotation: "null/Masken",
      ids: [7, 9],
      ending: " Maske",
      count: 5,
    });
    const given = ["--source", source, source, "--target", "true", "null/Masken"];
    const { code, stdout, stderr } = await newRecipe(
      folder,
      ...given,
      "--name",
      "first.try",
      "--out",
      "mein rezept.yaml",
    );
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(
      stdout,
      'source: 3 images with labels, paired by "" and "_L" before the extension; 3 looked at\n' +
        'target: 5 images with labels, paired by "" and " Maske" before the extension; 5 looked at\n' +
        "3 classes; their names are yours to fill in. Guessed: no id is ignored, since 255 is not there. " +
        "If 0 means `unlabelled`, move it to `ignore`.\n" +
        "Wrote mein rezept.yaml, mein rezept_source.txt, mein rezept_target.txt, mein rezept_val.txt\n" +
        "Check it: npx --yes deno@2.9.6 task plca data check 'mein rezept.yaml'\n" +
        "Train:    npx --yes deno@2.9.6 task plca train 'mein rezept.yaml'\n",
    );
    assert.equal(
      await Deno.readTextFile(join(folder, "mein rezept_val.txt")),
      "true/e.jpg\tnull/Masken/e Maske.png\n",
    );
    const target = await Deno.readTextFile(join(folder, "mein rezept_target.txt"));
    assert.deepEqual([target.split("\n").length, target.includes("e Maske")], [5, false]);
    await trains(folder, "mein rezept.yaml");
  },
);

/** What is refused, in one line, and that nothing was written. */
async function refuses(folder: string, args: readonly string[], line: string): Promise<void> {
  const { code, stdout, stderr } = await newRecipe(folder, ...args);
  assert.deepEqual([code, stdout, stderr], [2, "", `${line}\n`]);
  assert.ok(![...Deno.readDirSync(folder)].some(({ name }) => /\.(yaml|txt)$/.test(name)));
}

recipeTest(
  "new recipe: each folder that cannot do is told in one line that says what was expected",
  async (folder) => {
    await putPairs(folder, { images: "i", annotation: "l" });
    await putPairs(folder, { images: "bare" });
    await put(folder, "other/z.png", labels([1], SIZE));
    await put(folder, "empty/.DS_Store", "");
    await put(folder, "raw/a.bmp", "");
    await put(folder, "raw/b.gif", "");
    await put(folder, "file", "");
    const target = ["--target", "bare"];
    await refuses(
      folder,
      ["--source", "i", "nowhere", ...target],
      "--source nowhere: there is no such folder; expected a folder, as in --source photos labels",
    );
    await refuses(
      folder,
      ["--source", "i", "l", "--target", "file"],
      "--target file: this is a file; expected a folder, as in --target photos labels",
    );
    await refuses(
      folder,
      ["--source", "i", "other", ...target],
      "--source: no image has a label file; for i/a.jpg expected other/a.png, or the same with an ending as in " +
        "a_labels.png; found z.png",
    );
    await refuses(
      folder,
      ["--source", "bare", ...target],
      "--source: no image has a label file; for bare/a.jpg expected bare/a.png, or the same with an ending as in " +
        "a_labels.png; found no PNG",
    );
    await refuses(
      folder,
      ["--source", "i", "l", "--target", "empty"],
      "--target empty: the folder is empty; expected images (JPEG, PNG, TIFF or WebP)",
    );
    await refuses(
      folder,
      ["--source", "i", "l", "--target", "raw"],
      "--target raw: the folder holds 2 files (.bmp, .gif); expected images (JPEG, PNG, TIFF or WebP)",
    );
    await refuses(
      folder,
      ["--source", "i", "l", ...target, "--name", "my name"],
      '--name my name: expected letters, digits, ".", "_" and "-", as in my_run',
    );
  },
);

recipeTest("new recipe: recipe, lists and data move together", async (folder) => {
  await putPairs(folder, { images: "here/data/i", annotation: "here/data/l" });
  await putPairs(folder, { images: "here/data/t", annotation: "here/data/l", count: 3 });
  const given = ["--source", "data/i", "data/l", "--target", "data/t", "data/l"];
  const { code, stderr } = await newRecipe(join(folder, "here"), ...given);
  assert.deepEqual([code, stderr], [0, ""]);
  const text = await Deno.readTextFile(join(folder, "here/my_data.yaml"));
  assert.match(text, /\n {4}list: my_data_target\.txt\n/);
  assert.match(text, /\n {2}root: \. # .*\n/);
  assert.match(text, /\n {4}images: data\/i\n/);
  assert.ok(!text.includes(folder), text);
  await Deno.rename(join(folder, "here"), join(folder, "there"));
  await trains(join(folder, "there"), "my_data.yaml");
});

recipeTest("new recipe: the commands at its top name the file that was written", async (folder) => {
  await putPairs(folder, { images: "i", annotation: "l" });
  const given = ["--source", "i", "l", "--target", "i", "--out", "my good.yml"];
  const { code, stderr } = await newRecipe(folder, ...given);
  assert.deepEqual([code, stderr], [0, ""]);
  const text = await Deno.readTextFile(join(folder, "my good.yml"));
  assert.ok(
    text.startsWith(
      "# Written by plca new recipe. What was guessed says so. First\n" +
        "#   plca data check 'my good.yml'    reads every file once, then\n" +
        "#   plca train 'my good.yml'\n",
    ),
    text,
  );
});

recipeTest("new recipe: labels that are shades or one id are told in one line", async (folder) => {
  await putPairs(folder, { images: "i" });
  const kinds = {
    shades: encode({
      width: 40,
      height: 32,
      channels: 1,
      data: Uint8Array.from({ length: 1280 }, (_, k) => k % 200),
    }),
    one: labels([4], SIZE),
  };
  for (const [name, bytes] of Object.entries(kinds)) {
    for (const image of "abcd") await put(folder, `${name}/${image}.png`, bytes);
  }
  const told = (name: string, line: string) =>
    refuses(folder, ["--source", "i", name, "--target", "i"], line);
  await told(
    "shades",
    `${folder}/shades/a.png: 200 different values in one file are shades of a picture, or numbers of objects; ` +
      "expected class ids",
  );
  await told("one", "the label files hold nothing but id 4; expected at least two classes");
});

recipeTest("new recipe: a file that is there stays, the lists' as well", async (folder) => {
  await putPairs(folder, { images: "i", annotation: "l" });
  const given = ["--source", "i", "l", "--target", "i", "l"];
  await put(folder, "my_data_val.txt", "mine");
  const list = await newRecipe(folder, ...given);
  const line =
    "my_data_val.txt would be overwritten; choose another file with --out, or allow it with --force\n";
  assert.deepEqual([list.code, list.stderr], [2, line]);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
    "i",
    "l",
    "my_data_val.txt",
  ]);
  await put(folder, "mine.yaml", "mine");
  const recipe = await newRecipe(folder, ...given, "--name", "mine");
  assert.deepEqual([recipe.code, recipe.stderr], [2, line.replace("my_data_val.txt", "mine.yaml")]);
  assert.equal(await Deno.readTextFile(join(folder, "mine.yaml")), "mine");
  assert.equal((await newRecipe(folder, ...given, "--force")).code, 0);
  assert.equal(await Deno.readTextFile(join(folder, "my_data_val.txt")), "i/d.jpg\tl/d.png\n");
});

recipeTest("new recipe: what cannot be used is left out, and said here and in the recipe", async (folder) => {
  await putPairs(folder, { images: "i", annotation: "l", count: 6 });
  await putPairs(folder, { images: "t", annotation: "tl", count: 3 });
  await Deno.remove(join(folder, "l/b.png"));
  await put(folder, "l/zz.png", labels([1], SIZE));
  await put(folder, "l/c.png", labels([1, 2], [32, 40]));
  await put(folder, "i/d.png", await picture("d.png", SIZE));
  const { code, stdout } = await newRecipe(folder, "--source", "i", "l", "--target", "t", "--val", "t", "tl");
  assert.equal(code, 0);
  const said = [
    "left out: 1 image without labels (b.jpg)",
    "left out: 1 label file without an image (zz.png)",
    "left out: 1 image with the name of another one, but for the extension (d.png)",
    `left out: ${folder}/l/c.png: the labels are 32 x 40 pixels, the image 40 x 32`,
  ];
  assert.ok(stdout.startsWith(`source: 4 images with labels; 5 looked at\n  ${said.join("\n  ")}\n`), stdout);
  const text = await Deno.readTextFile(join(folder, "my_data.yaml"));
  for (const line of said) assert.ok(text.includes(`    # ${line}.\n`), text);
  assert.equal(
    await Deno.readTextFile(join(folder, "my_data_source.txt")),
    ["a", "d", "e", "f"].map((name) => `i/${name}.jpg\tl/${name}.png\n`).join(""),
  );
  assert.match(
    text,
    /\n {2}val:\n {4}# 3 images with labels. Sizes: 40x32.\n {4}type: folder\n {4}images: t\n {4}labels: tl\n/,
  );
  await trains(folder, "my_data.yaml");
});

recipeTest(
  "new recipe: a target with masks beside its images does not take them for images",
  async (folder) => {
    await putPairs(folder, { images: "i", annotation: "l" });
    await putPairs(folder, { images: "t", annotation: "t", ending: "_mask" });
    await put(folder, "pictures/a.jpg", await picture("a.jpg", SIZE));
    await put(folder, "pictures/a_2.png", await picture("a_2.png", SIZE));
    const masks = await newRecipe(folder, "--source", "i", "l", "--target", "t");
    assert.match(
      masks.stdout,
      /\ntarget: 4 images with labels, paired by "" and "_mask" before the extension;/,
    );
    await trains(folder, "my_data.yaml");
    const pictures = await newRecipe(folder, "--source", "i", "l", "--target", "pictures", "--name", "two");
    assert.match(pictures.stdout, /\ntarget: 2 images; 2 looked at\n/);
  },
);

recipeTest("new recipe: Cityscapes' folders get Cityscapes' classes", async (folder) => {
  const ids = [23, 21, 11, 17, 20, 19, 12, 13, 24, 33, 26, 8, 22, 7, 3];
  const size: Size = [40, 45];
  for (const k of "0123") {
    const name = `aachen/aachen_00000${k}_000019`;
    await put(folder, `leftImg8bit/train/${name}_leftImg8bit.png`, await picture("a.png", size));
    await put(folder, `gtFine/train/${name}_gtFine_labelIds.png`, labels(ids, size));
    await put(folder, `gtFine/train/${name}_gtFine_color.png`, labels([1, 2], size, 3));
  }
  await putPairs(folder, { images: "mine" });
  const given = ["--source", "leftImg8bit/train", "gtFine/train", "--target", "mine"];
  const { code, stdout } = await newRecipe(folder, ...given);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /\n19 classes; guessed: Cityscapes' label ids, which GTAV has as well. Ignored: the ids that /,
  );
  const text = await Deno.readTextFile(join(folder, "my_data.yaml"));
  assert.match(text, /\n {4}image_suffix: _leftImg8bit\n {4}label_suffix: _gtFine_labelIds\n/);
  assert.match(text, /\n {6}road: \[7\] +# source 6.7 %\n/);
  assert.match(text, /\n {6}traffic light: \[19\] +# source 6.7 %\n/);
  await trains(folder, "my_data.yaml");
});

recipeTest("new recipe: folders, and the word before them, are asked for", async (folder) => {
  const told = async (args: readonly string[], line: string) => {
    const { code, stderr } = await plca(["new", ...args], { cwd: folder });
    assert.deepEqual([code, stderr], [2, `Error: ${line}\n`]);
  };
  await told(["recipe", "--source", "a", "b"], "Missing `--target`: expected `--target` IMAGES [LABELS].");
  await told(["recipe", "--target", "a", "b"], "Missing `--source`: expected `--source` IMAGES LABELS.");
  await told(
    ["recipe", "--source", "a", "b", "c", "--target", "d"],
    '`--source`: expected IMAGES LABELS, got "c" as well.',
  );
  await told(
    ["recipe", "--source", "a", "b", "--source", "c", "--target", "d"],
    "`--source`: expected IMAGES LABELS once.",
  );
  await told([], "A new what? Expected recipe, as in plca new recipe, or loss.");
  await told(["recipes"], "`KIND`: A new what? Expected recipe, as in plca new recipe, or loss.");
});

recipeTest(
  "new recipe: labels in a folder of the images' folder, names that lists could misread, two forms of an umlaut",
  async (folder) => {
    for (const name of ["#1 a", "'b'", "gru\u0308n", "plain"]) {
      await put(folder, `data/${name}.jpg`, await picture("a.jpg", SIZE));
      await put(folder, `data/labels/${name.normalize("NFC")}.png`, labels([1, 2], SIZE));
    }
    await put(folder, "data/left over.jpg", await picture("a.jpg", SIZE));
    await put(folder, "t/#1 a.jpg", await picture("a.jpg", SIZE));
    await put(folder, "t/#1 a.png", await picture("a.png", SIZE));
    await put(folder, "t/broken.jpg", "no picture");
    await put(folder, "t/c d.jpg", await picture("a.jpg", SIZE));
    const { code, stdout, stderr } = await newRecipe(
      folder,
      "--source",
      "data",
      "data/labels",
      "--target",
      "t",
    );
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(
      stdout.startsWith(
        "source: 4 images with labels; 4 looked at\n" +
          "  left out: 1 image without labels (left over.jpg)\n" +
          "target: 2 images; 3 looked at\n" +
          "  left out: 1 image with the name of another one, but for the extension (#1 a.png)\n" +
          `  left out: ${folder}/t/broken.jpg: the image is damaged, cut short or not a JPEG or PNG\n`,
      ),
      stdout,
    );
    assert.equal(await Deno.readTextFile(join(folder, "my_data_target.txt")), "t/#1 a.jpg\t\nt/c d.jpg\t\n");
    await trains(folder, "my_data.yaml");
    // The same where the list begins with the names themselves.
    const inside = join(folder, "data");
    const again = await newRecipe(inside, "--source", ".", "labels", "--target", ".");
    assert.deepEqual([again.code, again.stderr], [0, ""]);
    const list = await Deno.readTextFile(join(inside, "my_data_source.txt"));
    assert.match(list, /^\.\/#1 a\.jpg\tlabels\/#1 a\.png\n\.\/'b'\.jpg\tlabels\/'b'\.png\n/);
  },
);

recipeTest(
  "new recipe: files whose beginning alone is sound, forms that are not read, stray pixels",
  async (folder) => {
    await putPairs(folder, { images: "i", annotation: "l", count: 3 });
    const whole = await Deno.readFile(join(folder, "i/b.jpg"));
    await put(folder, "i/b.jpg", whole.slice(0, whole.length / 2));
    await put(folder, "i/scan.bmp", "BM");
    await put(folder, "i/.hidden.bmp", "BM");
    const large: Size = [400, 300];
    await put(folder, "i/large.jpg", await picture("large.jpg", large));
    const stray = new Uint8Array(400 * 300).fill(1);
    stray[1234] = 99;
    await put(folder, "l/large.png", encode({ width: 400, height: 300, channels: 1, data: stray }));
    const { code, stdout, stderr } = await newRecipe(folder, "--source", "i", "l", "--target", "i");
    assert.deepEqual([code, stderr], [0, ""]);
    const remarks = "  left out: 1 image of a form that is not read; save such as PNG or JPEG (scan.bmp)\n" +
      `  left out: ${folder}/i/b.jpg: the image is cut short: its end is missing; copy or download it again\n`;
    assert.ok(
      stdout.startsWith(
        `source: 3 images with labels; 4 looked at\n${remarks}target: 3 images; 4 looked at\n${remarks}`,
      ),
      stdout,
    );
    const text = await Deno.readTextFile(join(folder, "my_data.yaml"));
    assert.match(text, /\n {4}# 3 of the 4 label files of source\.\n/);
    assert.match(
      text,
      /class_99: \[99\] # source < 0\.1 %; so few pixels may be a mistake: move it into ignore\n/,
    );
    await trains(folder, "my_data.yaml");
  },
);
