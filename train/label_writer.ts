/**
 * The labels that a job writes: one file for each image and, at the end, the list of the images.
 *
 * jobs.ts hands it to a job as its only way to leave something. The list is written last, so there is none
 * where a job was stopped.
 */
import { LossError } from "../core/errors.ts";
import type { LabelSpace } from "../core/label_space.ts";
import type { CropPreference, JobImage } from "../core/plugin.ts";
import { SOFT_BYTES } from "../core/soft_labels.ts";
import { encodeLabels, encodeSoft, indexFile, labelFile } from "../datasets/input.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";

/** The folder of the labels, and their classes. */
export interface LabelPlace {
  readonly folder: string;
  readonly space: LabelSpace;
}

/** Writes label files and, at the end, their list: {@linkcode LabelWriter.begin}, images, `end`. */
export class LabelWriter {
  readonly #who: string;
  readonly #folder: string;
  readonly #space: LabelSpace;
  /** The ids of the images whose labels were written, by index. */
  readonly #written = new Map<number, string>();
  #preference: CropPreference | undefined;

  /** @param who how errors call the job */
  constructor(who: string, { folder, space }: LabelPlace) {
    this.#who = who;
    this.#folder = folder;
    this.#space = space;
  }

  /** Empties the folder. */
  async begin(): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true }).catch(() => {});
    await makeFolder(this.#folder);
  }

  /**
   * Writes the labels of an image. @param labels train ids or the ignore label, height x width
   * @throws LossError when their number or a label is wrong, or the image has labels already
   */
  async write(image: JobImage, labels: Uint8Array): Promise<void> {
    const { id, width, height } = image;
    if (labels.length !== width * height) {
      this.#refuse(`${labels.length} labels for ${id}, expected ${width}x${height} of them`);
    }
    const { classes, ignore } = this.#space;
    const strange = labels.find((label) => label >= classes.length && label !== ignore);
    if (strange !== undefined) {
      this.#refuse(
        `the label ${strange} for ${id}, expected 0 to ${classes.length - 1}, or ${ignore} for none`,
      );
    }
    await this.#put(image, () => encodeLabels({ width, height, labels }));
  }

  /**
   * Writes distributions over the classes, packed as core/soft_labels.ts describes.
   * @throws LossError when the length or a class is wrong, or the image has labels already
   */
  async writeSoft(image: JobImage, packed: Uint8Array): Promise<void> {
    const { id, width, height } = image;
    if (packed.length !== width * height * SOFT_BYTES) {
      this.#refuse(
        `${packed.length} bytes of distributions for ${id}, expected ${width}x${height} pixels of ${SOFT_BYTES}`,
      );
    }
    const { classes } = this.#space;
    const strange = packed.find((byte, at) => at % 2 === 0 && byte >= classes.length);
    if (strange !== undefined) {
      this.#refuse(`a share of the class ${strange} for ${id}, expected 0 to ${classes.length - 1}`);
    }
    await this.#put(image, () => encodeSoft({ width, height, packed }));
  }

  /** Which classes crops of these images should show; the list holds it. */
  prefer(preference: CropPreference): void {
    this.#preference = preference;
  }

  /** Writes the list, in the order of the images. */
  async end(): Promise<void> {
    const images = [...this.#written].sort(([a], [b]) => a - b);
    const text = JSON.stringify({ images, ...(this.#preference ? { prefer: this.#preference } : {}) });
    await writeWhole(indexFile(this.#folder), new TextEncoder().encode(`${text}\n`));
  }

  async #put({ id, index }: JobImage, encode: () => Uint8Array): Promise<void> {
    if (this.#written.has(index)) this.#refuse(`labels for ${id} twice, expected once`);
    this.#written.set(index, id);
    await writeWhole(labelFile(this.#folder, index), encode());
  }

  #refuse(fault: string): never {
    throw new LossError(`${this.#who} wrote ${fault}`);
  }
}
