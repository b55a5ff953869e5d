/**
 * What must fit together in the step of a phase.
 *
 * Terms and made streams say what they read (`Needs`): streams, views of them by networks, taps of these
 * networks, parameters. Each of these is a name, and this file looks each of them up in the phase, so that a
 * typo in a tap fails with a line number before anything is loaded and not after an hour in the middle of a
 * step. Owners are checked here too: parameters that two optimisers update would be updated twice a step.
 *
 * All checks only record. What depends on a plugin file that was not run is left out ({@linkcode
 * StepCheck.unrun}).
 */
import type { ConfigPath } from "../core/errors.ts";
import { neededStreams, type NeededView, neededViews } from "../core/needs.ts";
import {
  isMade,
  isRead,
  type MadeStream,
  type PhasePlan,
  type PlannedJob,
  type PlannedLoss,
} from "../core/plan.ts";
import { inGroup } from "../core/optimization.ts";
import type { ModelPlan, TapInfo } from "../core/plugin.ts";
import { CircularStreamError, planPasses, planUpdates } from "../core/step_plan.ts";
import { suggestion } from "../core/suggest.ts";
import { STUDENT } from "../core/term.ts";
import { checkDrawnStreams } from "./check_drawn_streams.ts";
import type { Findings } from "./findings.ts";

/** The parts of a phase that its step is made of. */
export type PhaseStep = Pick<PhasePlan, "losses" | "streams" | "networks" | "before" | "groups">;

/** A phase and what it refers to. */
export interface StepCheck {
  readonly phase: PhaseStep;
  /** Of this phase and of those before it. */
  readonly jobs: readonly PlannedJob[];
  readonly model: ModelPlan;
  /** Whether the model's taps and groups are not known. */
  readonly unrun: boolean;
  /** The number of classes; undefined when it is not known. */
  readonly classes: number | undefined;
}

/** Something that reads views and may own parameters. */
interface Reader {
  readonly kind: "loss" | "stream";
  readonly part: PlannedLoss | MadeStream;
}

/**
 * Records everything in a phase's step that does not fit: names that lead nowhere, taps of the wrong kind,
 * labels that are not read, owners in conflict, jobs out of order, unknown parameter groups, streams made
 * from themselves.
 */
export function checkStep(findings: Findings, check: StepCheck): void {
  const { losses, streams } = check.phase;
  const readers: Reader[] = [
    ...losses.map((part) => ({ kind: "loss" as const, part })),
    ...streams.filter(isMade).map((part) => ({ kind: "stream" as const, part })),
  ];
  for (const one of readers) {
    checkNames(findings, one, check);
    for (const view of neededViews(one.part.plan.needs)) checkView(findings, { reader: one, view }, check);
  }
  checkOwners(findings, readers, check);
  checkJobStreams(findings, check);
  checkDrawnStreams(findings, check.phase);
  checkGroups(findings, check);
  try {
    planUpdates(check.phase);
    // Streams that no term reads, too.
    planPasses(check.phase, streams.filter(isMade).map(({ name }) => ({ streams: [name] })));
  } catch (error) {
    if (!(error instanceof CircularStreamError)) throw error;
    const { at } = streams.find(({ name }) => name === error.way[0])!;
    findings.add(at, `is made from itself: ${error.message}`);
  }
}

/** Where a reader's options stand. */
function optionsOf({ part }: Reader): ConfigPath {
  return [...part.at, "options"];
}

/**
 * Streams and networks that are named must be there. The mistake is placed where the recipe names them, if
 * the plugin said where, else at the plugin's options.
 */
function checkNames(findings: Findings, one: Reader, { phase }: StepCheck): void {
  const streams = phase.streams.map(({ name }) => name);
  const networks = [STUDENT, ...phase.networks.map(({ name }) => name)];
  const { needs } = one.part.plan;
  const at = (needed: string) => {
    const view = needs.views?.find(({ stream, by }) => stream === needed || by === needed);
    return view?.at ?? optionsOf(one);
  };
  for (const name of neededStreams(needs)) {
    if (streams.includes(name)) continue;
    findings.add(at(name), `there is no stream "${name}"${suggestion(name, streams)}`);
  }
  const read = [...neededViews(needs).map(({ by }) => by), ...needs.parameters ?? []];
  for (const name of new Set(read)) {
    if (networks.includes(name)) continue;
    findings.add(at(name), `there is no network "${name}"${suggestion(name, networks)}`);
  }
}

/**
 * The stream must have the labels that are asked for, the network must have each tap, of the right kind; a
 * stream that hides patches needs networks that can do without some.
 */
