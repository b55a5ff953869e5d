/**
 * What a checkpoint's network makes of an image: its taps, copied to the host, so that a cache can hold them
 * while the network is exchanged for another checkpoint's.
 */
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { FileReader, Segmenter } from "../core/plugin.ts";
import type { NetworkInput } from "../datasets/evaluation.ts";
import { openTrained, type TrainedModel } from "../train/trained.ts";
import type { Checkpoints, FoundCheckpoint } from "./checkpoints.ts";
import type { Statistics } from "./types.ts";

/** A tap of one image, float32 [1, h, w, C], row-major. */
export interface HostTap {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Taps by name. */
export type HostTaps = Readonly<Record<string, HostTap>>;

/** An image for the network. */
export interface ForwardInput extends NetworkInput {
  readonly statistics: Statistics;
}

/** Holds one network: that of the checkpoint that was used last. */
export class Networks {
  readonly #plan: RunPlan;
  readonly #files: FileReader;
  readonly #checkpoints: Checkpoints;
  #current: { readonly identity: string; readonly model: TrainedModel } | undefined;

  constructor(plan: RunPlan, { files, checkpoints }: { files: FileReader; checkpoints: Checkpoints }) {
    this.#plan = plan;
    this.#files = files;
    this.#checkpoints = checkpoints;
  }

  /**
   * The network with a checkpoint's weights. @throws UserError when the checkpoint is gone, replaced
   * meanwhile, damaged, or of another network
   */
  async open({ id, identity, path, problem }: FoundCheckpoint): Promise<Segmenter> {
    if (problem !== null) throw new UserError(`${id}: ${problem}`);
    if (this.#current?.identity === identity) return this.#current.model.segmenter;
    this.dispose();
    const model = await this.#read(id, path);
    // Training may have put another file there meanwhile.
    const now = await this.#checkpoints.find(id).catch(() => undefined);
    if (now?.identity !== identity) {
      model.dispose();
      throw new UserError(`${id}: training put another checkpoint there while it was read; choose it again`);
    }
    this.#current = { identity, model };
    return model.segmenter;
  }

  async #read(id: string, path: string): Promise<TrainedModel> {
    try {
      return await openTrained(this.#plan, { checkpoint: path, files: this.#files });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(error.message.replaceAll(path, id), { cause: error });
    }
  }

  /** Frees the network. */
  dispose(): void {
    this.#current?.model.dispose();
    this.#current = undefined;
  }
}

/**
 * Some taps of one image, in one pass. With the statistics `image`, batch normalisation uses those of this
 * image, as training does.
 * @throws UserError when the tensor backend has no memory for it
 */
export function forwardTaps(segmenter: Segmenter, input: ForwardInput, names: readonly string[]): HostTaps {
  const { height, width, images, statistics } = input;
  const taps: Record<string, HostTap> = {};
  try {
    tf.tidy(() => {
      const pixels = tf.tensor4d(images, [1, height, width, 3]);
      const [view] = segmenter.forward([pixels], { training: statistics !== "running", taps: names });
      for (const name of new Set(names)) {
        const tensor = view!.taps[name]!;
        const [, h, w, channels] = tensor.shape;
        taps[name] = { data: tensor.dataSync().slice() as Float32Array, height: h, width: w, channels };
      }
    });
  } catch (cause) {
    if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
    throw new UserError(`the network has no memory for ${width}x${height} pixels at once`, { cause });
  }
  return taps;
}

/** A tap as a tensor of the current scope. */
export function tapTensor({ data, height, width, channels }: HostTap): tf.Tensor4D {
  return tf.tensor4d(data, [1, height, width, channels]);
}
