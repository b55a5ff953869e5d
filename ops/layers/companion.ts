/**
 * Layers of the networks that a term or a stream trains beside the student: encoders, decoders, opponents.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { conv2d } from "../conv2d.ts";
import { conv2dTranspose } from "../conv2d_transpose.ts";
import { imageLayerNorm } from "../image_norm.ts";
import type { Window } from "../kernel_types.ts";
import { uniformByFanIn } from "./discriminator.ts";

/** Maps to maps. */
export type Mapping = (x: tf.Tensor4D) => tf.Tensor4D;

/** A square convolution. */
export interface ConvolutionShape extends Partial<Window> {
  readonly side: number;
  /** Channels. */
  readonly input: number;
  readonly output: number;
  /** Absent: it adds one. */
  readonly bias?: boolean;
}

/**
 * Makes layers and collects their parameters. They begin as PyTorch's do, with numbers that depend on the
 * seed, the prefix and the layer's name only.
 */
export class Companion {
  /** In the order in which layers were made; names begin with the prefix. */
  readonly params: Param[] = [];
  readonly #setup: Setup;
  readonly #prefix: string;

  constructor(setup: Setup, prefix = "") {
    this.#setup = setup;
    this.#prefix = prefix;
  }

  convolution(name: string, { side, input, output, bias = true, ...window }: ConvolutionShape): Mapping {
    const fanIn = input * side * side;
    const filter = this.#uniform(`${name}.weight`, [side, side, input, output], fanIn) as tf.Variable<
      tf.Rank.R4
    >;
    const added = bias ? this.#uniform(`${name}.bias`, [output], fanIn) : undefined;
    return (x) => {
      const y = conv2d(x, filter, window);
      return added ? tf.add(y, added) : y;
    };
  }

  /**
   * Without biases. The filter is [side, side, output, input], which files keep as [input, output, side,
   * side].
   */
  transposedConvolution(name: string, { side, input, output, ...window }: ConvolutionShape): Mapping {
    const shape = [side, side, output, input];
    const filter = this.#uniform(`${name}.weight`, shape, output * side * side) as tf.Variable<tf.Rank.R4>;
    return (x) => conv2dTranspose(x, filter, window);
  }

  /** [N, input] to [N, output]; the matrix is [output, input]. */
  linear(name: string, [input, output]: readonly [number, number]): (x: tf.Tensor2D) => tf.Tensor2D {
    const matrix = this.#uniform(`${name}.weight`, [output, input], input) as tf.Variable<tf.Rank.R2>;
    const added = this.#uniform(`${name}.bias`, [output], input);
    return (x) => tf.add(tf.matMul(x, matrix, false, true), added);
  }

  /** See {@linkcode imageLayerNorm}; its factors begin uniform in [0, 1]. */
  imageLayerNorm(name: string, channels: number): Mapping {
    const random = this.#random(`${name}.gamma`);
    const start = Float32Array.from({ length: channels }, () => random.next());
    const gamma = this.make(`${name}.gamma`, tf.tensor1d(start)) as tf.Variable<tf.Rank.R1>;
    const beta = this.make(`${name}.beta`, tf.zeros([channels])) as tf.Variable<tf.Rank.R1>;
    return (x) => imageLayerNorm(x, { gamma, beta });
  }

  /** A parameter; takes `initial`. */
  make(name: string, initial: tf.Tensor): tf.Variable {
    const full = this.#prefix + name;
    const value = this.#setup.variable(full, initial);
    initial.dispose();
    this.params.push({ name: full, value, group: "companion" });
    return value;
  }

  #uniform(name: string, shape: number[], fanIn: number): tf.Variable {
    return this.make(name, uniformByFanIn(this.#random(name), shape, fanIn));
  }

  #random(name: string): Random {
    return Random.stream(this.#setup.seed, this.#prefix + name);
  }
}

/** The positive part and a fifth of the negative one. */
export function leakyRelu<T extends tf.Tensor>(x: T): T {
  return tf.maximum(x, tf.mul(x, 0.2)) as T;
}
