/**
 * Several batches through a network at once. A step asks for views of source and target, and perhaps of mixed
 * images. One pass over all of them is faster than one for each, because products over more rows are; but
 * they must not see each other's statistics or random numbers. So the joined batch remembers its parts: batch
 * norms normalise each part by itself, layers draw for each part from its own stream, and in the end the
 * result is cut apart. What a batch yields does not depend on those that run beside it, up to rounding.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { ForwardMode, Update, View } from "../../core/plugin.ts";
import type { Change, Pass } from "./batch_norm.ts";

/** A network as a function of one batch, of which parts may have statistics of their own. */
export type RunNetwork = (images: tf.Tensor4D, pass: Pass) => View;

/** Which statistics a network's batch norms use. */
export interface Statistics {
  /** Whether those of the batch while training; else always the running ones. */
  readonly batch: boolean;
}

/**
 * Makes a segmenter's `forward` of a network that runs one batch. Batches of one height and width are joined;
 * if sizes differ, all run one after the other. In training each view has the `updates` of the running
 * statistics that its batch causes; they are not applied here.
 */
export function forwardTogether(run: RunNetwork, { batch }: Statistics) {
  return (
    batches: readonly tf.Tensor4D[],
    { training, taps, random, hide, world }: ForwardMode,
  ): readonly View[] => {
    const sizes = new Set(batches.map(({ shape }) => `${shape[1]}x${shape[2]}`));
    const all = batches.map((images, k) => ({
      images,
      random: random?.slice(k, k + 1) ?? [],
      hide: hide?.[k] ?? 0,
    }));
    const groups = sizes.size === 1 ? [all] : all.map((one) => [one]);
    return groups.flatMap((whole) => {
      const group = whole.map(({ images }) => images);
      const parts = group.map(({ shape }) => shape[0]);
      const draws = random && whole.flatMap((one) => one.random);
      const joined = group.length === 1 ? group[0]! : tf.concat([...group]);
      const hidden = whole.some((one) => one.hide > 0) ? { hide: whole.map((one) => one.hide) } : {};
      const pass = { taps, world, ...drawing(parts, draws), ...hidden };
      if (!training || !batch) return cutInto(parts, run(joined, pass), taps);
      const { view, updates } = recorded(parts, (record) => run(joined, { ...pass, parts, record }));
      return cutInto(parts, view, taps).map((one, part) => ({ ...one, updates: updates[part]! }));
    });
  };
}

/** What layers draw from: a stream for each part of the batch; nothing in evaluation. */
function drawing(images: readonly number[], random: ForwardMode["random"]): Pass {
  return random ? { random: { images, streams: random } } : {};
}

/**
 * Runs the network, and collects the changes that each part of its batch causes to running statistics.
 * Changes are recorded in the forward pass only: a checkpointed block runs again in the backward pass, and
 * would report them a second time. `over` closes the record.
 */
function recorded(parts: readonly number[], run: (record: NonNullable<Pass["record"]>) => View) {
  const changes: Update[][] = parts.map(() => []);
  let over = false;
  try {
    const view = run((part: number, { variable, keep, batch, factor }: Change) => {
      if (!over) changes[part]!.push({ variable, keep, factor, add: tf.keep(tf.clone(batch)) });
    });
    // Kept until here, because a block frees what it does not return. The clones belong to the caller's
    // scope.
    const updates = changes.map((part) => part.map((change) => ({ ...change, add: tf.clone(change.add) })));
    return { view, updates };
  } finally {
    over = true;
    tf.dispose(changes.flat().map(({ add }) => add));
  }
}

/** The view of each part, cut out of that of the whole batch: logits and the wanted taps. */
function cutInto(parts: readonly number[], whole: View, wanted?: readonly string[]): readonly View[] {
  if (parts.length === 1) return [whole];
  const names = Object.keys(whole.taps).filter((name) =>
    name === "logits" || !wanted || wanted.includes(name)
  );
  let from = 0;
  return parts.map((images) => {
    const taps = Object.fromEntries(names.map((name) => {
      const x = whole.taps[name]!;
      return [name, tf.slice(x, [from, 0, 0, 0], [images, ...x.shape.slice(1)]) as tf.Tensor4D];
    }));
    from += images;
    return { logits: taps["logits"]!, taps };
  });
}
