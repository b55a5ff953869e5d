/** Which tensors of a file become which of DeepLab-v2, in which order of classes, and what reports and errors say. */
import assert from "node:assert/strict";
import { readGoldenJson } from "../goldens.ts";
import { encodeSafetensors } from "../../weights/safetensors.ts";
import { firstNonFinite, type StoredTensor } from "../../weights/stored_tensor.ts";
import { CITYSCAPES_SPACES } from "../../datasets/cityscapes_classes.ts";
import { deeplabV2Names } from "../../models/deeplab_v2_names.ts";
import { inClassOrder } from "../../weights/export.ts";
import { describeImport, fitWeights } from "../../weights/mapping.ts";
import type { Fitting } from "../../weights/fitting.ts";
import { readWeights } from "../../weights/read.ts";
import { encodeTorch } from "../../weights/write_torch.ts";

/** The published network's names with small shapes: a classifier of [classes, 2, 1, 1], everything else [3]. */
function network(classes: number, { bias = false } = {}): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  let value = 0;
  const add = (name: string, shape: readonly number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    tensors.set(name, { dtype: "F32", shape, data: Float32Array.from({ length: size }, () => value++) });
  };
  for (const name of Object.keys(readGoldenJson<object>("deeplabv2_resnet101_state_dict.json"))) {
    if (name.startsWith("classifier")) {
      add(name, [classes, 2, 1, 1]);
      if (bias) add(name.replace(/weight$/, "bias"), [classes]);
    } else if (name.endsWith("num_batches_tracked")) {
      tensors.set(name, { dtype: "I64", shape: [], data: new BigInt64Array(1) });
    } else add(name, [3]);
  }
  return tensors;
}

const renamed = (tensors: ReadonlyMap<string, StoredTensor>, to: (name: string) => string | undefined) =>
  new Map([...tensors].flatMap(([name, tensor]) => {
    const other = to(name);
    return other === undefined ? [] : [[other, tensor] as const];
  }));

const CLASSES = CITYSCAPES_SPACES["cityscapes-19"].classes;

/** Fits a PyTorch file to the network of 19 classes, or what `more` says. */
function fit(
  tensors: ReadonlyMap<string, StoredTensor>,
  { wrapper, model = network(19), ...more }: Partial<Fitting> & {
    readonly wrapper?: string;
    readonly model?: ReadonlyMap<string, StoredTensor>;
  } = {},
) {
  return fitWeights({
    path: "x.pth",
    file: readWeights(encodeTorch(tensors, { wrapper }), "x.pth"),
    names: deeplabV2Names({ heads: 0, branches: 4 }),
    wanted: [...model].filter(([name]) => !name.endsWith("tracked")).map(([name, { shape }]) => ({
      name,
      shape,
    })),
    classes: CLASSES,
    ...more,
  });
}

const backboneOf = (name: string) => /^backbone\.(.*)$/.exec(name)?.[1];

/** What holds for all files here: what is used is the original, under the network's own name. */
function sameAsNetwork(fitted: ReturnType<typeof fit>, original = network(19)): void {
  for (const [name, tensor] of fitted.tensors) assert.deepEqual(tensor, original.get(name), name);
}

const layer5 = (name: string) => {
  const [, k, what] = /^classifier\.0\.convs\.(\d)\.0\.(.*)$/.exec(name) ?? [];
  return k === undefined ? backboneOf(name) : `layer5.conv2d_list.${k}.${what}`;
};

const vector = (length: number, value: number): StoredTensor => ({
  dtype: "F32",
  shape: [length],
  data: new Float32Array(length).fill(value),
});

const ALL = "num_batches_tracked (104)";

Deno.test("own names, with and without module.", () => {
  for (const prefix of ["", "module."]) {
    const fitted = fit(renamed(network(19), (name) => prefix + name));
    sameAsNetwork(fitted);
    assert.equal(describeImport(fitted.report), `524 tensors used (plca names); skipped: ${ALL}`);
    assert.deepEqual(fitted.unexpected, []);
  }
});