function checkView(
  findings: Findings,
  { reader: one, view }: { readonly reader: Reader; readonly view: NeededView },
  { phase, model, unrun, classes }: StepCheck,
): void {
  const stream = phase.streams.find(({ name }) => name === view.stream);
  if (view.labels && stream && isRead(stream) && !stream.labels) {
    findings.add(
      one.part.plan.needs.views?.find(({ stream }) => stream === view.stream)?.at ?? optionsOf(one),
      view.stream === "target"
        ? "needs labels, and training does not read those of the target; name a labelled stream"
        : `needs labels, and those of "${view.stream}" are not read (${view.stream}: {labels: false})`,
    );
  }
  const network = phase.networks.find(({ name }) => name === view.by);
  if (view.by !== STUDENT && !network) return;
  if (unrun) return;
  if (stream && isMade(stream) && stream.plan.hides && (network?.model ?? model).hides !== true) {
    const able = network ? `the network "${network.name}"` : "the model";
    if (!network || network.plan.trainable) {
      findings.add(
        [...stream.at, "options"],
        `hides patches, and ${able} needs all of them; expected a model with a token for hidden ones, as dinov2, or cells of pixels`,
      );
    }
  }
  const taps = (network?.model ?? model).taps(classes ?? 0);
  for (const { name, space, logits, at = optionsOf(one) } of view.taps) {
    const tap = taps[name];
    const whose = network ? `the network "${network.name}"` : "the model";
    if (!tap) {
      const { moreTaps } = network?.model ?? model;
      const more = moreTaps ? `; ${moreTaps}` : "";
      findings.add(at, `${whose} has no tap "${name}"${suggestion(name, Object.keys(taps))}${more}`);
    } else if (space !== undefined && space !== tap.space) {
      const fitting = Object.keys(taps).filter((other) => taps[other]?.space === space);
      findings.add(
        at,
        `tap "${name}" holds ${describeSpace(tap.space)}, expected ${describeSpace(space)}${
          fitting.length > 0 ? ` (${fitting.join(", ")})` : ""
        }`,
      );
    } else if (logits && classes !== undefined && !hasLogits(tap, classes)) {
      const fitting = Object.keys(taps).filter((other) => hasLogits(taps[other]!, classes));
      findings.add(
        at,
        `expected a tap with a logit for each of the ${classes} classes (${
          fitting.join(", ")
        }): it is "${name}"`,
      );
    }
  }
}

/** Whether a tap holds one unbounded value per class, as what comes before softmax does. */
export function hasLogits({ space, channels }: TapInfo, classes: number): boolean {
  return space === "real" && channels === classes;
}

/** What the channels of a tap hold. */
export function describeSpace(space: TapInfo["space"]): string {
  return space === "simplex" ? "probabilities" : "features of any value";
}

/**
 * Each network has at most one optimiser, and networks that move by themselves (teachers) have none. An owner
 * that trains a network of the recipe must be `joint`, because only the objective's gradient reaches that
 * network.
 */
function checkOwners(findings: Findings, readers: readonly Reader[], { phase }: StepCheck): void {
  const trained = new Map<string, string>([[STUDENT, "the recipe's optimizer"]]);
  const known = phase.networks.map(({ name }) => name);
  for (const { kind, part: { name: owning, at, plan } } of readers) {
    const names = new Set<string>();
    for (const { name, when, every = 1, trains } of plan.owners ?? []) {
      const who = `the owner "${name}" of ${kind} "${owning}"`;
      if (names.has(name)) findings.add(at, `two of its owners are called "${name}"`);
      names.add(name);
      if (kind === "stream" && when !== "joint") {
        findings.add(at, `${who} must be "joint": a stream has no value of its own to minimise`);
      }
      if (!Number.isInteger(every) || every < 1) {
        findings.add(at, `${who} is updated every ${every} steps; expected a whole number of at least 1`);
      }
      if (trains === undefined) continue;
      if (when !== "joint") {
        findings.add(
          at,
          `${who} trains a network of the recipe, so it must be "joint": what it is handed has no way back to the network`,
        );
      }
      const network = phase.networks.find((network) => network.name === trains);
      if (trained.has(trains)) {
        findings.add(at, `${who} trains "${trains}", which ${trained.get(trains)} trains already`);
      } else if (!network) {
        findings.add(
          at,
          `${who} trains "${trains}", and there is no such network${suggestion(trains, known)}`,
        );
      } else if (network.plan.trainable !== true) {
        findings.add(
          at,
          `${who} trains "${trains}", which nothing may train; expected a network of type trained`,
        );
      }
      trained.set(trains, who);
    }
  }
}

/**
 * A stream of a job needs that job before its phase; a job goes only through streams whose images exist by
 * then.
 */
function checkJobStreams(findings: Findings, { phase, jobs }: StepCheck): void {
  const known = jobs.map(({ name }) => name);
  for (const stream of phase.streams) {
    if (!("job" in stream)) continue;
    const at = [...stream.at, "job"];
    const job = jobs.find(({ name }) => name === stream.job);
    if (!job) {
      findings.add(
        at,
        `no job called "${stream.job}" is done before this phase${suggestion(stream.job, known)}`,
      );
    } else if (!job.plan.dataset && !job.unrun) {
      findings.add(at, `the job "${stream.job}" leaves no dataset`);
    }
  }
  const read = phase.streams.filter(isRead).map(({ name }) => name);
  for (const job of phase.before) {
    const at = [...job.at, "options"];
    const done = jobs.slice(0, jobs.indexOf(job)).map(({ name }) => name);
    for (const name of job.plan.reads) {
      const stream = phase.streams.find((stream) => stream.name === name);
      if (!read.includes(name)) {
        findings.add(
          at,
          `goes through the stream "${name}", which is not read from a dataset${suggestion(name, read)}`,
        );
      } else if (
        stream && "job" in stream && !done.includes(stream.job) && !["source", "target"].includes(name)
      ) {
        findings.add(
          at,
          `goes through the stream "${name}", which the job "${stream.job}" leaves only later`,
        );
      }
    }
  }
}

/**
 * Every key of `optimizer.groups` must mean at least one of the model's parameter groups; else a factor that
 * somebody wrote would silently do nothing.
 */
function checkGroups(findings: Findings, { phase: { groups }, model, unrun }: StepCheck): void {
  const known = model.groups;
  if (known === undefined || unrun) return;
  const parts = [...new Set(known.flatMap((group) => [group, ...group.split("/")]))];
  for (const { group } of groups) {
    if (known.some((one) => inGroup(one, group))) continue;
    findings.addKey(
      ["optimizer", "groups", group],
      `the model has no parameter group "${group}"${suggestion(group, parts)} (${parts.join(", ")})`,
    );
  }
}
