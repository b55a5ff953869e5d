/**
 * Everything that one pass computes before its terms: images become tensors, streams are made, networks look
 * at images.
 *
 * The step's list (core/step_plan.ts) says what is computed and in which order; {@linkcode computePass}
 * follows it and keeps everything once, however many terms read it. `train/pass.ts` calls it inside of a
 * gradient scope. What a term may see of the result, context.ts decides.
 *
 * All images of an entry go through their network together, so the list's grouping decides what batch
 * normalisation sees: a change of it changes numbers.
 */
import * as tf from "@tensorflow/tfjs-core";
import { type NeededView, viewKey } from "../core/needs.ts";
import { drawnName } from "../core/plan.ts";
import type { Images, StreamView, Update, View } from "../core/plugin.ts";
import { Random } from "../core/random.ts";
import { unpackSoft } from "../core/soft_labels.ts";
import type { StepEntry } from "../core/step_plan.ts";
import { STUDENT } from "../core/term.ts";
import { solo } from "../core/world.ts";
import type { Batch } from "../datasets/loader.ts";
import { constants } from "../ops/constant.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";
import { networkOf, type Run } from "./assemble.ts";
import { type Batches, type Computed, contextFor, isTrained, type PassAt } from "./context.ts";
import { checkedImages, describePlanned } from "./loss_errors.ts";

/**
 * Computes the entries of the step's list in their order.
 * @param batches one for each stream that loaders read
 * @throws LossError when a stream fails; whatever a network throws
 */
export function computePass(
  run: Run,
  batches: Batches,
  { entries, at }: { readonly entries: readonly StepEntry[]; readonly at: PassAt },
): Computed {
  const images = new Map(
    Object.entries(batches).map(([name, batch]) => [name, imagesOf(batch, run.numClasses)]),
  );
  const views = new Map<string, StreamView>();
  const updates: Update[] = [];
  const computed = { images, views, updates };
  for (const entry of entries) {
    if (entry.kind === "make") {
      images.set(entry.stream, makeStream(run, computed, { name: entry.stream, at }));
    } else {
      for (const [key, view] of passThrough(run, images, { entry, at })) views.set(key, view);
      if (keepsStatistics(run, entry.by)) {
        updates.push(...entry.views.flatMap((view) => views.get(viewKey(view))!.updates ?? []));
      }
    }
  }
  return computed;
}

/** Whether the network's running statistics follow from what it sees; other networks keep theirs. */
function keepsStatistics({ networks }: Run, by: string): boolean {
  return by === STUDENT || networks.get(by)?.planned.plan.ownStatistics === true;
}

function imagesOf(batch: Batch, classes: number): Images {
  const { images, labels, soft, marks, counted, ids, size: [height, width] } = batch;
  const size = [ids.length, height, width] as const;
  return {
    pixels: tf.tensor4d(images, [...size, 3]),
    ...(labels ? { labels: labelsOf(batch) } : {}),
    ...(soft ? { soft: tf.tensor4d(unpackSoft(soft, classes), [...size, classes]) } : {}),
    ...(counted ? { weights: weightsOf(counted, [height, width]) } : {}),
    ...(marks ? { values: { mark: tf.tensor1d(Float32Array.from(marks)) } } : {}),
  };
}

/** float32 [N, H, W]: 1 in the part of each image that counts, 0 elsewhere. */
function weightsOf(
  parts: NonNullable<Batch["counted"]>,
  [height, width]: readonly [number, number],
): tf.Tensor3D {
  const data = new Float32Array(parts.length * height * width);
  parts.forEach(({ rows, columns }, n) => {
    for (let y = rows[0]; y < rows[1]; y++) {
      data.fill(1, (n * height + y) * width + columns[0], (n * height + y) * width + columns[1]);
    }
  });
  return tf.tensor3d(data, [parts.length, height, width]);
}

/** The labels of a batch, which must have some: int32 [N, H, W]. */
export function labelsOf({ labels, ids, size }: Batch): tf.Tensor3D {
  return tf.tensor3d(Int32Array.from(labels!), [ids.length, ...size], "int32");
}

type ViewEntry = Extract<StepEntry, { readonly kind: "view" }>;

/** Passes the images of an entry through its network, all together. @returns the views with their keys */
function passThrough(
  run: Run,
  images: ReadonlyMap<string, Images>,
  { entry: { by, views, gradient }, at }: { readonly entry: ViewEntry; readonly at: PassAt },
): [string, StreamView][] {
  const plan = run.networks.get(by)?.planned.plan;
  const trained = isTrained(run, by);
  const { step, pass, world = solo } = at;
  const hide = views.map(({ stream }) => images.get(stream)!.hide ?? 0);
  const mode = {
    training: plan?.training ?? true,
    world,
    // Only trained networks get random numbers and hidden patches, so a teacher drops out nothing.
    ...(trained
      ? {
        random: views.map((view) =>
          Random.stream(run.seed, drawnName(run.phase, `view ${viewKey(view)}, step ${step}, pass ${pass}`))
        ),
        ...(hide.some((share) => share > 0) ? { hide } : {}),
      }
      : {}),
    taps: [...new Set(views.flatMap(({ taps }) => taps.map(({ name }) => name)))],
  };
  const network = networkOf(run, by);
  const forward = () =>
    network.forward(views.map(({ stream }) => images.get(stream)!.pixels), mode).map((view, k) =>
      streamView(run, view, { need: views[k]!, images: images.get(views[k]!.stream)! })
    );
  const flows = gradient && (trained || views.some((view) => view.flows));
  return (flows ? forward() : constants(forward)).map((view, k) => [viewKey(views[k]!), view]);
}

/** A network's view with the labels of its images, and resized to their resolution where that is needed. */
function streamView(
  { alignCorners }: Run,
  view: View,
  { need, images: { pixels, labels } }: { readonly need: NeededView; readonly images: Images },
): StreamView {
  const [, height, width] = pixels.shape;
  const resized = (x: tf.Tensor4D) => resizeBilinear(x, [height, width], { alignCorners });
  const wanted = new Set(need.taps.flatMap(({ name, labelResolution }) => labelResolution ? [name] : []));
  return {
    ...view,
    ...(labels ? { labels } : {}),
    ...(need.labelResolution ? { upsampled: resized(view.logits) } : {}),
    ...(wanted.size > 0
      ? { upsampledTaps: Object.fromEntries([...wanted].map((name) => [name, resized(view.taps[name]!)])) }
      : {}),
  };
}

/** Computes the images of a stream. @throws LossError when it fails or returns no images */
function makeStream(
  run: Run,
  computed: Computed,
  { name, at }: { readonly name: string; readonly at: PassAt },
): Images {
  const { planned, stream } = run.streams.get(name)!;
  const context = contextFor(run, computed, { kind: "stream", planned, at });
  const { file } = planned;
  return checkedImages(describePlanned("stream", planned), () => stream.make(context), {
    file,
    numClasses: run.numClasses,
  });
}