Deno.test("torchvision's and caffe's ResNet: the backbone; fc is skipped, the classifier keeps its start", () => {
  const file = renamed(network(19), backboneOf).set("fc.weight", vector(5, 1)).set("fc.bias", vector(5, 1));
  const fitted = fit(file);
  sameAsNetwork(fitted);
  assert.equal(
    describeImport(fitted.report),
    `520 tensors used (torchvision names); skipped: ${ALL}, fc (2); classifier: 4 tensors, initialised anew`,
  );
  assert.deepEqual(fitted.report.warnings, []);
  assert.deepEqual(fitted.report.initialised, [
    { group: "classifier", names: [0, 1, 2, 3].map((k) => `classifier.0.convs.${k}.0.weight`) },
  ]);
});

Deno.test("DeepLab-v2 with layer5, Scale. and module. in front", () => {
  const fitted = fit(renamed(network(19), (name) => layer5(name) && `module.Scale.${layer5(name)}`));
  sameAsNetwork(fitted);
  assert.equal(
    describeImport(fitted.report),
    `524 tensors used (DeepLab-v2 (layer5) names); skipped: ${ALL}`,
  );
});

Deno.test("DeepLab-v2 with layer6: layer5 sits on layer3 and is skipped", () => {
  const file = renamed(network(19), (name) => layer5(name)?.replace(/^layer5/, "layer6"))
    .set("layer5.conv2d_list.0.weight", vector(5, 1));
  const fitted = fit(file);
  sameAsNetwork(fitted);
  assert.equal(
    describeImport(fitted.report),
    `524 tensors used (DeepLab-v2 (layer6) names); skipped: ${ALL}, layer5 (1)`,
  );
});

Deno.test("biases: used where the model has them, else skipped, with a warning unless they are zero", () => {
  const biased = network(19, { bias: true });
  const used = fit(renamed(biased, layer5), { model: biased });
  sameAsNetwork(used, biased);
  assert.equal(used.report.used.length, 528);

  const skipped = fit(renamed(biased, layer5));
  assert.equal(
    describeImport(skipped.report),
    `524 tensors used (DeepLab-v2 (layer5) names); skipped: ${ALL}, classifier (4)`,
  );
  assert.deepEqual(skipped.report.warnings, [
    "the file's classifier has biases other than zero and the model none: with model.options.classifier_bias: true they are used",
  ]);
  assert.equal(skipped.unexpected.length, 4);

  const zeros = renamed(network(19), layer5);
  for (const k of [0, 1, 2, 3]) zeros.set(`layer5.conv2d_list.${k}.bias`, vector(19, 0));
  assert.deepEqual(fit(zeros).report.warnings, []);
});

Deno.test("a published checkpoint's classes are put into the recipe's order by name", () => {
  for (const [space, wrapper] of [["cityscapes-19", "weights"], ["synthia-16", "weights"]] as const) {
    const { classes } = CITYSCAPES_SPACES[space];
    const original = network(classes.length);
    const options = {
      path: "x",
      names: deeplabV2Names({ heads: 0, branches: 4 }),
      classes,
      classOrder: "published",
    };
    const published = inClassOrder(original, options);
    const name = "classifier.0.convs.1.0.weight";
    // Road is the third class of the published order and the first of Cityscapes'.
    assert.deepEqual(published.get(name)!.data.slice(4, 6), original.get(name)!.data.slice(0, 2));
    const fitted = fit(published, { wrapper, classes, model: original });
    sameAsNetwork(fitted, original);
    assert.match(
      describeImport(fitted.report),
      /^524 tensors used \(published PLCA names, published class order\); /,
    );

    const parallel = renamed(published, (each) => `module.${each}`);
    sameAsNetwork(fit(parallel, { wrapper, classes, model: original }), original);

    const asNumbered = fit(published, { wrapper, classes, model: original, classOrder: "ours" });
    assert.deepEqual(asNumbered.tensors.get(name), published.get(name));
    const bare = fit(published, { classes, model: original, classOrder: "published" });
    sameAsNetwork(bare, original);
    // A safetensors file has no key to tell; its metadata does.
    const bytes = encodeSafetensors({ tensors: published, metadata: { class_order: "published" } });
    sameAsNetwork(fit(published, { file: readWeights(bytes, "x"), classes, model: original }), original);
  }
});

