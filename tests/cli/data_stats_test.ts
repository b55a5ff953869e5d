/** `plca data stats`, and training and evaluating the datasets of the paper in tiny. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { below, blocks, gtav, SIZES, synthia } from "../datasets/layouts.ts";
import { palettePng } from "../datasets/png.ts";
import { plca } from "./fake_host.ts";
import { CITY, FAULTY, RECIPE, sets, SOUND, tiny } from "./paper_data.ts";

tiny("data stats, then training with rare-class sampling, then eval", SOUND, async (folder) => {
  const counted = await plca(["data", "stats", "tiny.yaml"], { cwd: folder });
  assert.deepEqual(counted, {
    code: 0,
    stderr: "",
    stdout: "2 images of gtav, 19 classes of cityscapes-19: tiny_classes.json\n" +
      "In the recipe: input: { rare_class_sampling: { stats: tiny_classes.json } }\n",
  });
  const stats = JSON.parse(await Deno.readTextFile(join(folder, "tiny_classes.json")));
  assert.deepEqual([stats.dataset, stats.labelSpace], ["gtav", "cityscapes-19"]);
  assert.deepEqual(stats.images.map(({ id }: { id: string }) => id), ["00001", "00002"]);
  const ids = blocks(SIZES[0]!, [7, 26, 0]);
  assert.equal(stats.images[0].pixels[0], ids.filter((id) => id === 7).length);
  assert.equal(stats.images[0].pixels[13], ids.filter((id) => id === 26).length);

  const sampling = sets("input.rare_class_sampling={stats: tiny_classes.json, min_pixels: 10}");
  const trained = await plca(["train", "tiny.yaml", ...sampling], { cwd: folder });
  assert.deepEqual([trained.code, trained.stderr], [0, ""]);
  const config = await Deno.readTextFile(join(folder, "runs/tiny-001/config.yaml"));
  assert.ok(config.includes(`stats: ${folder}/tiny_classes.json`), config);
  const evaluated = await plca(["eval", "--json"], { cwd: folder });
  assert.deepEqual([evaluated.code, evaluated.stderr], [0, ""]);
  assert.equal(JSON.parse(evaluated.stdout).images, 2);

  await Deno.remove(join(folder, "sets/gta5/images/00002.png"));
  await Deno.remove(join(folder, "sets/gta5/labels/00002.png"));
  assert.deepEqual(await plca(["train", "tiny.yaml", ...sampling], { cwd: folder }), {
    code: 2,
    stdout: "tiny: seed 0, backend wasm, run runs/tiny-002\n",
    stderr: `${folder}/tiny_classes.json: it counts 2 images of gtav, the source has 1; ` +
      "write it anew with plca data stats\n",
  });
});

const RARE = {
  ...SOUND,
  "gta5/labels/00001.png": palettePng(SIZES[0]!, blocks(SIZES[0]!, [7])),
  "gta5/labels/00002.png": palettePng(SIZES[1]!, blocks(SIZES[1]!, [7, 7, 26])),
};

tiny("a low temperature trains on nothing but the image with the rare class", RARE, async (folder) => {
  await plca(["data", "stats", "tiny.yaml"], { cwd: folder });
  const totals = async (name: string, ...changes: string[]) => {
    const brief = ["data.val=null", "training.steps=3", "training.log_every=1", ...changes];
    const { code, stderr } = await plca(["train", "tiny.yaml", "--name", name, ...sets(...brief)], {
      cwd: folder,
    });
    assert.deepEqual([code, stderr], [0, ""]);
    const events = await Deno.readTextFile(join(folder, "runs", `${name}-001`, "events.jsonl"));
    return events.trim().split("\n").map((line) => JSON.parse(line).total).filter((total) =>
      total !== undefined
    );
  };
  const sampled = "input.rare_class_sampling={stats: tiny_classes.json, temperature: 0.001, min_pixels: 1}";
  const expected = await totals("alone", 'data.source.exclude=["00001"]');
  assert.equal(expected.length, 3);
  assert.deepEqual(await totals("sampled", sampled), expected);
  const warm = sampled.replace("0.001", "1");
  const drawn = await totals("main", warm, "input.workers=0");
  assert.notDeepEqual(drawn, expected);
  assert.deepEqual(await totals("workers", warm, "input.workers=3"), drawn);
  assert.notDeepEqual(await totals("both", "seed=0"), expected);
});

tiny("data stats writes where it is told, and names the path from the recipe", SOUND, async (folder) => {
  await Deno.mkdir(join(folder, "recipes"));
  await Deno.writeTextFile(join(folder, "recipes/deep.yaml"), RECIPE.replace("./sets", "../sets"));
  const args = ["data", "stats", "recipes/deep.yaml", "--out", "counts/c.json"];
  const refused = await plca(args, { cwd: folder });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^--out counts\/c\.json: there is no folder counts\n$/);
  await Deno.mkdir(join(folder, "counts"));
  const { stdout } = await plca(args, { cwd: folder });
  assert.equal(
    stdout,
    "2 images of gtav, 19 classes of cityscapes-19: counts/c.json\n" +
      "In the recipe: input: { rare_class_sampling: { stats: ../counts/c.json } }\n",
  );
  const written = await Deno.readTextFile(join(folder, "counts/c.json"));
  await Deno.writeTextFile(join(folder, "counts/c.json"), "mine");
  assert.deepEqual(await plca(args, { cwd: folder }), {
    code: 2,
    stdout: "",
    stderr: "counts/c.json would be overwritten; choose another file with --out, or allow it with --force\n",
  });
  assert.equal(await Deno.readTextFile(join(folder, "counts/c.json")), "mine");
  assert.equal((await plca([...args, "--force"], { cwd: folder })).code, 0);
  assert.equal(await Deno.readTextFile(join(folder, "counts/c.json")), written);
});

tiny("data stats refuses broken files and a source without labels", FAULTY, async (folder) => {
  const at = join(folder, "sets/gta5");
  await Deno.remove(`${at}/images/00007.png`);
  const { code, stderr } = await plca(["data", "stats", "tiny.yaml"], { cwd: folder });
  assert.equal(code, 2);
  assert.equal(
    stderr,
    `${at}/labels/00001.png: the labels are 40 x 33 pixels, their image ${at}/images/00001.png is 41 x 33, ` +
      "and 4 more; nothing was written (plca data check names all, `exclude` leaves images out)\n",
  );
  const bare = sets(
    "data.source={type: folder, images: gta5/images, classes: {a: [0], b: [1]}}",
    "data.val=null",
  );
  assert.equal(
    (await plca(["data", "stats", "tiny.yaml", ...bare], { cwd: folder })).stderr,
    "data.source: there are no label files; statistics count the pixels of labels\n",
  );
});

const PAPER = { ...below("gta5", gtav()), ...below("syn", synthia()), ...below("city", CITY) };

tiny(
  "SYNTHIA to Cityscapes over 16 classes trains and is evaluated over 13 as well",
  PAPER,
  async (folder) => {
    await Deno.remove(join(folder, "sets/city/gtFine/train"), { recursive: true });
    const synthetic = sets(
      "data.source={type: synthia, root: syn}",
      "data.target.label_space=synthia-16",
      "data.val={type: cityscapes, root: city, split: val, label_space: synthia-16, labels: labelTrainIds}",
      "input.workers=2",
    );
    const trained = await plca(["train", "tiny.yaml", ...synthetic], { cwd: folder });
    assert.deepEqual([trained.code, trained.stderr], [0, ""]);
    const { stdout } = await plca(["eval", "--json"], { cwd: folder });
    const { classes, subsets } = JSON.parse(stdout);
    assert.equal(classes.length, 16);
    assert.deepEqual(
      subsets.map(({ name, classes }: { name: string; classes: string[] }) => [name, classes.length]),
      [
        ["mIoU*", 13],
      ],
    );
  },
);

tiny(
  "train says of bad data what is wrong, and of a broken file how to find the others",
  FAULTY,
  async (folder) => {
    const stderr = async (...changed: string[]) => {
      const { code, stderr } = await plca(["train", "tiny.yaml", ...sets(...changed)], { cwd: folder });
      assert.equal(code, 2);
      return stderr;
    };
    assert.equal(
      await stderr(),
      `${folder}/sets/gta5: 1 of 7 pairs lack a file: 1 label file (labels/00007.png); ` +
        "complete the download, or leave them out with `exclude` or `list`\n",
    );
    assert.equal(
      await stderr('data.source.exclude=["00001", "00002", "00003", "00005", "00006", "00007"]'),
      `${folder}/sets/gta5/labels/00004.png: label id 99 at pixel (0, 0) is not known; ` +
        "expected Cityscapes' label ids 0 to 34, or 255 for -1\n" +
        "npx --yes deno@2.9.6 task plca data check tiny.yaml --set " +
        `'data.source.exclude=["00001", "00002", "00003", "00005", "00006", "00007"]' names every broken file at once\n`,
    );
    assert.equal(
      await stderr("data.source.label_space=synthia-16"),
      "tiny.yaml:7:3 data.val: its classes differ from the source's: cityscapes-19 (road, sidewalk, building, wall, " +
        "fence, pole, traffic light, traffic sign, vegetation, terrain, sky, person, rider, car, truck, bus, train, " +
        "motorcycle, bicycle; ignore 255), expected synthia-16 (road, sidewalk, building, wall, fence, pole, " +
        "traffic light, traffic sign, vegetation, sky, person, rider, car, bus, motorcycle, bicycle; ignore 255)\n",
    );
  },
);
