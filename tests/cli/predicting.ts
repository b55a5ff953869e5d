/** A trained network in a folder, and images for it. */
import { dirname, join } from "node:path";
import { encode } from "fast-png";
import { folderTest, tinyRecipe, trainedOnce } from "./tiny.ts";

const RECIPE = tinyRecipe(`name: tiny
training: { steps: 1, batch: 2 }
optimizer: { options: { lr: 0.000001 } }
baseline: null
`);

/** A network that has hardly learnt, and so tells many classes apart, made once: the folder of its run. */
const trained = trainedOnce(RECIPE);

/** Runs `body` in a folder with `runs/tiny-001`. @param ignore whether it cannot be run here */
export function predicting(
  name: string,
  body: (folder: string) => Promise<void>,
  ignore: boolean = false,
): void {
  const prepare = async (folder: string) => {
    const run = await trained();
    const files = ["config.yaml", join("checkpoints", "last.safetensors")];
    for (const file of files) {
      await put(join(folder, "runs", "tiny-001", file), await Deno.readFile(join(run, file)));
    }
  };
  if (ignore) Deno.test.ignore(name, () => {});
  else folderTest(name, prepare, body);
}

/** Writes a file and its folder. */
export async function put(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(path, bytes);
}

/** RGB that differs from pixel to pixel. */
export function pixels(width: number, height: number): Uint8Array {
  return Uint8Array.from(
    { length: width * height * 3 },
    (_, at) => (at * 53 + (at % 3) * 80 + at * at) % 256,
  );
}

/** A PNG of these pixels. */
export const png = (width: number, height: number, channels = 3) =>
  encode({
    width,
    height,
    channels,
    data: pixels(width * channels, height).subarray(0, width * height * channels),
  });