const REFUSED: readonly (readonly [what: string, run: () => unknown, message: string])[] = [
  [
    "a checkpoint of 16 classes for 19",
    () => fit(network(16), { wrapper: "weights" }),
    "x.pth: the classifier has 16 classes, the recipe 19; to start from the rest, leave it out: " +
    "--without classifier with plca weights import, or weights: {file: ..., without: [classifier]} in a recipe",
  ],
  [
    "classes that the published order does not have",
    () => fit(network(19), { wrapper: "weights", classes: CLASSES.with(3, "tree") }),
    'x.pth: its classes are in the published order, whose first 19 are without "tree"; if they are in the recipe\'s own, convert it with plca weights import --class-order ours',
  ],
  [
    "an order that the model does not know",
    () => fit(network(19), { classOrder: "alphabetical" }),
    'x.pth: there is no class order "alphabetical" for this model; expected one of ours, published',
  ],
  [
    "metadata with a made-up order",
    () => {
      const bytes = encodeSafetensors({ tensors: network(19), metadata: { class_order: "constructor" } });
      return fit(network(19), { file: readWeights(bytes, "x") });
    },
    'x.pth: there is no class order "constructor" for this model; expected one of ours, published',
  ],
  [
    "another shape",
    () => fit(network(19).set("backbone.bn1.weight", vector(4, 1)).set("backbone.bn1.bias", vector(4, 1))),
    "x.pth: backbone.bn1.weight: the file has shape [4], the model [3], and 1 more differ",
  ],
  [
    "a weight that is NaN, in the classifier that is reordered",
    () => {
      const head = vector(38, 1);
      head.data[37] = NaN;
      const file = network(19).set("classifier.0.convs.3.0.weight", { ...head, shape: [19, 2, 1, 1] });
      return fit(renamed(file, (name) => `module.${name}`), { wrapper: "weights" });
    },
    "x.pth: module.classifier.0.convs.3.0.weight: number 38 of its 38 is NaN; expected finite numbers",
  ],
  [
    "a running variance that is infinite in float16",
    () =>
      fit(
        network(19).set("backbone.bn1.running_var", {
          dtype: "F16",
          shape: [3],
          data: new Float16Array([1, -Infinity, 1]),
        }),
      ),
    "x.pth: backbone.bn1.running_var: number 2 of its 3 is -Infinity; expected finite numbers",
  ],
  [
    "a float64 that float32 cannot hold",
    () =>
      fit(
        network(19).set("backbone.bn1.bias", {
          dtype: "F64",
          shape: [3],
          data: new Float64Array([-1e300, 1, 1]),
        }),
      ),
    "x.pth: backbone.bn1.bias: number 1 of its 3 is -1e+300, beyond float32's range; expected finite numbers",
  ],
  [
    "a file of another network",
    () =>
      fit(new Map([["encoder.a", vector(1, 1)], ["encoder.b", vector(1, 1)], ["encoder.c", vector(1, 1)]])),
    "x.pth: none of its 3 tensors (encoder.a, encoder.b, ...) belongs to the model; expected names such as backbone.conv1.weight, backbone.bn1.weight, ...",
  ],
  [
    "two tensors for one name",
    () => fit(network(19).set("module.backbone.bn1.weight", vector(3, 1))),
    "x.pth: backbone.bn1.weight and module.backbone.bn1.weight both stand for backbone.bn1.weight; expected one of them",
  ],
  [
    "an export in an order without the recipe's classes",
    () =>
      inClassOrder(network(2), {
        path: "x.pth",
        names: deeplabV2Names({ heads: 0, branches: 4 }),
        classes: ["sky", "tree"],
        classOrder: "published",
      }),
    'x.pth: the first 2 classes of the published order are without "tree" of the recipe',
  ],
];

for (const [what, run, message] of REFUSED) {
  Deno.test(`${what}: one line`, () => {
    assert.throws(run, { name: "UserError", message });
  });
}

