/**
 * Labelling images one by one for `plca predict`: decode, predict, write the label map, the overlay and the
 * confidence. Images that cannot be read are noted and passed over, for one broken photograph must not end a
 * night's work; running out of memory ends it, because the backend may not be whole afterwards.
 *
 * Several processes take turns: of as many images in a row as there are processes, each labels one and writes
 * all of its files. Then they tell each other what became of them, so that the first can speak for all.
 */
import { dirname, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { DataError, UserError } from "../core/errors.ts";
import type { PictureReading } from "../core/plugin.ts";
import { countOf } from "../core/words.ts";
import { exchangeJson, solo, type World } from "../core/world.ts";
import { decodeImage } from "../datasets/decode.ts";
import { diskFiles } from "../datasets/files.ts";
import { orientationOf } from "../datasets/orientation.ts";
import { greyPng, labelPng, overlay } from "../report/pictures.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";
import type { Predictor } from "../train/mod.ts";
import { Team } from "../train/together.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import type { ImageInput } from "./image_inputs.ts";
import { afterImage } from "./input.ts";
import { type LabelClasses, paletteOf } from "./label_classes.ts";
import { shown } from "./run_folder.ts";

/** The files that are made of one image, absolute; absent: not wanted. */
export interface Outputs {
  readonly labels: string;
  readonly overlay?: string;
  readonly confidence?: string;
}

/** One image and what is made of it. */
export interface Job {
  readonly input: ImageInput;
  readonly outputs: Outputs;
}

/** What labels, and how it is written. */
export interface LabellingOptions {
  readonly args: CommandOf<"predict">;
  readonly checkpoint: string;
  readonly predictor: Predictor;
  readonly picture: PictureReading;
  readonly classes: LabelClasses;
  /** The processes that share the images; absent: this one labels all. */
  readonly world?: World;
}

/** What became of an image. */
interface Made {
  /** For `--json`. */
  readonly line: object;
  /** As messages call it. */
  readonly name: string;
  /** Why it could not be labelled; absent: it was. */
  readonly why?: string;
  /** Whether it has a rotation tag that was not followed. */
  readonly turned?: boolean;
}

/** Labels one image after the other and keeps none of them. */
export class Labelling {
  readonly #host: Host;
  readonly #options: LabellingOptions;
  readonly #broken: string[] = [];
  readonly #turned: string[] = [];
  #done = 0;

  constructor(host: Host, options: LabellingOptions) {
    this.#host = host;
    this.#options = options;
  }

  /**
   * Labels all of these. @returns the exit status: 0, 2 when images could not be labelled, 130 when
   * interrupted
   */
  async run(jobs: readonly Job[]): Promise<number> {
    const { stderr } = this.#host, { world = solo } = this.#options;
    const { signal, stopListening } = afterImage(this.#host), team = new Team(world, signal);
    let interrupted = false;
    try {
      for (let first = 0; first < jobs.length && !interrupted; first += world.size) {
        const reached = Math.min(first + world.size, jobs.length);
        if (stderr.tty) stderr.write(`\r\x1b[Kimage ${reached}/${jobs.length}`);
        await this.#round(team, jobs[first + world.rank]);
        // Kernels run synchronously; a Ctrl-C gets its turn here.
        await setImmediate();
        interrupted = reached < jobs.length && team.stops();
      }
    } catch (error) {
      this.#conclude(jobs.length, false);
      throw error;
    } finally {
      stopListening();
    }
    this.#conclude(jobs.length, interrupted);
    return interrupted ? 130 : this.#broken.length > 0 ? 2 : 0;
  }

  /** Labels one image and writes its files. @returns why it could not be labelled; undefined when it was */
  async label(job: Job): Promise<string | undefined> {
    const made = await this.#make(job);
    this.#note(made);
    return made.why;
  }

  /** Labels an image in every process and notes all. @param job this one's; absent: none is left for it */
  async #round(team: Team, job: Job | undefined): Promise<void> {
    let made: Made | undefined, failure: unknown;
    try {
      made = job && await this.#make(job);
    } catch (error) {
      failure = error;
    }
    for (const each of exchangeJson(team.world, made ?? null)) if (each) this.#note(each);
    await team.each(() => {
      if (failure !== undefined) throw failure;
    });
  }

  /** Labels an image and writes its files. */
  async #make({ input, outputs }: Job): Promise<Made> {
    const { args, classes: { ids, colours } } = this.#options;
    const { path } = input, name = shown(this.#host, path);
    const found = await this.#predict(path, name);
    if (typeof found === "string") return { name, why: found, line: { image: path, error: found } };
    const { width, height, image, labels, confidence, turned } = found;
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
    return { name, turned, line: { image: path, width, height, ...outputs } };
  }

  /** The labels of an image, or why it cannot be read. @throws UserError when the backend has no memory for it */
  async #predict(path: string, name: string) {
    const { args: { confidence }, predictor, picture } = this.#options;
    try {
      const bytes = await diskFiles().read(path);
      const { width, height, data: image } = await decodeImage(bytes, path, picture);
      const found = await predictor.predict({ width, height, image }, { confidence });
      const turned = picture.rotation !== "apply" && orientationOf(bytes) !== 1;
      return { width, height, image, turned, ...found };
    } catch (error) {
      // Memory that ran out may not be whole afterwards, so nothing else goes on.
      if (error instanceof UserError && !(error instanceof DataError)) {
        throw new UserError(`${name}: ${error.message}`, { cause: error });
      }
      if (!(error instanceof DataError)) throw error;
      return error.message.replace(`${path}: `, "");
    }
  }

  /** Counts what became of an image, here or in another process. */
  #note({ line, name, why, turned }: Made): void {
    if (why !== undefined) this.#broken.push(`${name}: ${why}`);
    else this.#done += 1;
    if (turned) this.#turned.push(name);
    this.#tell(line);
  }

  /** Writes a line of JSON where `--json` wants them. */
  #tell(line: object): void {
    if (this.#options.args.json) this.#host.stdout.write(`${JSON.stringify(line)}\n`);
  }

  /** Says what was labelled, what was not, and which rotation tags were not followed. */
  #conclude(images: number, interrupted: boolean): void {
    const { args, checkpoint } = this.#options;
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
        `${this.#broken.length} of ${countOf(images, "image")} could not be labelled:\n${lines.join("")}`,
      );
    }
    if (interrupted) {
      stderr.write(
        `Interrupted after ${this.#done + this.#broken.length} of ${countOf(images, "image")}.\n`,
      );
    }
  }
}

/** Writes a whole file, with the folders above it. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  await writeWhole(path, bytes);
}

/** The first three names. */
function listed(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return `${names.slice(0, 3).join(", ")}${more}`;
}
