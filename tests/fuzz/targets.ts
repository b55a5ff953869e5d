/** What reads bytes that somebody else wrote. */
import { encode } from "fast-png";
import sharp from "sharp";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { ConfigError, DataError, UserError } from "../../core/errors.ts";
import { type Random } from "../../core/random.ts";
import { Registry } from "../../core/registry.ts";
import { decodeSafetensors, encodeSafetensors } from "../../weights/safetensors.ts";
import { decodeColours } from "../../datasets/colours.ts";
import { decodeDeep, decodeImage, decodeLabels } from "../../datasets/decode.ts";
import { folder } from "../../datasets/folder.ts";
import { readList } from "../../datasets/list_file.ts";
import { deeplabV2Names } from "../../models/deeplab_v2_names.ts";
import { describeWeights, weightsDescription } from "../../weights/describe.ts";
import { fitWeights } from "../../weights/mapping.ts";
import { jpegIsWhole, withoutStrayBytes } from "../../datasets/jpeg.ts";
import { orientationOf, tellsOrientation } from "../../datasets/orientation.ts";
import { pngIsWhole, pngPalette } from "../../datasets/png.ts";
import { readWeights } from "../../weights/read.ts";
import { RunLog } from "../../run_folder/log.ts";
import { dict, Made, Name, StorageTensor, torchLegacy, torchZip, Tuple, vector } from "../weights/pickles.ts";
import { withoutChecksums } from "../weights/zip_files.ts";
import { mutateBytes, mutateText } from "./mutate.ts";

/** A reader with examples of what it reads. */
export interface Target {
  readonly name: string;
  /** Undamaged inputs. */
  examples(): Promise<readonly Uint8Array[]>;
  mutate(example: Uint8Array, random: Random): Uint8Array;
  /** Resolves, or rejects with a UserError. Anything else is a fault of ours. */
  read(bytes: Uint8Array): Promise<unknown>;
}

const text = new TextEncoder();

const inText = (example: Uint8Array, random: Random) =>
  text.encode(mutateText(new TextDecoder().decode(example), random));

const RECIPES = new URL("../../recipes/", import.meta.url);

const recipe: Target = {
  name: "recipe",
  async examples() {
    const found: Uint8Array[] = [];
    for (const { name, isFile } of Deno.readDirSync(RECIPES)) {
      if (isFile) found.push(await Deno.readFile(new URL(name, RECIPES)));
    }
    return [...found, text.encode(OWN_IMAGES)];
  },
  mutate: inText,
  async read(bytes) {
    const recipe = new TextDecoder().decode(bytes);
    const plan = await loadRecipe({ path: "fuzz.yaml" }, {
      registry: builtins(),
      overrides: ["data.root=/nowhere"],
      cwd: "/nowhere",
      readText: (path) => path.endsWith("fuzz.yaml") ? Promise.resolve(recipe) : ownRecipe(path),
      importPlugin: () => Promise.reject(new UserError("a recipe that is only read imports nothing")),
    });
    // What was accepted can be written down and read again.
    JSON.stringify(plan.resolved);
  },
};

/** Images of one's own, with what their files say. */
const OWN_IMAGES = `extends: street
baseline: null
data:
  root: .
  source:
    type: folder
    images: photos
    labels: { folder: masks, by: colour }
    classes: &classes { road: [[128, 64, 128]], sky: ["#4682b4", [1, 2, 3]] }
    ignore: [0, 0, 0]
    rotation: apply
    range: [0, 4095]
  target: { type: folder, images: more, classes: *classes, labels: { by: colour }, rotation: ignore }
  val: { type: folder, list: val.txt, classes: { road: [7], sky: [8, 9] }, labels: { by: index } }
  test: null
`;

/** What the recipes that come with plca extend. */
async function ownRecipe(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(new URL(path.split("/").at(-1)!, RECIPES));
  } catch (cause) {
    throw new UserError("there is no such file", { cause });
  }
}

const size = { width: 9, height: 7 };
const pixels = (count: number) => Uint8Array.from({ length: 63 * count }, (_, k) => (k * 37) % 251);

