/**
 * Cityscapes' own evaluation of what `plca predict` writes, beside `plca eval`. It needs the folder in which `.ci/run` keeps
 * the package cityscapesscripts; without it the test is skipped (and counted by tests/run.ts).
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { encode } from "fast-png";
import { CITYSCAPES_SPACES } from "../../datasets/cityscapes_classes.ts";
import { inFolder, plca } from "./fake_host.ts";

const MODULE = "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling";

const scripts = Deno.env.get("PLCA_CITYSCAPES_SCRIPTS") ?? "";

/** Runs a Python with the scripts; what it prints, or an error. */
function run(python: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { success, stdout, stderr } = new Deno.Command(python, {
    args: [...args],
    env: { ...env, PYTHONPATH: scripts, PYTHONDONTWRITEBYTECODE: "1" },
  }).outputSync();
  assert.ok(success, new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout));
  return new TextDecoder().decode(stdout);
}

/** A Python that can import them; undefined when there is none. */
const python = scripts === "" ? undefined : ["python3", "/usr/bin/python3"].find((each) => {
  try {
    run(each, ["-c", `import ${MODULE}`]);
    return true;
  } catch {
    return false;
  }
});

const SIZE = { width: 72, height: 48 };

/** Rectangles of labels, of every id from 0 to 33, and a picture in which each id has its colour. */
function scene(seed: number) {
  const ids = new Uint8Array(SIZE.width * SIZE.height), colours = new Uint8Array(ids.length * 3);
  ids.forEach((_, at) => {
    const [x, y] = [at % SIZE.width, Math.floor(at / SIZE.width)];
    const id = ((x >> 3) * 5 + (y >> 3) * 11 + seed * 7) % 34;
    ids[at] = id;
    colours.set([id * 7, (id * 53) % 256, (id * 101 + (x ^ y)) % 256], at * 3);
  });
  return {
    labels: encode({ ...SIZE, channels: 1, data: ids }),
    picture: encode({ ...SIZE, channels: 3, data: colours }),
  };
}

async function putCityscapes(folder: string): Promise<void> {
  const cities = { train: ["aachen", "ulm"], val: ["frankfurt", "munster", "lindau"] };
  let seed = 0;
  for (const [split, names] of Object.entries(cities)) {
    for (const city of names) {
      const { labels, picture } = scene(seed++);
      const id = `${split}/${city}/${city}_00000${seed}_000019`;
      const files = {
        [`leftImg8bit/${id}_leftImg8bit.png`]: picture,
        [`gtFine/${id}_gtFine_labelIds.png`]: labels,
        // Without a number above 1000 there are no single objects in it.
        [`gtFine/${id}_gtFine_instanceIds.png`]: labels,
      };
      for (const [name, bytes] of Object.entries(files)) {
        await Deno.mkdir(dirname(join(folder, name)), { recursive: true });
        await Deno.writeFile(join(folder, name), bytes);
      }
    }
  }
}

const RECIPE = `extends: street
backend: wasm
data:
  root: cityscapes
  source: { type: cityscapes }
  target: { type: cityscapes }
  val: { type: cityscapes, split: val }
  test: null
input: { crop: 48, workers: 0 }
model: { options: { width: 0.125 } }
losses: [{ type: cross-entropy }]
baseline: null
optimizer: { options: { lr: 0.05 } }
training: { steps: 12, batch: 2, validate_every: 0 }
`;

Deno.test({
  name: `Cityscapes' own evaluation of predictions agrees with plca eval to the last digit${
    python !== undefined ? "" : " (no cityscapesscripts: PLCA_CITYSCAPES_SCRIPTS)"
  }`,
  ignore: python === undefined,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () =>
    inFolder(async (folder) => {
      const dataset = join(folder, "cityscapes"), exported = join(folder, "exported");
      await putCityscapes(dataset);
      await Deno.mkdir(exported);
      await Deno.writeTextFile(join(folder, "c.yaml"), RECIPE);
      const command = async (...args: string[]) => {
        const { code, stdout, stderr } = await plca(args, { cwd: folder });
        assert.equal(code, 0, stderr);
        return stdout;
      };
      await command("train", "c.yaml", "--quiet");
      const ours: { readonly iou: readonly (number | null)[]; readonly miou: number } = JSON.parse(
        await command("eval", "--json", "--quiet"),
      );
      await command("predict", "cityscapes/leftImg8bit/val", "--ids", "dataset", "--out", "predicted");
      run(python!, ["-m", MODULE], {
        CITYSCAPES_DATASET: dataset,
        CITYSCAPES_RESULTS: join(folder, "predicted", "labels"),
        CITYSCAPES_EXPORT_DIR: exported,
      });
      const text = await Deno.readTextFile(join(exported, "resultPixelLevelSemanticLabeling.json"));
      // Python writes NaN, which JSON has not.
      const theirs = JSON.parse(text.replace(/\bNaN\b/g, "null"));
      const { classes } = CITYSCAPES_SPACES["cityscapes-19"];
      assert.deepEqual(ours.iou, classes.map((name) => theirs.classScores[name]));
      assert.ok(Math.abs(ours.miou - theirs.averageScoreClasses) < 1e-15);
      // Something was learnt: zeros alone would agree too easily.
      assert.ok(ours.iou.filter((iou) => iou !== null && iou > 0 && iou < 1).length >= 3, String(ours.iou));
    }),
});
