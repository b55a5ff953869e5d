import { dirname, join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { selectBackend } from "../backends/select.ts";
import { DataError, UserError } from "../core/errors.ts";
import type { PictureReading } from "../core/plugin.ts";
import { countOf } from "../core/words.ts";
import { decodeImage } from "../datasets/decode.ts";
import { diskFiles } from "../datasets/files.ts";
import { orientationOf } from "../datasets/orientation.ts";
import { greyPng, labelPng, overlay } from "../report/pictures.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";
import { openPredictor, type Predictor } from "../train/mod.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { type ImageInput, imageInputs, refuseSameNames } from "./image_inputs.ts";
import { stopping } from "./input.ts";
import { type LabelClasses, labelClasses, legendText, paletteOf } from "./label_classes.ts";
import { planUnrun } from "./recipes.ts";
import { shown, stat } from "./run_folder.ts";
import { chooseWeights } from "./choose_weights.ts";

/** The files of one image, absolute; absent: not wanted. */
interface Outputs {
  readonly labels: string;
  readonly overlay?: string;
  readonly confidence?: string;
}

interface Job {
  readonly input: ImageInput;
  readonly outputs: Outputs;
}

/** `plca predict`: returns the exit status. @throws UserError before anything is predicted */
export async function predictCommand(host: Host, args: CommandOf<"predict">): Promise<number> {
  const { recipe, checkpoint } = await chooseWeights(host, args);
  // A recipe may need the folder of its data to be planned, but no data of it are read.
  const plan = await planUnrun(host, { path: recipe, overrides: ["data.root=.", ...args.set] });
  const classes = labelClasses(plan.labelSpace, args.ids);
  const out = resolve(host.cwd, args.out);
  const info = await stat(out);
  if (info && !info.isDirectory) throw new UserError(`--out ${args.out}: it is a file, expected a folder`);
  const made = ["labels", "overlays", "confidence"].map((name) => join(out, name));
  const inputs = await imageInputs(host, args.images, made);
  refuseSameNames(host, inputs, args.out);
  const jobs = inputs.map((input) => ({ input, outputs: outputsOf(input, out, args) }));
  const legend = { path: join(out, "classes.json"), text: legendText(classes) };
  await refuseOverwriting(host, jobs, { legend, force: args.force });

  await selectBackend(plan.backend, plan);
  const predictor = await openPredictor(plan, { checkpoint, files: diskFiles() });
  try {
    await makeFolder(out);
    await writeWhole(legend.path, new TextEncoder().encode(legend.text));
    return await new Labelling(host, {
      args,
      checkpoint,
      predictor,
      // As the images that the network was made for.
      picture: plan.data.target.picture ?? {},
      classes,
      jobs,
    }).run();
  } finally {
    predictor.dispose();
  }
}

function outputsOf({ name }: ImageInput, out: string, args: CommandOf<"predict">): Outputs {
  const { overlays, confidence } = args;
  return {
    labels: join(out, "labels", `${name}.png`),
    ...(overlays === "none" ? {} : { overlay: join(out, "overlays", `${name}.${overlays}`) }),
    ...(confidence ? { confidence: join(out, "confidence", `${name}.png`) } : {}),
  };
}

async function refuseOverwriting(
  host: Host,
  jobs: readonly Job[],
  { legend, force }: { legend: { readonly path: string; readonly text: string }; force: boolean },
): Promise<void> {
  const images = new Set(jobs.map(({ input }) => input.path));
  const files = jobs.flatMap(({ outputs }) => Object.values(outputs) as string[]);
  const own = files.find((file) => images.has(file));
  if (own !== undefined) {
    throw new UserError(
      `${shown(host, own)} is one of the images and would be overwritten; choose another --out`,
    );
  }
  if (force) return;
  const existing: string[] = [];
  for (const file of files) if (await stat(file)) existing.push(file);
  if (existing.length > 0) {
    const more = existing.length > 1 ? ` and ${existing.length - 1} more` : "";
    throw new UserError(
      `${
        shown(host, existing[0]!)
      }${more} would be overwritten; choose another --out, or allow it with --force`,
    );
  }
  if (await stat(legend.path) && await Deno.readTextFile(legend.path) !== legend.text) {
    throw new UserError(
      `${shown(host, legend.path)} speaks of other classes than these; choose another --out, ` +
        "or overwrite it with --force",
    );
  }
}

interface LabellingOptions {
  readonly args: CommandOf<"predict">;
  readonly checkpoint: string;
  readonly predictor: Predictor;
  readonly picture: PictureReading;
  readonly classes: LabelClasses;
  readonly jobs: readonly Job[];
}

/** Labels one image after the other; no image is kept. */
class Labelling {
  readonly #host: Host;
  readonly #options: LabellingOptions;
  readonly #broken: string[] = [];
  readonly #turned: string[] = [];
  #done = 0;

  constructor(host: Host, options: LabellingOptions) {
    this.#host = host;
    this.#options = options;
  }

  async run(): Promise<number> {
    const { jobs } = this.#options;
    const { stderr } = this.#host;
    let interrupted = false;
    const stopListening = this.#host.onInterrupt((count) => {
      if (count > 1) this.#host.exit(130);
      stderr.write(stopping(this.#host));
      interrupted = true;
    });
    try {
      for (const [index, job] of jobs.entries()) {
        if (stderr.tty) stderr.write(`\r\x1b[Kimage ${index + 1}/${jobs.length}`);
        await this.#label(job);
        // Kernels run synchronously; a Ctrl-C gets its turn here.
        await setImmediate();
        if (interrupted && index + 1 < jobs.length) break;
        interrupted = false;
      }
    } catch (error) {
      this.#conclude(false);
      throw error;
    } finally {
      stopListening();
    }
    this.#conclude(interrupted);
    return interrupted ? 130 : this.#broken.length > 0 ? 2 : 0;
  }

  async #label({ input, outputs }: Job): Promise<void> {
    const { args, classes: { ids, colours } } = this.#options;
    const made = await this.#predict(input.path);
    if (!made) return;
    const { width, height, image, labels, confidence } = made;
    const plane = (data: Uint8Array) => ({ width, height, data });
    await write(
      outputs.labels,
      labelPng(plane(labels.map((id) => ids[id]!)), paletteOf(this.#options.classes)),
    );
    if (outputs.overlay !== undefined && args.overlays !== "none") {
      const options = { colours, opacity: args.opacity, format: args.overlays };
      await write(outputs.overlay, await overlay(image, plane(labels), options));
    }
    if (outputs.confidence !== undefined) await write(outputs.confidence, greyPng(plane(confidence!)));
    this.#done += 1;
    this.#tell({ image: input.path, width, height, ...outputs });
  }

  /** Undefined, after noting why, when the image cannot be read. @throws UserError when the backend has no memory for it */
  async #predict(path: string) {
    const { args: { confidence }, predictor, picture } = this.#options;
    const name = shown(this.#host, path);
    try {
      const bytes = await diskFiles().read(path);
      const { width, height, data: image } = await decodeImage(bytes, path, picture);
      const found = await predictor.predict({ width, height, image }, { confidence });
      if (picture.rotation !== "apply" && orientationOf(bytes) !== 1) this.#turned.push(name);
      return { width, height, image, ...found };
    } catch (error) {
      // Memory that ran out may not be whole afterwards, so nothing else goes on.
      if (error instanceof UserError && !(error instanceof DataError)) {
        throw new UserError(`${name}: ${error.message}`, { cause: error });
      }
      if (!(error instanceof DataError)) throw error;
      const why = error.message.replace(`${path}: `, "");
      this.#broken.push(`${name}: ${why}`);
      this.#tell({ image: path, error: why });
      return undefined;
    }
  }

  #tell(line: object): void {
    if (this.#options.args.json) this.#host.stdout.write(`${JSON.stringify(line)}\n`);
  }

  #conclude(interrupted: boolean): void {
    const { args, checkpoint, jobs } = this.#options;
    const { stdout, stderr } = this.#host;
    if (stderr.tty) stderr.write("\r\x1b[K");
    if (this.#done > 0 && !args.json) {
      const folders = [
        "labels",
        ...(args.overlays === "none" ? [] : ["overlays"]),
        ...(args.confidence ? ["confidence"] : []),
      ];
      stdout.write(
        `${countOf(this.#done, "image")} labelled by ${shown(this.#host, checkpoint)}: ` +
          `${folders.join(", ")} and classes.json in ${
            shown(this.#host, resolve(this.#host.cwd, args.out))
          }\n`,
      );
    }
    if (this.#turned.length > 0) {
      stderr.write(
        `${
          countOf(this.#turned.length, "image")
        } with a rotation tag (EXIF), which is not followed: labels and overlays lie ` +
          `as the pixels are stored: ${listed(this.#turned)}\n`,
      );
    }
    if (this.#broken.length > 0) {
      const lines = this.#broken.map((line) => `  ${line.replaceAll("\n", "\n  ")}\n`);
      stderr.write(
        `${this.#broken.length} of ${countOf(jobs.length, "image")} could not be labelled:\n${
          lines.join("")
        }`,
      );
    }
    if (interrupted) {
      stderr.write(
        `Interrupted after ${this.#done + this.#broken.length} of ${countOf(jobs.length, "image")}.\n`,
      );
    }
  }
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  await writeWhole(path, bytes);
}

function listed(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return `${names.slice(0, 3).join(", ")}${more}`;
}