const labels: Target = {
  name: "label PNG",
  examples: () =>
    Promise.resolve([
      encode({ ...size, channels: 1, data: pixels(1) }),
      encode({ ...size, channels: 1, depth: 16, data: Uint16Array.from(pixels(1), (id) => id * 200) }),
      encode({
        ...size,
        channels: 1,
        data: pixels(1).map((id) => id % 3),
        palette: [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
      }),
    ]),
  mutate: (example, random) =>
    random.next() < 0.5 ? withChecksums(mutateBytes(example, random)) : mutateBytes(example, random),
  read: (bytes) => Promise.resolve().then(() => decodeLabels(bytes, "labels.png")),
};

const colours: Target = {
  name: "label colours",
  async examples() {
    const [grey, , palette] = await labels.examples();
    return [
      grey!,
      palette!,
      encode({ ...size, channels: 3, data: pixels(3) }),
      encode({ ...size, channels: 3, depth: 16, data: Uint16Array.from(pixels(3), (value) => value * 257) }),
      encode({ ...size, channels: 1, depth: 1, data: pixels(1).subarray(0, 14) }),
    ];
  },
  mutate: labels.mutate,
  read: (bytes) => Promise.resolve().then(() => decodeColours(bytes, "labels.png")),
};

/** What is told of files before they are decoded: it never fails, and what is taken out leaves a JPEG. */
const told: Target = {
  name: "what files say",
  async examples() {
    const raw = { raw: { ...size, channels: 3 as const } };
    const picture = () => sharp(pixels(3), raw).withMetadata({ orientation: 6 });
    const files = [picture().jpeg(), picture().png(), picture().webp(), picture().tiff()];
    return (await Promise.all(files.map((file) => file.toBuffer()))).map((bytes) => new Uint8Array(bytes));
  },
  mutate: mutateBytes,
  read: (bytes) =>
    Promise.resolve().then(() => {
      const orientation = orientationOf(bytes);
      if (!(orientation >= 1 && orientation <= 8)) throw new Error(`orientation ${orientation}`);
      tellsOrientation(bytes.subarray(0, 100));
      pngPalette(bytes);
      pngIsWhole(bytes);
      const mended = withoutStrayBytes(bytes);
      if (mended && (!jpegIsWhole(mended) || mended.length >= bytes.length)) {
        throw new Error("a JPEG became none");
      }
      if (orientation !== 6) throw new UserError("its tag is gone");
    }),
};

const image: Target = {
  name: "image",
  async examples() {
    const raw = { raw: { ...size, channels: 3 as const } };
    return [
      encode({ ...size, channels: 3, data: pixels(3) }),
      new Uint8Array(await sharp(pixels(3), raw).jpeg().toBuffer()),
      new Uint8Array(await sharp(pixels(3), raw).jpeg({ progressive: true }).toBuffer()),
      new Uint8Array(await sharp(pixels(3), raw).png({ palette: true }).toBuffer()),
      new Uint8Array(await sharp(pixels(3), raw).webp({ lossless: true }).toBuffer()),
      new Uint8Array(await sharp(pixels(3), raw).tiff({ compression: "lzw" }).toBuffer()),
      new Uint8Array(await sharp(pixels(3), raw).tiff({ compression: "deflate" }).toBuffer()),
      encode({ ...size, channels: 1, depth: 16, data: Uint16Array.from(pixels(1), (value) => value * 16) }),
      new Uint8Array(await sharp(pixels(3), raw).withMetadata({ orientation: 7 }).jpeg().toBuffer()),
    ];
  },
  mutate: (example, random) =>
    random.next() < 0.5 ? withChecksums(mutateBytes(example, random)) : mutateBytes(example, random),
  async read(bytes) {
    const plain = await decodeImage(bytes, "image");
    const turned = await decodeImage(bytes, "image", { rotation: "apply", range: [900, 3800] });
    const deep = await decodeDeep(bytes, "image");
    for (const { width, height, data } of [plain, turned, deep]) {
      if (data.length !== 3 * width * height) {
        throw new Error(`${data.length} samples of ${width} x ${height}`);
      }
    }
  },
};

const LIST =
  "image\tlabels\na/1.png\tb/1.png\na/2.png\tb/2.png\n# more\n\n'a 3.png' \"b/3.png\"\na\\4.png b/4.png\n";

const list: Target = {
  name: "list file",
  examples: () => {
    const codes = Uint16Array.from(`\ufeff${LIST}`, (letter) => letter.charCodeAt(0));
    const wide = new Uint8Array(codes.buffer);
    const turned = wide.map((_, at) => wide[at ^ 1]!);
    return Promise.resolve([text.encode(LIST), wide, wide.slice(2), turned]);
  },
  mutate: (example, random) => random.next() < 0.5 ? inText(example, random) : mutateBytes(example, random),
  read: (bytes) =>
    readList({ read: () => Promise.resolve(bytes), list: () => Promise.resolve([]) }, "list.txt"),
};

/** Names of files, one a line, those of labels behind a blank line: what a dataset of folders makes of them. */
const folders: Target = {
  name: "folders",
  examples: () =>
    Promise.resolve(
      [
        "a.jpg\nb.png\nc.tif\nd.webp\ne.bmp\n\na.png\nb.png\nc.png\nd.png\nd.json\n",
        "a.jpg\na_L.png\nb.png\nb_L.png\n._a.png\nsub/a.jpg\nsub/a_L.png\n",
        "a.jpg\na.png\nb.webp\nb.png\nsub/a.jpg\nsub/a.png\nq.png\n",
        "\u00e9.jpg\na.jpg\na_mask.jpg\n\ne\u0301.png\na.png\na_mask.png\n",
      ].map((names) => text.encode(names)),
    ),
  mutate: inText,
  async read(bytes) {
    const [images = "", labels = ""] = new TextDecoder().decode(bytes).split("\n\n");
    const lines = (names: string) => [...new Set(names.split("\n"))].filter((name) => name !== "").sort();
    const listed = new Map([["/d", ["x"]], ["/d/i", lines(images)], ["/d/l", lines(labels)]]);
    const files = {
      read: (path: string) => Promise.reject(new DataError(path, "nothing is read")),
      list: (path: string) => Promise.resolve(listed.get(path)!),
    };
    const options = {
      images: "i",
      labels: labels === "" ? "i" : "l",
      label_suffix: images.includes("_L") ? "_L" : "",
      classes: { a: [0], b: [1] },
    };
    const plan = new Registry([folder]).plan("dataset", { type: "folder", options });
    const missing: DataError[] = [];
    const onMissing = (told: readonly DataError[]) => void missing.push(...told);
    const { ids = [], taken = [] } = await plan.open({ root: "/d", seed: 0, files, onMissing });
    if (new Set(ids).size < ids.length) throw new Error("an id comes twice");
    for (const { of, taken: used, passedOver, as } of taken) {
      const others = passedOver.reduce((sum, { count }) => sum + count, 0);
      if (used + others > of) throw new Error(`${as}: ${used} and ${others} are more than ${of}`);
    }
    if (missing[0]) throw missing[0];
  },
};

const safetensors: Target = {
  name: "safetensors",
  examples: () =>
    Promise.resolve([encodeSafetensors({
      tensors: new Map([
        ["a", { dtype: "F32", shape: [2, 3], data: new Float32Array(6) }],
        ["b", { dtype: "I32", shape: [], data: new Int32Array(1) }],
      ]),
      metadata: { producer: "plca", format: "1" },
    })]),
  mutate: (example, random) =>
    random.next() < 0.5 ? withHeaderLength(inText(example, random)) : mutateBytes(example, random),
  read: (bytes) => Promise.resolve().then(() => decodeSafetensors(bytes, "x.safetensors")),
};

const TORCH = new URL("../goldens/torch/", import.meta.url);

const torch: Target = {
  name: "PyTorch file",
  async examples() {
    const [zip, legacy, bare] = await Promise.all(
      ["sample_zip.pth", "sample_legacy.pth", "bare_state_dict.pth"].map((name) =>
        Deno.readFile(new URL(name, TORCH))
      ),
    );
    // Without checksums the damage comes as far as the description.
    return [withoutChecksums(zip!), legacy!, withoutChecksums(bare!), bare!];
  },
  mutate: mutateBytes,
  read: (bytes) =>
    Promise.resolve().then(() => {
      // A tensor's elements are brought together when they are asked for.
      for (const tensor of readWeights(bytes, "x.pth").tensors.values()) tensor.read();
    }),
};

/** DeepLab-v2's names with small shapes, as files have them. */
function smallNetwork(prefix: string, first = 0): Map<string, unknown> {
  const names = ["conv1.weight", "bn1.weight", "layer1.0.conv1.weight"].map((name) => `backbone.${name}`);
  return new Map(
    [...names, "classifier.0.convs.0.0.weight"].map((name, k) => [prefix + name, vector(3, first + k)]),
  );
}

const OTHER_FILES = text.encode(
  'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n<html><title>no</title>\n{"error": 1}\n',
);

const found: Target = {
  name: "checkpoint as found",
  examples() {
    const values = [
      {
        state_dict: smallNetwork("module._orig_mod."),
        best: vector(1),
        args: new Made("argparse.Namespace", []),
      },
      { model: smallNetwork("model."), model_ema: smallNetwork("model.", 9), epoch: 3 },
      {
        checkpoint: dict({ model: smallNetwork("net.") }),
        counter: new Made("collections.Counter", [new Map([[1, 2]])]),
        scalar: new Made("numpy.core.multiarray.scalar", [
          new Made("numpy.dtype", ["f2"]),
          new Uint8Array(2),
        ]),
        array: new Made("numpy.core.multiarray._reconstruct", [new Name("numpy.ndarray"), new Tuple([0])], {
          state: new Tuple([1, new Tuple([2]), new Made("numpy.dtype", ["f4"]), false, new Uint8Array(8)]),
        }),
        own: new Made("project.Config", [], { isNew: true, items: dict({ a: [1, 2.5] }), state: dict({}) }),
        odd: new StorageTensor("torch.ComplexFloatStorage", [1], new Uint8Array(8)),
      },
    ].map(dict);
    const zips = values.map((value) => withoutChecksums(torchZip(value)));
    return Promise.resolve([...zips, ...values.map(torchLegacy)]);
  },
  // A download may be anything else.
  mutate: (example, random) =>
    random.next() < 0.9 ? mutateBytes(example, random) : inText(OTHER_FILES, random),
  read: (bytes) =>
    Promise.resolve().then(() => {
      const file = readWeights(bytes, "x.pth");
      const names = deeplabV2Names({ heads: 0, branches: 4 });
      describeWeights("x.pth", weightsDescription(file, [{ model: "deeplab-v2", names }]));
      const wanted = [...smallNetwork("").keys()].map((name) => ({ name, shape: [3] }));
      const fitting = { path: "x.pth", file, names, wanted, classes: ["a", "b", "c"] };
      for (const more of [{ take: "model" }, { without: ["classifier"] }, {}]) {
        try {
          fitWeights({ ...fitting, ...more });
        } catch (error) {
          // An example fits one of them only.
          if (!isClear(error) || file.tensors.size === 0) throw error;
        }
      }
    }),
};

/** The header's length as it is now, so that its JSON is looked at. */
function withHeaderLength(bytes: Uint8Array): Uint8Array {
  const end = bytes.lastIndexOf("}".charCodeAt(0));
  if (bytes.length >= 8 && end > 8) new DataView(bytes.buffer).setBigUint64(0, BigInt(end - 7), true);
  return bytes;
}

/** Gives the chunks of a PNG their right checksums, so that what they say is looked at. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) break;
    view.setUint32(at + 8 + length, crc(bytes.subarray(at + 4, at + 8 + length)));
    at += 12 + length;
  }
  return bytes;
}

function crc(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let k = 0; k < 8; k++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/** As a run leaves it. */
const EVENTS = `${
  [
    { time: "2030-01-02T00:00:00.000Z", type: "start", phase: "street", steps: 400, batch: 4 },
    ...[1, 2, 3].map((step) => ({
      time: "2030-01-02T00:00:01.000Z",
      type: "step",
      phase: "street",
      step,
      steps: 400,
      rate: 2.5,
      terms: { "cross-entropy": 2.5, "association/layer4": 1 },
      total: 3.5,
      learningRate: 0.01,
      slowest: { rank: 1, host: "node2", times: 1.5 },
    })),
    { type: "diagnostics", phase: "street", step: 3, values: { "entropy/target": 0.25 } },
    {
      type: "validation",
      phase: "street",
      step: 3,
      miou: 0.5,
      subsets: [{ name: "mIoU of 1", classes: ["road"], miou: 0.5 }],
      labelSize: "original 9x7",
      pixelAccuracy: 0.5,
      iou: [0.5, null],
      best: true,
    },
    { type: "checkpoint", phase: "street", step: 3, path: "runs/a/checkpoints/best.safetensors" },
    { type: "note", phase: "street", message: "a note" },
    { type: "end", phase: "street", step: 3, interrupted: true },
    { type: "resume", phase: "street", step: 2 },
    { type: "failure", phase: "street", message: "a fault" },
  ].map((event) => JSON.stringify(event)).join("\n")
}\n`;

const events: Target = {
  name: "event log",
  examples: () => Promise.resolve([text.encode(EVENTS)]),
  mutate: (example, random) => random.next() < 0.5 ? inText(example, random) : mutateBytes(example, random),
  read: (bytes) =>
    Promise.resolve().then(() => {
      const log = new RunLog("events.jsonl");
      log.add(bytes.subarray(0, bytes.length >> 1));
      log.add(bytes.subarray(bytes.length >> 1));
      for (const { series } of log.phases) {
        for (const { steps } of series.values()) {
          if (steps.some((step, k) => !(step > (steps[k - 1] ?? -1)))) throw new Error("steps do not rise");
        }
      }
      // A damaged line costs itself, and is named.
      const [problem] = log.problems.shown;
      if (problem !== undefined) throw new UserError(problem);
    }),
};

/** All of them. */
export const TARGETS: readonly Target[] = [
  recipe,
  labels,
  colours,
  image,
  told,
  list,
  folders,
  safetensors,
  torch,
  found,
  events,
];

/** Whether the error is one that speaks to the person. */
export function isClear(error: unknown): boolean {
  return error instanceof UserError || error instanceof ConfigError;
}
