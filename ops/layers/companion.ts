/**
 * Layers of the networks that a term or a stream trains beside the student: encoders, decoders, opponents.
 * These networks are small, start from random numbers, and are not read from published files, so they have no
 * state-dict names to keep to. What counts is that they start the same in every run of a seed: each parameter
 * draws from a stream of random numbers of its own name, so adding a layer changes no other.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { conv2d } from "../conv2d.ts";
import { conv2dTranspose } from "../conv2d_transpose.ts";
import { imageLayerNorm } from "../image_norm.ts";
import type { Window } from "../kernel_types.ts";
import { LEAK, uniformByFanIn } from "./discriminator.ts";

/** A layer: float32 [N, H, W, C] to [N, H', W', C']. */
export type Mapping = (x: tf.Tensor4D) => tf.Tensor4D;

/** A square convolution of `side` x `side`. */
export interface ConvolutionShape extends Partial<Window> {
  readonly side: number;
  /** Channels in and out. */
  readonly input: number;
  readonly output: number;
  /** Whether it adds a bias; absent: yes. */
  readonly bias?: boolean;
  /** Whether a leaky ReLU follows ({@linkcode LEAK}); absent: no. */
  readonly leaky?: boolean;
}

/**
 * Makes layers and collects their parameters, in the group `companion`. Weights and biases begin as PyTorch's
 * do, uniform within 1 / sqrt(fan in), with numbers that depend on the seed, the prefix and the layer's name
 * only.
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

  /** A convolution; the filter is [side, side, input, output]. */
  convolution(
    name: string,
    { side, input, output, bias: biased = true, leaky = false, ...window }: ConvolutionShape,
  ): Mapping {
    const fanIn = input * side * side;
    const filter = this.#uniform(`${name}.weight`, [side, side, input, output], fanIn) as tf.Variable<
      tf.Rank.R4
    >;
    const bias = biased
      ? this.#uniform(`${name}.bias`, [output], fanIn) as tf.Variable<tf.Rank.R1>
      : undefined;
    return (x) => conv2d(x, filter, { ...window, bias, ...leaky ? { leak: LEAK } : {} });
  }

  /**
   * A transposed convolution without bias; the filter is [side, side, output, input], which files keep as
   * [input, output, side, side].
   */
  transposedConvolution(name: string, { side, input, output, ...window }: ConvolutionShape): Mapping {
    const shape = [side, side, output, input];
    const filter = this.#uniform(`${name}.weight`, shape, output * side * side) as tf.Variable<tf.Rank.R4>;
    return (x) => conv2dTranspose(x, filter, window);
  }

  /** A linear map with bias, [N, input] to [N, output]; the matrix is [output, input]. */
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

  /** Any other parameter, with the value `initial`, which is disposed. */
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

/** x where it is positive, else 0.2 x, for what no convolution gives. */
export function leakyRelu<T extends tf.Tensor>(x: T): T {
  return tf.maximum(x, tf.mul(x, LEAK)) as T;
}
