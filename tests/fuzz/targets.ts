/** What reads bytes that somebody else wrote. */
import { encode } from "fast-png";
import sharp from "sharp";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { ConfigError, DataError, UserError } from "../../core/errors.ts";
import { type Random } from "../../core/random.ts";
import { Registry } from "../../core/registry.ts";
import { decodeSafetensors, encodeSafetensors } from "../../weights/safetensors.ts";
import { decodeImage, decodeLabels } from "../../datasets/decode.ts";
import { folder } from "../../datasets/folder.ts";
import { readList } from "../../datasets/list_file.ts";
import { readWeights } from "../../weights/read.ts";
import { RunLog } from "../../run_folder/log.ts";
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
    return found;
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
    ]),
  mutate: (example, random) =>
    random.next() < 0.5 ? withChecksums(mutateBytes(example, random)) : mutateBytes(example, random),
  read: (bytes) => Promise.resolve().then(() => decodeLabels(bytes, "labels.png")),
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
    ];
  },
  mutate: (example, random) =>
    random.next() < 0.5 ? withChecksums(mutateBytes(example, random)) : mutateBytes(example, random),
  read: (bytes) => decodeImage(bytes, "image"),
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
    const { ids = [], files: taken = [] } = await plan.open({ root: "/d", seed: 0, files, onMissing });
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
export const TARGETS: readonly Target[] = [recipe, labels, image, list, folders, safetensors, torch, events];

/** Whether the error is one that speaks to the person. */
export function isClear(error: unknown): boolean {
  return error instanceof UserError || error instanceof ConfigError;
}
