/**
 * The step as a list. What terms and streams declare is a graph: a term needs views, a view needs the images
 * of its stream, a made stream needs views and images of others. Here the graph becomes the order in which a
 * step is computed, without allocating anything: the trainer follows the list, `plca check` prints it.
 *
 * The order has three rules. Nothing comes before what it needs. Whatever is ready and not the student's goes
 * first: other networks' views and makers of streams may free further work. The student comes last among what
 * is ready, with all its ready views in one entry, since one pass over more images is faster than several.
 *
 * A recipe with several updates a step (`update: 2` of a loss) gets a list for each.
 */
import { neededStreams, type NeededView, neededViews, unionOf, viewKey } from "./needs.ts";
import {
  isMade,
  isRead,
  type MadeStream,
  type PhasePlan,
  type PlannedLoss,
  plannedParts,
  type PlannedStream,
  streamsBehind,
} from "./plan.ts";
import { type Needs, STUDENT } from "./term.ts";

/** One thing that a step does: `make` the images of a stream, or compute `view`s with one network. */
export type StepEntry =
  | { readonly kind: "make"; readonly stream: string }
  | {
    readonly kind: "view";
    readonly by: string;
    /** Passed through the network together. */
    readonly views: readonly NeededView[];
    /** Whether some term or a maker that lets gradients flow reads one of them; else they are constants. */
    readonly gradient: boolean;
  };

/** One update of the student within a step: what is computed for it. */
export interface UpdatePlan {
  /** Counts from 1. */
  readonly update: number;
  /** The terms that are minimised, in recipe order. */
  readonly losses: readonly PlannedLoss[];
  /** Streams whose images must have been read. */
  readonly reads: readonly string[];
  /** In the order of computation. */
  readonly entries: readonly StepEntry[];
}

/** The parts of a phase that decide on its step. */
export type StepParts = Pick<PhasePlan, "streams" | "networks" | "losses">;

/** Thrown when a stream is made, directly or through others, from itself. */
export class CircularStreamError extends Error {
  /** The streams on the way round, the first one again at the end. */
  readonly way: readonly string[];

  /** The message shows the way. */
  constructor(way: readonly string[]) {
    super(way.join(" from "));
    this.way = way;
  }
}

/**
 * The updates of a step in their order, mostly one. Names of streams and networks that do not exist are
 * passed over: config reports them.
 * @returns empty where there are no losses
 * @throws CircularStreamError when a stream is made from itself
 */
export function planUpdates(parts: StepParts): readonly UpdatePlan[] {
  const numbers = [...new Set(parts.losses.map(({ update = 1 }) => update))].sort((a, b) => a - b);
  return numbers.map((update) => {
    const losses = parts.losses.filter((loss) => (loss.update ?? 1) === update);
    return { update, losses, ...planPasses(parts, losses.map(({ plan }) => plan.needs)) };
  });
}

/** The streams that loaders read for a phase, in the order of its streams. */
export function readStreams(parts: StepParts): readonly string[] {
  const wanted = new Set(planUpdates(parts).flatMap(({ reads }) => reads));
  return parts.streams.map(({ name }) => name).filter((name) => wanted.has(name));
}

/**
 * What has to be read and computed so that these needs are met, in order.
 * @returns `reads`: the streams whose images loaders must provide; `entries`: everything else
 * @throws CircularStreamError when a stream is made from itself
 */
