/** plca weights, and PyTorch files where commands read weights. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { deeplabV2Names } from "../../models/deeplab_v2_names.ts";
import { readWeights } from "../../weights/read.ts";
import { encodeTorch } from "../../weights/write_torch.ts";
import { type Outcome, plca } from "./fake_host.ts";
import { folderTest, tinyRecipe } from "./tiny.ts";

const CITYSCAPES =
  "road, sidewalk, building, wall, fence, pole, traffic light, traffic sign, vegetation, terrain, sky, person, rider, car, truck, bus, train, motorcycle, bicycle"
    .split(", ");

const SCENES = `name: scenes
data:
  root: .
  source: { type: folder, images: a, labels: a, classes: &c { ${
  CITYSCAPES.map((name, id) => `${name}: [${id}]`).join(", ")
} } }
  target: { type: folder, images: a, classes: *c }
input: { crop: 32 }
model: { type: deeplab-v2, options: { layers: [1, 1, 1, 1], width: 0.0625 } }
losses: [{ type: cross-entropy }]
optimizer: { type: sgd }
schedule: { type: poly }
training: { steps: 1 }
`;

const TINY = tinyRecipe(`name: tiny
training: { steps: 1, batch: 2 }
baseline: null
`);

function test(name: string, body: (folder: string) => Promise<void>): void {
  folderTest(name, async (folder) => {
    await Deno.writeTextFile(join(folder, "scenes.yaml"), SCENES);
    await Deno.writeTextFile(join(folder, "tiny.yaml"), TINY);
    for (const name of ["sample_zip", "truncated"]) {
      await Deno.copyFile(
        new URL(`../goldens/torch/${name}.pth`, import.meta.url),
        join(folder, `${name}.pth`),
      );
    }
  }, body);
}

const run = (folder: string, line: string) => plca(line.split(" "), { cwd: folder });

function done({ code, stdout, stderr }: Outcome): string {
  assert.deepEqual([stderr, code], ["", 0]);
  return stdout;
}

const contents = async (path: string) => {
  const { tensors, wrapper } = readWeights(await Deno.readFile(path), path);
  return { wrapper, tensors: new Map([...tensors].map(([name, tensor]) => [name, tensor.read()])) };
};

test("inspect shows what a file holds", async (folder) => {
  assert.equal(
    done(await run(folder, "weights inspect sample_zip.pth")),
    `sample_zip.pth: PyTorch zip
  names     of no model that plca has
  under     weights
  beside    extra dictionary of 11, epochs 3, iters 1041, name résumé, nested list of 2, optimizer_state_dict dictionary of 2
  tensors   8 (7 F32, 1 I64), 285 elements, 1144 bytes

conv.weight             F32   [8, 3, 3, 3]
bn.weight               F32   [8]
bn.bias                 F32   [8]
bn.running_mean         F32   [8]
bn.running_var          F32   [8]
bn.num_batches_tracked  I64   []
head.weight             F32   [4, 8]
head.bias               F32   [4]
`,
  );
  const json = JSON.parse(done(await run(folder, "weights inspect sample_zip.pth --json")));
  assert.deepEqual(Object.keys(json), [
    "file",
    "format",
    "wrapper",
    "naming",
    "others",
    "metadata",
    "tensors",
    "elements",
    "bytes",
  ]);
  assert.deepEqual([json.wrapper, json.naming, json.others.epochs], ["weights", null, 3]);
  assert.deepEqual(json.tensors[0], { name: "conv.weight", dtype: "F32", shape: [8, 3, 3, 3] });
});

test("a run is exported for PyTorch, evaluated from there alike, and started from again", async (folder) => {
  done(await run(folder, "train tiny.yaml"));
  assert.equal(
    done(await run(folder, "weights export --run runs/tiny-001 --out a.pth")),
    "runs/tiny-001/checkpoints/last.safetensors: 106 tensors written to a.pth\n",
  );
  const last = join(folder, "runs/tiny-001/checkpoints/last.safetensors");
  const [kept, exported] = [await contents(last), await contents(join(folder, "a.pth"))];
  assert.equal(exported.wrapper, undefined);
  const counters = [...exported.tensors.keys()].filter((name) => name.endsWith(".num_batches_tracked"));
  assert.equal(counters.length, 17);
  for (const [name, tensor] of exported.tensors) {
    if (!counters.includes(name)) assert.deepEqual(tensor, kept.tensors.get(name), name);
  }
  done(
    await run(
      folder,
      "weights export --checkpoint runs/tiny-001/checkpoints/last.safetensors --out a.safetensors",
    ),
  );
  assert.deepEqual((await contents(join(folder, "a.safetensors"))).tensors, exported.tensors);

  const evaluation = async (line: string) => JSON.parse(done(await run(folder, line)));
  const own = await evaluation("eval --json");
  for (const file of ["a.pth", "a.safetensors"]) {
    const other = await evaluation(`eval --json --run runs/tiny-001 --checkpoint ${file}`);
    assert.deepEqual({ ...other, checkpoint: own.checkpoint }, own);
  }
  const again = done(await run(folder, "train tiny.yaml --set model.weights=a.pth"));
  const path = join(folder, "a.pth");
  assert.match(again, /^tiny: seed 0, /);
  assert.ok(
    again.includes(
      `\ntiny: weights of ${path}: 89 tensors used (plca names); skipped: num_batches_tracked (17)\n`,
    ),
    again,
  );
  const config = await Deno.readTextFile(join(folder, "runs/tiny-002/config.yaml"));
  assert.ok(config.includes(`model:\n  type: deeplab-v2\n  weights: ${path}\n`), config);
  assert.equal((await run(folder, "check runs/tiny-002/config.yaml")).code, 0);
});

test("an import in the published order, an export in it: the same file", async (folder) => {
  done(await run(folder, "train tiny.yaml"));
  // A network of the right shapes; the values tell the classes apart.
  const { tensors: own } = await contents(join(folder, "runs/tiny-001/checkpoints/last.safetensors"));
  const network = new Map(
    [...own].filter(([name]) => /^(backbone|classifier)\./.test(name)).map(([name, tensor]) => {
      if (!name.startsWith("classifier.")) return [name, tensor];
      const shape = [19, ...tensor.shape.slice(1)], size = shape.reduce((a, b) => a * b);
      return [name, { dtype: "F32" as const, shape, data: Float32Array.from({ length: size }, (_, k) => k) }];
    }),
  );
  await Deno.writeFile(join(folder, "published.pth"), encodeTorch(network, { wrapper: "weights" }));
  assert.equal(
    done(await run(folder, "weights import published.pth --recipe scenes.yaml --out own.safetensors")),
    "published.pth: 89 tensors used (published PLCA names, published class order)\n" +
      "Written to own.safetensors; train from it with --set model.weights=own.safetensors\n",
  );
  const { tensors: imported } = await contents(join(folder, "own.safetensors"));
  const head = "classifier.0.convs.2.0.weight";
  const block = network.get(head)!.data.length / 19;
  // Road is the published order's third class, sky its first.
  assert.equal(imported.get(head)!.data[0], 2 * block);
  assert.equal(imported.get(head)!.data[CITYSCAPES.indexOf("sky") * block], 0);
  assert.deepEqual(imported.get("backbone.conv1.weight"), network.get("backbone.conv1.weight"));

  const numbered =
    "weights import published.pth --recipe scenes.yaml --class-order ours --out numbered.safetensors";
  done(await run(folder, numbered));
  assert.deepEqual(
    (await contents(join(folder, "numbered.safetensors"))).tensors.get(head),
    network.get(head),
  );

  await Deno.mkdir(join(folder, "run/checkpoints"), { recursive: true });
  await Deno.copyFile(join(folder, "own.safetensors"), join(folder, "run/checkpoints/last.safetensors"));
  await Deno.copyFile(join(folder, "scenes.yaml"), join(folder, "run/config.yaml"));
  assert.equal(
    done(await run(folder, "weights export --run run --class-order published --out back.pth")),
    'run/checkpoints/last.safetensors: 106 tensors written to back.pth, under "weights", classes in the published order\n',
  );
  const back = await contents(join(folder, "back.pth"));
  assert.equal(back.wrapper, "weights");
  for (const [name, tensor] of network) assert.deepEqual(back.tensors.get(name), tensor, name);
  done(await run(folder, "weights export --run run --class-order published --out back.safetensors"));
  done(await run(folder, "weights import back.safetensors --recipe scenes.yaml --out again.safetensors"));
  assert.deepEqual((await contents(join(folder, "again.safetensors"))).tensors, imported);

  const street = await run(folder, "weights import published.pth --recipe tiny.yaml --out x.safetensors");
  assert.deepEqual([street.code, street.stderr], [
    2,
    "published.pth: the classifier has 19 classes, the recipe 8; to start from the rest, leave it out: " +
    "--without classifier with plca weights import, or weights: {file: ..., without: [classifier]} in a recipe\n",
  ]);
  const tiny = await run(folder, "weights export --run runs/tiny-001 --class-order published --out x.pth");
  assert.deepEqual([tiny.code, tiny.stderr], [
    2,
    'runs/tiny-001/checkpoints/last.safetensors: the first 8 classes of the published order are without "person" of the recipe\n',
  ]);
  const alone = await run(
    folder,
    "weights export --checkpoint own.safetensors --class-order published --out x.pth",
  );
  assert.deepEqual([alone.code, alone.stderr], [
    2,
    "--class-order needs the recipe's classes: give --run FOLDER, or a checkpoint that lies in a run folder\n",
  ]);
});

test("a network of another class count, and one of several, start a training without a change of the file", async (folder) => {
  done(await run(folder, "train tiny.yaml"));
  const { tensors: own } = await contents(join(folder, "runs/tiny-001/checkpoints/last.safetensors"));
  const network = new Map([...own].filter(([name]) => /^(backbone|classifier)\./.test(name)));
  const other = new Map([...network].map(([name, tensor]) => {
    if (!name.startsWith("classifier.")) return [name, tensor];
    const shape = [3, ...tensor.shape.slice(1)], size = shape.reduce((a, b) => a * b);
    return [name, { dtype: "F32" as const, shape, data: new Float32Array(size) }];
  }));
  await Deno.writeFile(join(folder, "three.pth"), encodeTorch(other));
  const refusal = "three.pth: the classifier has 3 classes, the recipe 8";
  const remedy = "; to start from the rest, leave it out: --without classifier with plca weights import, " +
    "or weights: {file: ..., without: [classifier]} in a recipe\n";
  const importing = "weights import three.pth --recipe tiny.yaml --out rest.safetensors";
  assert.deepEqual(await run(folder, importing), { code: 2, stdout: "", stderr: refusal + remedy });
  assert.equal(
    done(await run(folder, `${importing} --without classifier`)),
    "three.pth: 85 tensors used (plca names); skipped: classifier (4); classifier: 4 tensors, initialised anew\n" +
      "Written to rest.safetensors; train from it with --set model.weights=rest.safetensors\n",
  );
  const backbone = new Map([...network].filter(([name]) => name.startsWith("backbone.")));
  assert.deepEqual((await contents(join(folder, "rest.safetensors"))).tensors, backbone);
  assert.deepEqual(await run(folder, "train tiny.yaml --set model.weights=three.pth"), {
    code: 2,
    stdout: "tiny: seed 0, backend wasm, run runs/tiny-002\n",
    stderr: `${folder}/${refusal}${remedy}`,
  });
  const line =
    "85 tensors used (plca names); skipped: classifier (4); classifier: 4 tensors, initialised anew";
  const without = "train tiny.yaml --set model.weights={file:\u00a0three.pth,without:\u00a0[classifier]}";
  const words = without.split(" ").map((word) => word.replaceAll("\u00a0", " "));
  assert.ok(
    done(await plca(words, { cwd: folder })).includes(`tiny: weights of ${folder}/three.pth: ${line}\n`),
  );
  // An evaluation needs the whole network, whatever the run left out.
  const evaluated = await run(folder, "eval --run runs/tiny-002 --checkpoint three.pth");
  assert.deepEqual([evaluated.code, evaluated.stderr], [2, `${folder}/${refusal}\n`]);

  const both = new Map(["model.", "ema_model."].flatMap((prefix) =>
    [...network].map(([name, tensor]) => [
      prefix + name,
      prefix === "model." || !name.startsWith("classifier.")
        ? tensor
        : { dtype: "F32" as const, shape: tensor.shape, data: new Float32Array(tensor.data.length).fill(7) },
    ])
  ));
  await Deno.writeFile(join(folder, "both.pth"), encodeTorch(both, { wrapper: "state_dict" }));
  const taking = "weights import both.pth --recipe tiny.yaml --out x.safetensors";
  assert.equal(
    (await run(folder, taking)).stderr,
    "both.pth: it holds 2 networks that fit: model. (89 tensors), ema_model. (89 tensors); choose one: --take model. " +
      "with plca weights import, or weights: {file: ..., take: model.} in a recipe\n",
  );
  assert.match(
    done(await run(folder, `${taking} --take ema_model`)),
    /^both\.pth: 89 tensors used \(plca names, after ema_model\.\)\n/,
  );
  const head = "classifier.0.convs.0.0.weight";
  assert.ok(
    (await contents(join(folder, "x.safetensors"))).tensors.get(head)!.data.every((value) => value === 7),
  );
  const list = done(await run(folder, "weights inspect both.pth --take ema_model."));
  assert.match(list, /\n {2}under {5}ema_model\n {2}tensors {3}89 /);
});

const CUT =
  "truncated.pth: the file is cut short: it begins as a zip archive, whose directory at the end is missing; copy or download it again\n";

const WRONG: readonly (readonly [args: string, message: string])[] = [
  ["weights inspect gone.pth", "gone.pth: there is no such file\n"],
  ["weights inspect .", ".: it is a folder, expected a file of weights\n"],
  ["weights inspect truncated.pth", CUT],
  ["weights inspct gone.pth", 'Error: "inspct" is not expected here. Did you mean weights inspect?\n'],
  ["weights import truncated.pth --recipe scenes.yaml --out x.safetensors", CUT],
  [
    "weights import sample_zip.pth --recipe scenes.yaml --out x.safetensors",
    "sample_zip.pth: none of its 8 tensors (conv.weight, bn.weight, ...) belongs to the model; expected names such as backbone.conv1.weight, backbone.bn1.weight, ...\n",
  ],
  [
    "weights import sample_zip.pth --recipe scenes.yaml --out x.pth",
    "--out x.pth: expected a name that ends in .safetensors\n",
  ],
  [
    "weights import sample_zip.pth --recipe gone.yaml --out x.safetensors",
    "the recipe gone.yaml cannot be read: there is no such file\n",
  ],
  ["weights export --out x.pth", "plca weights export needs --run FOLDER or --checkpoint FILE\n"],
  ["weights export --run gone --out x.pth", "--run gone: there is no such folder\n"],
  [
    "weights export --run . --out x.pth",
    ". has no checkpoints/last.safetensors; its training wrote no weights yet\n",
  ],
  ["weights export --checkpoint gone --out x.pth", "--checkpoint gone: there is no such file\n"],
  [
    "weights export --checkpoint sample_zip.pth --out x.pth",
    "sample_zip.pth: expected a checkpoint of plca; bring other files to a recipe with plca weights import first\n",
  ],
  [
    "weights export --run . --out x.bin",
    "--out x.bin: expected a name that ends in .pth or .pt or .safetensors\n",
  ],
  [
    "weights export --run . --out truncated.pth",
    "--out truncated.pth: the file exists; choose another name\n",
  ],
];

for (const [args, message] of WRONG) {
  test(`plca ${args}: exit 2 and one line`, async (folder) => {
    const { code, stdout, stderr } = await run(folder, args);
    assert.deepEqual([stdout, stderr, code], ["", message, 2]);
  });
}

test("a run whose weights cannot be read leaves no folder", async (folder) => {
  const { code, stderr } = await run(folder, "train tiny.yaml --set model.weights=truncated.pth");
  assert.deepEqual([code, stderr], [2, `${join(folder, CUT)}`]);
  assert.deepEqual([...Deno.readDirSync(join(folder, "runs"))], []);
});

Deno.test("docs/weights.md lists the published classes and this refusal as they are", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/weights.md", import.meta.url));
  const flowing = text.replace(/\s+/g, " ");
  assert.ok(
    flowing.includes(`: ${deeplabV2Names({ heads: 0, branches: 4 }).classOrders["published"]!.join(", ")};`),
  );
  const whole = await Deno.readFile(new URL("../weights/fixtures/whole_model.pth", import.meta.url));
  assert.throws(() => readWeights(whole, "model.pth"), ({ message }: Error) => flowing.includes(message));
});
