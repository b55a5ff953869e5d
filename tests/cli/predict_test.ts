import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { decode, encode } from "fast-png";
import sharp from "sharp";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { networkInputs } from "../../datasets/evaluation.ts";
import { diskFiles } from "../../datasets/files.ts";
import { openTrained } from "../../train/trained.ts";
import { distinctColours } from "../../report/colours.ts";
import { type Outcome, plca } from "./fake_host.ts";
import { pixels, png, predicting, put } from "./predicting.ts";

const done = ({ code, stderr }: Outcome) => assert.deepEqual([stderr, code], ["", 0]);

const names = (folder: string) => {
  const found: string[] = [];
  const visit = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(join(folder, path))) {
      if (isDirectory) visit(`${path}${name}/`);
      else found.push(`${path}${name}`);
    }
  };
  visit("");
  return found.sort();
};

/** What the network of the folder's run says about an image: by the definition, at once. */
async function winners(
  folder: string,
  { width, height, image }: { width: number; height: number; image: Uint8Array },
) {
  const plan = await loadRecipe({ path: join(folder, "runs/tiny-001/config.yaml") }, {
    registry: builtins(),
    readText: (path) => Deno.readTextFile(path),
    cwd: folder,
  });
  const checkpoint = join(folder, "runs/tiny-001/checkpoints/last.safetensors");
  const { segmenter, dispose } = await openTrained(plan, { checkpoint, files: diskFiles() });
  const [input] = networkInputs({ width, height, image }, {
    evaluation: {},
    normalization: plan.input.normalization,
  });
  const [ids, best] = tf.tidy(() => {
    const images = tf.tensor4d(input!.images, [1, height, width, 3]);
    const { logits } = segmenter.forward([images], { training: false })[0]!;
    const resized = resizeBilinear(tf.softmax(logits), [height, width]);
    return [[...tf.argMax(resized, 3).dataSync()], [...tf.max(resized, 3).dataSync()]];
  });
  dispose();
  return { ids, best };
}

predicting("images of every kind: labels, overlays and confidence as the network says", async (folder) => {
  const [width, height] = [37, 21];
  const image = pixels(width, height);
  const raw = { raw: { width, height, channels: 3 } } as const;
  await put(join(folder, "in/a.png"), png(width, height));
  await put(join(folder, "in/deep/er/one.PNG"), png(1, 1));
  await put(join(folder, "in/grey.png"), png(width, height, 1));
  await put(join(folder, "in/alpha.png"), png(5, 9, 4));
  await put(
    join(folder, "in/16.png"),
    encode({ width: 8, height: 3, channels: 1, depth: 16, data: new Uint16Array(24) }),
  );
  await put(
    join(folder, "in/palette.png"),
    encode({ width: 8, height: 3, channels: 1, data: new Uint8Array(24), palette: [[1, 2, 3]] }),
  );
  await put(join(folder, "in/cmyk.jpg"), await sharp(image, raw).toColourspace("cmyk").jpeg().toBuffer());
  await put(
    join(folder, "in/turned.jpeg"),
    await sharp(image, raw).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  );
  await put(join(folder, "in/large.jpg"), await sharp(image, raw).resize(500, 300).jpeg().toBuffer());
  await put(join(folder, "in/notes.txt"), new Uint8Array(3));

  const found = await plca(["predict", "in", "--out", "out", "--confidence", "--opacity", "0.25"], {
    cwd: folder,
  });
  assert.deepEqual(found, {
    code: 0,
    stdout: "9 images labelled by runs/tiny-001/checkpoints/last.safetensors: " +
      "labels, overlays, confidence and classes.json in out\n",
    stderr:
      "1 image with a rotation tag (EXIF), which is not followed: labels and overlays lie as the pixels are " +
      "stored: in/turned.jpeg\n",
  });
  const stems = ["16", "a", "alpha", "cmyk", "deep/er/one", "grey", "large", "palette", "turned"];
  assert.deepEqual(
    names(join(folder, "out")),
    [
      "classes.json",
      ...["confidence", "labels", "overlays"].flatMap((kind) => stems.map((stem) => `${kind}/${stem}.png`)),
    ],
  );

  const read = (kind: string, stem: string) =>
    decode(Deno.readFileSync(join(folder, "out", kind, `${stem}.png`)));
  const sizes = stems.map((stem) => [read("labels", stem).width, read("labels", stem).height].join("x"));
  assert.deepEqual(sizes, ["8x3", "37x21", "5x9", "37x21", "1x1", "37x21", "500x300", "8x3", "37x21"]);

  const { ids, best } = await winners(folder, { width, height, image });
  assert.ok(new Set(ids).size > 1);
  const labels = read("labels", "a");
  assert.deepEqual([[...labels.data], labels.channels, labels.depth], [ids, 1, 8]);
  const colours = distinctColours(8);
  assert.deepEqual(labels.palette, colours);
  const mixed = ids.flatMap((id, k) =>
    colours[id]!.map((colour, channel) => Math.round(0.75 * image[3 * k + channel]! + 0.25 * colour))
  );
  assert.deepEqual([...read("overlays", "a").data], mixed);
  [...read("confidence", "a").data].forEach((value, k) => assert.ok(Math.abs(value - 255 * best[k]!) < 0.51));

  const legend = JSON.parse(await Deno.readTextFile(join(folder, "out/classes.json")));
  assert.deepEqual([legend.ids, legend.label_space, legend.classes.length], ["train", "street", 8]);
  assert.deepEqual(legend.classes[1], { id: 1, train_id: 1, name: "building", colour: colours[1] });
});

