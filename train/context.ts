/**
 * What terms and streams see of one pass.
 *
 * A pass keeps everything that it computed in one store ({@linkcode Computed}, filled by compute_pass.ts). A
 * term or a stream never sees that store: {@linkcode contextFor} gives each reader a context that shows
 * exactly what the reader declared in its `needs`, and throws for the rest. So a forgotten declaration is an
 * error at the first step, and not a view that is there only because another term asked for it.
 *
 * The context also decides where gradients go. What a reader sees of a network that nothing trains, and what
 * a stream sees of any network, are copies that gradients do not pass, unless the reader declared `flows`.
 */
import * as tf from "@tensorflow/tfjs-core";
import { LossError } from "../core/errors.ts";
import { neededStreams, type NeededView, neededViews, viewKey } from "../core/needs.ts";
import { drawnName, type MadeStream, type PlannedLoss } from "../core/plan.ts";
import type {
  Images,
  LabelledView,
  MeasureContext,
  StepContext,
  StreamView,
  Update,
  View,
} from "../core/plugin.ts";
import { Random } from "../core/random.ts";
import { STUDENT } from "../core/term.ts";
import { solo, type World } from "../core/world.ts";
import type { Batch } from "../datasets/loader.ts";
import { constants } from "../ops/constant.ts";
import { networkOf, type Run } from "./assemble.ts";
import { describePlanned } from "./loss_errors.ts";

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

/** Whether some optimiser updates the network, so that gradients must reach it. */
export function isTrained({ networks }: Run, by: string): boolean {
  return by === STUDENT || networks.get(by)?.planned.plan.trainable === true;
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