Deno.test("what is not finite in a tensor that is skipped matters to nobody", () => {
  const fitted = fit(network(19).set("fc.weight", vector(5, NaN)));
  assert.deepEqual(fitted.report.skipped.map(({ group }) => group), ["num_batches_tracked", "fc"]);
});

Deno.test("firstNonFinite finds the last of 45 million weights, and nothing among finite ones", () => {
  const data = new Float32Array(45_000_000);
  assert.equal(firstNonFinite(data), -1);
  for (const value of [NaN, Infinity, -Infinity]) {
    data[44_999_999] = value;
    assert.equal(firstNonFinite(data), 44_999_999);
  }
});

Deno.test("names of tensors cannot write to the terminal from the report", () => {
  const fitted = fit(network(19).set("\x1b[2J\nfoo\x9b1m.weight", vector(1, 1)));
  assert.equal(
    describeImport(fitted.report),
    `524 tensors used (plca names); skipped: ${ALL}, ?[2J?foo?1m (1)`,
  );
});

Deno.test("networks of another depth are warned of", () => {
  const shallow = renamed(network(19), (name) => /layer3\.\d\d\./.test(name) ? undefined : name);
  const [missing] = fit(shallow).report.warnings;
  assert.equal(
    missing,
    "195 of the model's 520 tensors of backbone are not in the file: is it of another network?",
  );
  const [extra] = fit(network(19), { model: shallow }).report.warnings;
  assert.equal(extra, "195 tensors of backbone have no place in the model: is it another network?");
});

/** The network with a second head, on layer3. */
function twoHeads(branches = 4): Map<string, StoredTensor> {
  const model = network(19);
  for (const [name, { shape, data }] of [...model]) {
    const k = /^classifier\.0\.convs\.(\d)/.exec(name)?.[1];
    if (k === undefined) continue;
    const other = Float32Array.from(data as Float32Array, (value) => value + 0.5);
    if (Number(k) >= branches) model.delete(name);
    else model.set(name.replace("classifier.0", "classifier.1"), { dtype: "F32", shape, data: other });
  }
  return model;
}

/** As AdaptSeg and its descendants call the two: layer6 is the main one. */
const family = (name: string) => {
  const [, place, k, what] = /^classifier\.(\d)\.convs\.(\d)\.0\.(.*)$/.exec(name) ?? [];
  return place === undefined ? backboneOf(name) : `layer${place === "0" ? 6 : 5}.conv2d_list.${k}.${what}`;
};

Deno.test("a network with two heads takes layer5 for the further and layer6 for the main one", () => {
  const names = deeplabV2Names({ heads: 1, branches: 4 });
  const fitted = fit(renamed(twoHeads(), family), { model: twoHeads(), names });
  sameAsNetwork(fitted, twoHeads());
  assert.equal(
    describeImport(fitted.report),
    `528 tensors used (DeepLab-v2 (layer6) names); skipped: ${ALL}`,
  );
});

Deno.test("of one classifier only, a network with two heads takes it for the main one", () => {
  const names = deeplabV2Names({ heads: 1, branches: 4 });
  const fitted = fit(renamed(network(19), layer5), { model: twoHeads(), names });
  sameAsNetwork(fitted);
  assert.deepEqual(fitted.report.initialised.map(({ names }) => names.length), [4]);
});

Deno.test("branches that are never summed have no place and are skipped", () => {
  const names = deeplabV2Names({ heads: 1, branches: 2 });
  for (const file of [renamed(twoHeads(), family), twoHeads()]) {
    const fitted = fit(file, { model: twoHeads(2), names });
    sameAsNetwork(fitted, twoHeads());
    assert.equal(fitted.report.used.length, 524);
    assert.deepEqual([fitted.report.warnings, fitted.unexpected], [[], []]);
  }
});

Deno.test("a network without further heads takes a checkpoint that has them", () => {
  const fitted = fit(twoHeads());
  sameAsNetwork(fitted);
  assert.deepEqual([fitted.report.warnings, fitted.unexpected], [[], []]);
});