export function planPasses(
  { streams, networks }: StepParts,
  needs: readonly Needs[],
): Pick<UpdatePlan, "reads" | "entries"> {
  const known = new Map(streams.map((stream) => [stream.name, stream]));
  const makers = involvedMakers(known, needs);
  const terms = unionOf(needs.flatMap(neededViews));
  const flowing = makers.flatMap(({ plan }) => neededViews(plan.needs).filter(({ flows }) => flows));
  const read = new Set([...terms, ...flowing].map(viewKey));
  const order = [...known.keys()];
  const views = [...unionOf([...terms, ...makers.flatMap(({ plan }) => neededViews(plan.needs))])]
    .filter(({ stream }) => known.has(stream))
    .sort((a, b) => order.indexOf(a.stream) - order.indexOf(b.stream));
  const made = new Set(makers.map(({ name }) => name));
  const entries: StepEntry[] = [];
  const done = new Set<string>();
  const ready = (stream: string) => !made.has(stream) || done.has(stream);
  const rest = { views, makers };
  const pass = (by: string, some: readonly NeededView[]) => {
    if (some.length === 0) return false;
    entries.push({ kind: "view", by, views: some, gradient: some.some((view) => read.has(viewKey(view))) });
    for (const view of some) done.add(viewKey(view));
    rest.views = rest.views.filter((view) => !some.includes(view));
    return true;
  };
  const others = networks.map(({ name }) => name);
  while (rest.views.length > 0 || rest.makers.length > 0) {
    // The student comes last among what is ready, so that as many of its views as can be are computed
    // together.
    const passed = others.filter((name) => pass(name, readyOf(rest.views, name, ready))).length > 0;
    const next = rest.makers.filter(({ plan }) =>
      neededStreams(plan.needs).every((stream) => ready(stream) || !known.has(stream)) &&
      neededViews(plan.needs).every((view) =>
        done.has(viewKey(view)) || !rest.views.some((one) => viewKey(one) === viewKey(view))
      )
    );
    for (const { name } of next) {
      entries.push({ kind: "make", stream: name });
      done.add(name);
    }
    rest.makers = rest.makers.filter((maker) => !next.includes(maker));
    if (passed || next.length > 0) continue;
    if (pass(STUDENT, readyOf(rest.views, STUDENT, ready))) continue;
    // What is left belongs to networks that do not exist.
    break;
  }
  const reads = [...known.values()].filter(isRead).map(({ name }) => name);
  const all = new Set([...needs, ...makers.map(({ plan }) => plan.needs)].flatMap(neededStreams));
  return { reads: reads.filter((name) => all.has(name)), entries };
}

/** The views of a network whose stream's images are there. */
function readyOf(views: readonly NeededView[], by: string, ready: (stream: string) => boolean) {
  return views.filter((view) => view.by === by && ready(view.stream));
}

/** Every made stream on the way to the needs, each before those that are made from it (depth first). */
function involvedMakers(known: ReadonlyMap<string, PlannedStream>, needs: readonly Needs[]): MadeStream[] {
  const found = new Map<string, MadeStream>();
  const visit = (name: string, way: readonly string[]) => {
    if (way.includes(name)) throw new CircularStreamError([...way.slice(way.indexOf(name)), name]);
    const stream = known.get(name);
    if (stream === undefined || isRead(stream) || found.has(name)) return;
    for (const other of neededStreams(stream.plan.needs)) visit(other, [...way, name]);
    found.set(name, stream);
  };
  for (const name of needs.flatMap(neededStreams)) visit(name, []);
  return [...found.values()];
}

/**
 * The same phase without what it does not use: networks that nothing reads, trains or predicts with, and
 * streams that no term needs. A run keeps no more in memory than it uses. The phase comes back unchanged
 * where a plugin file was not run (its needs are unknown) and where a stream is made from itself (config
 * reports it).
 * @param predicting the network that evaluation uses; kept although no term reads it
 */
export function usedParts(phase: PhasePlan, predicting?: string): PhasePlan {
  // What a plugin needs whose file was not run is not known.
  if (plannedParts(phase).some(({ unrun }) => unrun)) return phase;
  let updates: readonly UpdatePlan[];
  try {
    updates = planUpdates(phase);
  } catch (error) {
    // Whoever reads the recipe reports it.
    if (error instanceof CircularStreamError) return phase;
    throw error;
  }
  const entries = updates.flatMap((update) => update.entries);
  const made = new Set(entries.flatMap((entry) => entry.kind === "make" ? [entry.stream] : []));
  const reads = new Set(updates.flatMap((update) => update.reads));
  const streams = phase.streams.filter((stream) =>
    isRead(stream) ? reads.has(stream.name) : made.has(stream.name)
  ).flatMap((stream) => streamsBehind(phase.streams, stream));
  const plans = [...phase.losses, ...streams.filter(isMade)].map(({ plan }) => plan);
  const networks = new Set([
    predicting,
    ...entries.flatMap((entry) => entry.kind === "view" ? [entry.by] : []),
    ...plans.flatMap(({ needs, owners = [] }) => [
      ...needs.parameters ?? [],
      ...owners.flatMap(({ trains }) => trains ?? []),
    ]),
  ]);
  const jobs = new Set(phase.before.flatMap(({ plan }) => plan.reads));
  return {
    ...phase,
    streams: phase.streams.filter((stream) => streams.includes(stream) || jobs.has(stream.name)),
    networks: phase.networks.filter(({ name }) => networks.has(name)),
  };
}
