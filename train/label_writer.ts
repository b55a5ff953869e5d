/** The labels that a job writes: a file an image and, at the end, which image each belongs to. */
import { LossError } from "../core/errors.ts";
import type { LabelSpace } from "../core/label_space.ts";
import type { CropPreference, JobImage } from "../core/plugin.ts";
import { SOFT_BYTES } from "../core/soft_labels.ts";
import { encodeLabels, encodeSoft, indexFile, labelFile } from "../datasets/input.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";

/** Where labels are written, and of which classes. */
export interface LabelPlace {
  readonly folder: string;
  readonly space: LabelSpace;
}

/** Writes label files and, at the end, their list. */
export class LabelWriter {
  readonly #who: string;
  readonly #folder: string;
  readonly #space: LabelSpace;
  /** Ids by index. */
  readonly #written = new Map<number, string>();
  #preference: CropPreference | undefined;

  /** @param who whose errors these are */
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

  /** @throws LossError */
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

  /** @throws LossError */
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

  /** Kept for the list. */
  prefer(preference: CropPreference): void {
    this.#preference = preference;
  }

  /** Writes the list. */
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
