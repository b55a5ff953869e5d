/** A run on folders of images whose names are markup. */
import { encode } from "fast-png";
import assert from "node:assert/strict";
import { join } from "node:path";
import { plca } from "../cli/fake_host.ts";

const NOTE = '<img src=x onerror="window.taken=1"></script><script>window.taken=2</script>';
const CLASSES = ['<img src=x onerror="window.taken=3">', "<b>bold</b>&amp;", "\u202eright to left"];
const IMAGE = "<b>bold onerror=alert(1)";

async function writeImages(folder: string, labels: boolean): Promise<void> {
  await Deno.mkdir(join(folder, "images"), { recursive: true });
  if (labels) await Deno.mkdir(join(folder, "labels"), { recursive: true });
  for (const [k, name] of [IMAGE, "other"].entries()) {
    const pixels = (channels: number, value: (pixel: number) => number) =>
      encode({
        width: 40,
        height: 32,
        channels,
        data: Uint8Array.from({ length: 40 * 32 * channels }, (_, at) => value(Math.floor(at / channels))),
      });
    await Deno.writeFile(
      join(folder, "images", `${name}.png`),
      pixels(3, (pixel) => (7 * pixel + 90 * k) % 256),
    );
    if (labels) {
      await Deno.writeFile(
        join(folder, "labels", `${name}.png`),
        pixels(1, (pixel) => Math.floor(3 * (pixel % 40) / 40)),
      );
    }
  }
}

function recipe(): string {
  const classes = `classes: { ${CLASSES.map((name, id) => `${JSON.stringify(name)}: [${id}]`).join(", ")} }`;
  return `extends: street
backend: wasm
data:
  root: .
  source: { type: folder, images: source/images, labels: source/labels, ${classes} }
  target: { type: folder, images: target/images, ${classes} }
  val: null
  test: null
baseline: null
input: { crop: 32 }
model: { options: { width: 0.0625 } }
training: { steps: 2, batch: 2 }
`;
}

/** What is hostile, and how it is trained into `folder/run`. */
export const hostileRun = {
  note: NOTE,
  classes: CLASSES,
  image: IMAGE,
  async make(folder: string): Promise<string> {
    await writeImages(join(folder, "source"), true);
    await writeImages(join(folder, "target"), false);
    await Deno.writeTextFile(join(folder, "hostile.yaml"), recipe());
    const { code, stderr } = await plca(["train", "hostile.yaml", "--run", "run"], { cwd: folder });
    assert.equal(code, 0, stderr);
    const note = { time: "2030-01-02T00:00:00Z", type: "note", phase: "hostile", message: NOTE };
    await Deno.writeTextFile(join(folder, "run/events.jsonl"), `${JSON.stringify(note)}\n`, { append: true });
    return join(folder, "run");
  },
} as const;
