/** What `plca check` says of a recipe before anything of it is opened or made. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { plca } from "./fake_host.ts";

const CWD = fileURLToPath(new URL("../../", import.meta.url));

/** `plca check RECIPE` with values set. */
function checked(recipe: string, ...sets: readonly string[]) {
  return plca(["check", recipe, ...sets.flatMap((set) => ["--set", set])], { cwd: CWD });
}

/** The line about a start from random numbers; undefined where there is none. */
async function startNote(recipe: string, ...sets: readonly string[]): Promise<string | undefined> {
  const { code, stdout, stderr } = await checked(recipe, ...sets);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout.split("\n").find((line) => line.startsWith("  note"));
}

const told = (model: string, published: string) =>
  `  note       ${model} starts from random numbers, and published results start from ${published}: ` +
  'name a file of them in model.weights, or write "weights: seed" there if random numbers are meant';

Deno.test("check: networks of published sizes without weights are told, and what is published for them", async () => {
  const cases = [
    ["gtav_to_cityscapes", ["data.root=/data"], told("deeplab-v2", "ResNet-101 trained on ImageNet")],
    [
      "street",
      ["model.options={layers: [3, 4, 6, 3]}", "model.options.width=1"],
      told("deeplab-v2", "ResNet-50 trained on ImageNet"),
    ],
    ["street_mit", ["model.weights=", "model.options.size=b2"], told("mit", "MiT-b2 trained on ImageNet")],
    [
      "street_dinov2",
      ["model.options={size: s, table: 37}", "losses.association="],
      told("dinov2", "DINOv2 of size s"),
    ],
    [
      "street",
      ["model={type: pspnet, options: {layers: resnet50, width: 1}}"],
      told("pspnet", "ResNet-50 trained on ImageNet"),
    ],
  ] as const;
  for (const [recipe, sets, line] of cases) assert.equal(await startNote(recipe, ...sets), line, recipe);
});

Deno.test("check: nothing is said of small networks, of weights: seed, of weights, and of phases that start from a file", async () => {
  assert.equal(await startNote("street"), undefined);
  assert.equal(await startNote("street_mit"), undefined);
  assert.equal(await startNote("street_mit", "model.options.blocks=[1,1,1,1]", "model.weights="), undefined);
  const published = ["gtav_to_cityscapes", "data.root=/data"] as const;
  assert.equal(await startNote(...published, "model.weights=seed"), undefined);
  assert.equal(await startNote(...published, "model.weights=r101.pth"), undefined);
  assert.equal(
    await startNote(...published, "phases=[{name: on, from: ./begun.safetensors}]"),
    undefined,
  );
});

Deno.test("check: a wrong tap is found beside other mistakes, and named in the words of --set", async () => {
  const tap = 'the model has no tap "layer5"; did you mean "layer1"?; ' +
    "model.options.heads adds more, as in {auxiliary: layer3}";
  const { code, stderr } = await checked(
    "street",
    "training.batch=0",
    "optimizer.options.lr=x",
    "losses.association.options.levels[0].tap=layer5",
  );
  assert.equal(code, 2);
  assert.equal(
    stderr,
    '--set optimizer.options.lr: expected a number: it is "x"\n' +
      "--set training.batch: must be at least 1: it is 0\n" +
      `--set losses.association.options.levels[0].tap: ${tap}\n`,
  );
  // Where the data is wrong, the number of classes is not known, but names are.
  const broken = await checked(
    "street",
    "data.source.type=nothing",
    "losses.association.options.levels[0].tap=layer5",
  );
  assert.match(
    broken.stderr,
    /^--set data\.source\.type: [^\n]*\n--set losses\.association[^\n]*layer5[^\n]*\n$/,
  );
});

Deno.test("check: a crop of less than a cell of a map that is read", async () => {
  const one = 'of which tap "layer4" makes one cell';
  const { code, stderr } = await checked("street", "input.crop=[7,4]");
  assert.deepEqual([code, stderr], [
    2,
    `--set input.crop: expected a side of at least 8 pixels, ${one}: it is 7 x 4\n`,
  ]);
  const coarsest = await checked("street", "input.crop=6", "losses.association.options.levels[0].tap=layer1");
  assert.match(
    coarsest.stderr,
    /expected a side of at least 8 pixels, of which tap "probabilities" makes one cell: it is 6 x 6/,
  );
  const own = await checked("street", "input.streams={target: {crop: 7}}");
  assert.deepEqual([own.code, own.stderr], [
    2,
    `--set input.streams input.streams.target.crop: expected a side of at least 8 pixels, ${one}: it is 7 x 7\n`,
  ]);
  for (const crop of ["8", "[4, 8]"]) assert.equal((await checked("street", `input.crop=${crop}`)).code, 0);
});
