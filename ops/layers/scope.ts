/**
 * Where a network's variables come from. A model is built by functions that make layers; each takes a
 * `Layers` and allocates in it by state-dict name, as published files call the number. So there is no second
 * list of names, and files can be read into a model by name alone. The start of every parameter is drawn from
 * a stream of random numbers of the seed and its own name: it does not depend on the order in which layers
 * are made.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";

/** Collects what a network allocates, under its state-dict names. */
export interface Layers {
  readonly params: Param[];
  readonly buffers: Record<string, tf.Variable>;
  /**
   * A trainable variable in the group `backbone` if its name begins with `backbone.`, else `head`; with
   * `part`, in that part of the group, as in `backbone/norm`. Takes `initial`.
   */
  param(name: string, initial: tf.Tensor, part?: string): tf.Variable;
  /** A variable that is kept but not trained. Takes `initial`. */
  buffer(name: string, initial: tf.Tensor): tf.Variable;
  /**
   * A trainable variable of any shape, drawn from a normal distribution with mean 0; the numbers depend on
   * the seed and the name only.
   */
  normal(name: string, shape: readonly number[], deviation: number, part?: string): tf.Variable;
  /** The same for a filter [h, w, in, out]. */
  normalFilter(
    name: string,
    shape: [number, number, number, number],
    deviation: number,
    part?: string,
  ): tf.Variable<tf.Rank.R4>;
}

/**
 * The same collection, whose parameters go into a part of their group, as in `backbone/stem`; buffers have no
 * group.
 */
export function layersIn(layers: Layers, part: string): Layers {
  const within = (inner: string | undefined) => inner === undefined ? part : `${part}/${inner}`;
  return {
    ...layers,
    param: (name, initial, inner) => layers.param(name, initial, within(inner)),
    normal: (name, shape, deviation, inner) => layers.normal(name, shape, deviation, within(inner)),
    normalFilter: (name, shape, deviation, inner) =>
      layers.normalFilter(name, shape, deviation, within(inner)),
  };
}

/** An empty collection that allocates through `setup`. */
export function layersOf(setup: Setup): Layers {
  const params: Param[] = [];
  const buffers: Record<string, tf.Variable> = {};
  const make = (name: string, initial: tf.Tensor, trainable: boolean) => {
    const variable = setup.variable(name, initial, trainable);
    initial.dispose();
    return variable;
  };
  const layers: Layers = {
    params,
    buffers,
    param(name, initial, part) {
      const value = make(name, initial, true);
      const whole = name.startsWith("backbone.") ? "backbone" : "head";
      params.push({ name, value, group: part === undefined ? whole : `${whole}/${part}` });
      return value;
    },
    buffer(name, initial) {
      return buffers[name] = make(name, initial, false);
    },
    normal(name, shape, deviation, part) {
      const random = Random.stream(setup.seed, name);
      const data = new Float32Array(shape.reduce((product, side) => product * side, 1));
      // A plain loop: a network has millions of numbers.
      for (let k = 0; k < data.length; k++) data[k] = random.normal() * deviation;
      return layers.param(name, tf.tensor(data, [...shape]), part);
    },
    normalFilter(name, shape, deviation, part) {
      return layers.normal(name, shape, deviation, part) as tf.Variable<tf.Rank.R4>;
    },
  };
  return layers;
}
