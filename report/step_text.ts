/** A planned step in words, for `plca check`: what is read, made, seen and updated, in this order. */
import type { Coefficient } from "../core/coefficient.ts";
import {
  drawnFrom,
  isMade,
  isRead,
  type PhasePlan,
  type PlannedLoss,
  type PlannedStream,
} from "../core/plan.ts";
import type { NetworkPlan, OwnerPlan } from "../core/plugin.ts";
import { planUpdates, type StepEntry } from "../core/step_plan.ts";

/** The objective as a sum, as in `cross-entropy + 0.75 lovasz-softmax + (0 to 1 in 400 steps) mixed`. */
export function objectiveText(losses: readonly PlannedLoss[]): string {
  return losses.map(({ name, weight }) => weight === 1 ? name : `${weightText(weight)} ${name}`).join(" + ");
}

/** The weight of a term, constant or over the steps. */
function weightText(weight: Coefficient): string {
  if (typeof weight === "number") return String(weight);
  const { from, to, start, steps, shape, unit } = weight;
  const share = (of: number) => `${Number((100 * of).toFixed(2))} % of the phase`;
  if (steps === 0) {
    return unit === "phase"
      ? `(${from}, after ${share(start)} ${to})`
      : `(${from}, from step ${start + 1} on ${to})`;
  }
  const after = start === 0 ? "" : ` after ${unit === "phase" ? share(start) : start}`;
  const length = unit === "phase" ? share(steps) : `${steps} steps`;
  return `(${from} to ${to} in ${length}${after}${shape === "linear" ? "" : `, ${shape}`})`;
}

/** Whether a network follows the student by itself. */
function moves({ update, follow }: NetworkPlan): boolean {
  return update !== undefined || follow !== undefined;
}

/** One line for each thing that a step of the phase does, in the order in which it is done. */
export function stepLines(phase: PhasePlan): string[] {
  const updates = planUpdates(phase);
  const reads = new Set(updates.flatMap((update) => update.reads));
  const before = phase.networks.filter(({ plan }) => moves(plan) && plan.when === "before");
  const after = phase.networks.filter(({ plan }) => moves(plan) && plan.when !== "before");
  return [
    ...before.map(({ name }) => `${name} moves`),
    `read ${phase.streams.filter(({ name }) => reads.has(name)).map(readText).join(", ")}`,
    ...updates.flatMap(({ losses, entries }) => {
      const owners = ownersOf(losses, phase.streams, entries);
      const first = owners.filter(({ plan }) => plan.when === "before");
      return [
        ...entries.map(entryText),
        ...(first.length === 0 ? [] : [`update ${first.map(ownerText).join(", ")}`]),
        `minimise ${objectiveText(losses)}`,
        `update ${["student", ...owners.filter((one) => !first.includes(one)).map(ownerText)].join(", ")}`,
      ];
    }),
    ...after.map(({ name }) => `${name} moves`),
  ];
}

function readText(stream: PlannedStream): string {
  if (!isRead(stream)) return stream.name;
  const others = drawnFrom(stream);
  const from = "job" in stream
    ? ` of the job ${stream.job}`
    : others.length === 0
    ? ""
    : ` (of ${others.join(" and ")})`;
  return `${stream.name}${from}${stream.labels ? " with labels" : ""}`;
}

function entryText(entry: StepEntry): string {
  if (entry.kind === "make") return `make ${entry.stream}`;
  const { by, views, gradient } = entry;
  const taps = [...new Set(views.flatMap((view) => view.taps.map(({ name }) => name)))];
  const together = views.length > 1 ? " together" : "";
  return `${by} sees ${views.map(({ stream }) => stream).join(", ")}${together}` +
    `${taps.length === 0 ? "" : `: ${taps.join(", ")}`}${gradient ? "" : " (no gradient)"}`;
}

interface NamedOwner {
  readonly of: string;
  readonly plan: OwnerPlan;
}

function ownersOf(
  losses: readonly PlannedLoss[],
  streams: readonly PlannedStream[],
  entries: readonly StepEntry[],
): NamedOwner[] {
  const made = streams.filter(isMade).filter(({ name }) =>
    entries.some((one) => one.kind === "make" && one.stream === name)
  );
  return [...losses, ...made].flatMap(({ name, plan: { owners = [] } }) =>
    owners.map((plan) => ({ of: name, plan }))
  );
}

function ownerText({ of, plan: { name, every = 1, when = "after", trains } }: NamedOwner): string {
  const notes = [
    ...(trains === undefined ? [] : [`the network ${trains}`]),
    ...(when === "after" ? [] : [when]),
    ...(every === 1 ? [] : [`every ${every} steps`]),
  ];
  return `${of}/${name}${notes.length === 0 ? "" : ` (${notes.join(", ")})`}`;
}