predicting("the recipe's options count, and --set changes them", async (folder) => {
  await put(join(folder, "a.png"), png(50, 40));
  const confidence = async (out: string, ...sets: string[]) => {
    const args = ["predict", "a.png", "--confidence", "--overlays", "none", "--out", out];
    done(await plca([...args, ...sets.flatMap((set) => ["--set", set])], { cwd: folder }));
    return String(decode(Deno.readFileSync(join(folder, out, "confidence/a.png"))).data);
  };
  const made = [
    await confidence("1"),
    await confidence("2", "evaluation.flip=true"),
    await confidence("3", "evaluation.scales=[0.5, 1]"),
    await confidence("4", "evaluation.size=20"),
    await confidence("5", "evaluation.window={size: 24, stride: 12}"),
    await confidence("6", "evaluation.aggregation={}"),
  ];
  assert.equal(new Set(made).size, made.length);
  assert.equal(await confidence("7", "evaluation.limit=1"), made[0]);
});

predicting("weights that lie in no run, with their recipe: predict and eval", async (folder) => {
  await put(join(folder, "a.png"), png(9, 9));
  await Deno.copyFile(
    join(folder, "runs/tiny-001/checkpoints/last.safetensors"),
    join(folder, "w.safetensors"),
  );
  await Deno.rename(join(folder, "runs/tiny-001/config.yaml"), join(folder, "mine.yaml"));
  const args = [
    "predict",
    "a.png",
    "--recipe",
    "mine.yaml",
    "--checkpoint",
    "w.safetensors",
    "--overlays",
    "jpg",
  ];
  const found = await plca([...args, "--out", "out"], { cwd: folder });
  done(found);
  assert.equal(found.stdout, "1 image labelled by w.safetensors: labels, overlays and classes.json in out\n");
  assert.deepEqual(names(join(folder, "out")), ["classes.json", "labels/a.png", "overlays/a.jpg"]);
  assert.equal((await sharp(join(folder, "out/overlays/a.jpg")).metadata()).format, "jpeg");
  assert.deepEqual(await plca([...args, "--out", "o2", "--ids", "dataset"], { cwd: folder }), {
    code: 2,
    stdout: "",
    stderr:
      "--ids dataset: the label space street does not say which id its label files use for each class; " +
      "use --ids train\n",
  });
  const evaluated = await plca(
    ["eval", "--recipe", "mine.yaml", "--checkpoint", "w.safetensors", "--set", "evaluation.flip=true"],
    { cwd: folder },
  );
  done(evaluated);
  assert.match(evaluated.stdout, /^w\.safetensors on val\n\nIoU % +tiny\n/);
  assert.match(evaluated.stdout, /\n2 images of val, pixels counted at size original 40x32; flip\n$/);
});

predicting("broken images are listed together, the others are done; exit 2", async (folder) => {
  await put(join(folder, "in/a.png"), png(9, 9));
  await put(join(folder, "in/b.png"), new Uint8Array(0));
  const jpeg = await sharp(pixels(64, 64), { raw: { width: 64, height: 64, channels: 3 } }).jpeg().toBuffer();
  await put(join(folder, "in/c.jpg"), jpeg.subarray(0, jpeg.length / 2));
  await put(join(folder, "in/d.png"), png(9, 9));
  const stderr = "2 of 4 images could not be labelled:\n" +
    "  in/b.png: the image is damaged, cut short or not a JPEG or PNG\n" +
    "  in/c.jpg: the image is cut short: its end is missing; copy or download it again\n";
  assert.deepEqual(await plca(["predict", "in", "--out", "out"], { cwd: folder }), {
    code: 2,
    stdout:
      "2 images labelled by runs/tiny-001/checkpoints/last.safetensors: labels, overlays and classes.json in out\n",
    stderr,
  });
  assert.deepEqual(names(join(folder, "out/labels")), ["a.png", "d.png"]);
  const json = await plca(["predict", "in", "--out", "out", "--force", "--json", "--overlays", "none"], {
    cwd: folder,
  });
  assert.deepEqual([json.code, json.stderr], [2, stderr]);
  const why = "the image is damaged, cut short or not a JPEG or PNG";
  assert.deepEqual(json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { image: join(folder, "in/a.png"), width: 9, height: 9, labels: join(folder, "out/labels/a.png") },
    { image: join(folder, "in/b.png"), error: why },
    {
      image: join(folder, "in/c.jpg"),
      error: "the image is cut short: its end is missing; copy or download it again",
    },
    { image: join(folder, "in/d.png"), width: 9, height: 9, labels: join(folder, "out/labels/d.png") },
  ]);
});

