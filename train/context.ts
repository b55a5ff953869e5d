/**
 * What terms and streams see of one pass.
 *
 * The step's list (core/step_plan.ts) says which streams are made and which networks look at which images.
 * {@linkcode computePass} follows it and keeps everything that was computed, once, however many terms read
 * it. A term or a stream never sees that store: {@linkcode contextFor} gives each reader a context that shows
 * exactly what the reader declared in its `needs`, and throws for the rest. So a forgotten declaration is an
 * error at the first step, and not a view that is there only because another term asked for it.
 *
 * The context also decides where gradients go. What a reader sees of a network that nothing trains, and what
 * a stream sees of any network, are copies that gradients do not pass, unless the reader declared `flows`.
 */
import * as tf from "@tensorflow/tfjs-core";
import { constants } from "../ops/constant.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";
import { LossError } from "../core/errors.ts";
import { neededStreams, type NeededView, neededViews, viewKey } from "../core/needs.ts";
import type { MadeStream, PlannedLoss } from "../core/plan.ts";
import type {
  Images,
  LabelledView,
  MeasureContext,
  StepContext,
  StreamView,
  Update,
  View,
} from "../core/plugin.ts";
import { drawnName } from "../core/plan.ts";
import { Random } from "../core/random.ts";
import type { StepEntry } from "../core/step_plan.ts";
import { unpackSoft } from "../core/soft_labels.ts";
import { STUDENT } from "../core/term.ts";
import { solo, type World } from "../core/world.ts";
import type { Batch } from "../datasets/loader.ts";
import { networkOf, type Run } from "./assemble.ts";
import { checkedImages, describePlanned } from "./loss_errors.ts";

/** The batches of one pass, by the stream that they belong to. */
export type Batches = Readonly<Record<string, Batch>>;

/** Where the phase stands. */
export interface Clock {
  /** Steps done. */
  readonly step: number;
  /** Steps of the whole phase. */
  readonly steps: number;
}

/** A pass of a step. */
export interface PassAt extends Clock {
  /** Which of the passes whose gradients make one update, counted from 0. */
  readonly pass: number;
  /** The processes of the run; absent for a run of one process. */
  readonly world?: World | undefined;
}

/** Everything that one pass computes before its terms. Belongs to the caller's tidy scope. */
export interface Computed {
  /** The images of each stream, read or made. */
  readonly images: ReadonlyMap<string, Images>;
  /** What networks computed of the images, by {@linkcode viewKey}. */
  readonly views: ReadonlyMap<string, StreamView>;
  /** Changes of running statistics, in the order of the views; the step applies them, not the pass. */
  readonly updates: readonly Update[];
}

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

/** Whether some optimiser updates the network, so that gradients must reach it. */
function isTrained({ networks }: Run, by: string): boolean {
  return by === STUDENT || networks.get(by)?.planned.plan.trainable === true;
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

/** The term or stream that reads, and in which pass. */
interface Reading {
  readonly kind: "loss" | "stream";
  readonly planned: MadeStream | PlannedLoss;
  readonly at: PassAt;
}

/**
 * What a term or a stream is called with. Its views, images, taps, labels and parameters are those that the
 * reader declared in its `needs`; reading another one throws a LossError that says what to declare. The
 * random numbers follow from the seed, the reader's name, the step and the pass alone.
 */
export function contextFor(run: Run, computed: Computed, { kind, planned, at }: Reading): StepContext {
  const { needs } = planned.plan;
  const { step, steps, pass, world = solo } = at;
  const who = describePlanned(kind, planned);
  const declared = new Map(neededViews(needs).map((view) => [viewKey(view), view]));
  const streams = new Set(neededStreams(needs));
  const shown = new Map<string, StreamView>();
  const refuse = (what: string, where: string) => {
    throw new LossError(`${who} reads ${what} without declaring it in needs.${where}`);
  };
  const view = (stream: string, by = STUDENT): StreamView => {
    const key = viewKey({ stream, by });
    const need = declared.get(key) ?? refuse(`the view of "${stream}" by "${by}"`, "views");
    const before = shown.get(key);
    if (before) return before;
    const whole = computed.views.get(key)!;
    if (need.labels && !whole.labels) {
      throw new LossError(`${who} reads the labels of "${stream}", whose images came without labels`);
    }
    const constant = kind === "stream" || !isTrained(run, by);
    const readable = limited(constant && !need.flows ? detached(whole) : whole, need, refuse);
    shown.set(key, readable);
    return readable;
  };
  const name = drawnName(run.phase, `${kind} ${planned.name}, step ${step}, pass ${pass}`);
  let random: Random | undefined;
  return {
    step,
    steps,
    world,
    ignoreLabel: run.ignoreLabel,
    normalization: run.normalization,
    get random() {
      return random ??= Random.stream(run.seed, name);
    },
    get source() {
      return view("source") as LabelledView;
    },
    get target() {
      return declared.has(viewKey({ stream: "target", by: STUDENT })) ? view("target") : undefined;
    },
    images(stream) {
      if (!streams.has(stream)) refuse(`the images of "${stream}"`, "streams");
      return computed.images.get(stream)!;
    },
    view,
    parameters(of) {
      if (!needs.parameters?.includes(of)) refuse(`the parameters of "${of}"`, "parameters");
      return networkOf(run, of).params;
    },
  };
}

/**
 * The context with labels that training does not see, for what terms measure of themselves.
 * @param hidden int32 [N, H, W] by stream
 */
export function measuring(
  context: StepContext,
  hidden: Readonly<Record<string, tf.Tensor3D>>,
): MeasureContext {
  return Object.create(context, { hiddenLabels: { value: (stream: string) => hidden[stream] } });
}

/** A view whose taps are those that the reader declared; `refuse` throws for the others. */
function limited(
  view: StreamView,
  { taps }: NeededView,
  refuse: (what: string, where: string) => never,
): StreamView {
  const declared = new Set(taps.map(({ name }) => name));
  const resized = new Set(taps.flatMap(({ name, labelResolution }) => labelResolution ? [name] : []));
  return {
    ...view,
    taps: declaredOnly(view.taps, declared, (name) => refuse(`the tap "${name}"`, "taps")),
    upsampledTaps: declaredOnly(
      view.upsampledTaps ?? {},
      resized,
      (name) => refuse(`the tap "${name}" at the labels' resolution`, "taps"),
    ),
  };
}

function declaredOnly(
  taps: View["taps"],
  declared: ReadonlySet<string>,
  refuse: (name: string) => never,
): View["taps"] {
  return new Proxy(taps, {
    get(taps, name) {
      if (typeof name === "symbol") return undefined;
      return declared.has(name) ? taps[name] : refuse(name);
    },
  });
}

/** A copy of a view that gradients do not pass. */
function detached(view: StreamView): StreamView {
  const copies = (taps: View["taps"]) =>
    Object.fromEntries(Object.entries(taps).map(([name, tap]) => [name, tf.clone(tap)]));
  return constants(() => ({
    ...view,
    logits: tf.clone(view.logits),
    taps: copies(view.taps),
    ...(view.upsampled ? { upsampled: tf.clone(view.upsampled) } : {}),
    ...(view.upsampledTaps ? { upsampledTaps: copies(view.upsampledTaps) } : {}),
  }));
}