predicting(
  "patterns keep the folders after their fixed part; a file named twice is done once",
  async (folder) => {
    for (const name of ["in/x/a.png", "in/y/a.png", "in/y/b.png"]) await put(join(folder, name), png(4, 4));
    done(await plca(["predict", "in/*/a.png", "in/x/a.png", "in/y/b.png", "--out", "out"], { cwd: folder }));
    assert.deepEqual(names(join(folder, "out/labels")), ["b.png", "x/a.png", "y/a.png"]);
  },
);

predicting("what lies in the out folder is no input, and no image is overwritten", async (folder) => {
  await put(join(folder, "a.png"), png(4, 4));
  const args = ["predict", ".", "--out", "."];
  done(await plca(args, { cwd: folder }));
  done(await plca([...args, "--force"], { cwd: folder }));
  assert.deepEqual(names(join(folder, "labels")), ["a.png"]);
  const own = await plca(["predict", "labels/a.png", "--out", ".", "--force"], { cwd: folder });
  assert.deepEqual([own.code, own.stderr], [
    2,
    "labels/a.png is one of the images and would be overwritten; choose another --out\n",
  ]);
});

predicting("nothing is predicted when something would go wrong; the words say what", async (folder) => {
  for (const name of ["x/a.png", "y/a.jpg", "y/b.png", "empty/no.txt"]) {
    await put(join(folder, name), png(4, 4));
  }
  const refused = async (args: string, stderr: string) =>
    assert.deepEqual(await plca(["predict", ...args.split(" ")], { cwd: folder }), {
      code: 2,
      stdout: "",
      stderr,
    });
  await refused(
    "x y --out out",
    "x/a.png and y/a.jpg would both become out/labels/a.png; give them in two calls with another --out, or name a " +
      "folder above both\n",
  );
  await refused("x gone --out out", "gone: there is no such file or folder\n");
  await refused("empty --out out", "empty: the folder holds no JPEG, PNG, TIFF or WebP\n");
  await refused("x/*.jpg --out out", "x/*.jpg: no JPEG, PNG, TIFF or WebP matches this pattern\n");
  await refused("x --run gone --out out", "--run gone: there is no such folder\n");
  assert.deepEqual(names(folder).filter((name) => name.startsWith("out")), []);

  done(await plca(["predict", "x", "y/b.png", "--out", "out"], { cwd: folder }));
  await refused(
    "x y/b.png --out out",
    "out/labels/a.png and 3 more would be overwritten; choose another --out, or allow it with --force\n",
  );
  await Deno.writeTextFile(join(folder, "out/classes.json"), "{}");
  await Deno.remove(join(folder, "out/labels"), { recursive: true });
  await refused(
    "x --overlays none --out out",
    "out/classes.json speaks of other classes than these; choose another --out, or overwrite it with --force\n",
  );
  await put(join(folder, "file"), new Uint8Array(1));
  const onFile = await plca(["predict", "x", "--out", "file"], { cwd: folder });
  assert.equal(onFile.code, 2);
  assert.equal(onFile.stderr, "--out file: it is a file, expected a folder\n");
  const below = await plca(["predict", "x", "--out", "file/deep"], { cwd: folder });
  assert.equal(
    below.stderr,
    `${folder}/file/deep: the folder cannot be created (a part of its path is a file, expected a folder)\n`,
  );
});

predicting("Ctrl-C ends it after an image, with status 130; no half a file is left", async (folder) => {
  for (let k = 0; k < 6; k++) await put(join(folder, `in/${k}.png`), png(8, 8));
  let lines = 0;
  const onWrite = (text: string, interrupt: () => void) => {
    if (text.startsWith("{") && ++lines === 2) interrupt();
  };
  const found = await plca(["predict", "in", "--out", "out", "--json"], { cwd: folder, onWrite });
  assert.deepEqual([found.code, found.stderr], [
    130,
    "Stopping after the image in work. Ctrl-C again stops at once.\nInterrupted after 2 of 6 images.\n",
  ]);
  assert.deepEqual(names(join(folder, "out")), [
    "classes.json",
    "labels/0.png",
    "labels/1.png",
    "overlays/0.png",
    "overlays/1.png",
  ]);
});
