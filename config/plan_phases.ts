/**
 * What a run trains, one phase after the other.
 *
 * A recipe without `phases:` has one phase, described by the recipe's own sections, and before it the
 * baseline where there is one. An entry of `phases:` is a recipe for some sections ({@linkcode
 * PHASE_SECTIONS}): what it does not say, it has from the whole. So a phase is planned like a recipe, from a
 * tree in which its own sections were laid over the recipe's ({@linkcode phaseRoot}), and `Findings.ofPhase`
 * brings positions back to where things were written.
 *
 * Phases after the first draw their own random numbers (`draws`), or each would see the same images in the
 * same order. A baseline deliberately does not: it is compared with the run, so it must see the same images.
 */
import { ConfigError, type ConfigPath } from "../core/errors.ts";
import { isRead, MOST_PHASES, type PhasePlan, type RunPlan } from "../core/plan.ts";
import type { ModelPlan, SchedulePlan } from "../core/plugin.ts";
import { usedParts } from "../core/step_plan.ts";
import { suggestion } from "../core/suggest.ts";
import { checkStep, type PhaseStep } from "./check_step.ts";
import type { Findings } from "./findings.ts";
import { checkIdleSets } from "./idle_sets.ts";
import type { Plugins } from "./lenient.ts";
import { find, type LocatedMapping } from "./locate.ts";
import { merge } from "./merge.ts";
import { withLength } from "./phase_length.ts";
import { type PlannedStart, SEED, startOf } from "./phase_start.ts";
import { checkJobsAreRead, jobsOf, planJobs } from "./plan_jobs.ts";
import { planNetworks } from "./plan_networks.ts";
import { planStreams, type StreamSetup } from "./plan_streams.ts";
import { checkTargetLabels, trainingPlan } from "./plan_sections.ts";
import { planEntryOf, planLosses } from "./plugins.ts";
import { BASELINE_KEYS, optimizerGroups, PHASE_KEYS, PHASE_SECTIONS, phaseRate, termName } from "./recipe.ts";
import { sections } from "./sections.ts";

/** What all phases of a recipe share. */
export interface PhaseSetup extends StreamSetup, Plugins {
  readonly model: ModelPlan;
  /** Whether the model's taps and groups are not known. */
  readonly unrun: boolean;
  /** The number of classes; undefined when the data has mistakes. */
  readonly classes: number | undefined;
  /** The recipe's name, which is the last phase's where there are no `phases:`. */
  readonly name: string;
  /** Kept though no term reads it, because it predicts. */
  readonly predicting: string | undefined;
}

/** The phases, and their part of the resolved recipe. */
export interface PlannedPhases {
  readonly phases: RunPlan["phases"];
  readonly resolved: Readonly<Record<string, unknown>>;
  /** The names of the last phase's networks, those that nothing reads included. */
  readonly networks: readonly string[];
  /** The names of every stream that loaders read, in some phase. */
  readonly streams: readonly string[];
}

type PlannedPhase = Pick<PlannedPhases, "resolved"> & { readonly plan: PhasePlan };

/**
 * Plans all phases; the result's last one is the run's own. Networks and streams that nothing uses are
 * left out of each phase.
 * @returns undefined after recording what is wrong
 */
export function planPhases(findings: Findings, setup: PhaseSetup): PlannedPhases | undefined {
  const listed = findings.has(["phases"]);
  const planned = listed
    ? listedPhases(findings, setup)
    : [planPhase(findings, { ...setup, at: [], before: [] })];
  const phases = planned.filter((phase) => phase !== undefined);
  const last = phases.at(-1);
  const baseline = findings.has(["baseline"]) && last ? planBaseline(findings, setup, last.plan) : undefined;
  const twin = phases.findIndex(({ plan }) => plan.name === baseline?.plan.name);
  if (listed && twin >= 0) {
    findings.add(
      ["baseline"],
      `phases[${twin}] is called "${baseline!.plan.name}" too; give one another name`,
    );
  }
  if (phases.length < planned.length || !last) return undefined;
  checkJobsAreRead(findings, phases.map(({ plan }) => plan));
  const all = [...baseline ? [baseline.plan] : [], ...phases.map(({ plan }) => plan)];
  return {
    phases: all.map((phase, k) => usedParts(phase, k === all.length - 1 ? setup.predicting : undefined)),
    resolved: {
      ...(listed ? { phases: phases.map(({ resolved }) => resolved) } : last.resolved),
      ...(baseline ? { baseline: baseline.resolved } : {}),
    },
    networks: last.plan.networks.map(({ name }) => name),
    streams: [...new Set(all.flatMap(({ streams }) => streams.filter(isRead).map(({ name }) => name)))],
  };
}

/** A phase that is being planned. */
interface PhaseTask extends PhaseSetup {
  /** The entry of `phases`; [] for the recipe itself. */
  readonly at: ConfigPath;
  /** The phases before it. */
  readonly before: readonly PhasePlan[];
}

/**
 * The entries of `phases:`, each planned; undefined stands for one with mistakes, so that indices stay those
 * of the recipe.
 */
function listedPhases(findings: Findings, setup: PhaseSetup): (PlannedPhase | undefined)[] {
  const node = find(findings.root, ["phases"]);
  if (node?.kind !== "sequence" || node.items.length === 0) {
    findings.add(["phases"], "expected a list of at least one phase, each a mapping with a name");
    return [undefined];
  }
  if (node.items.length > MOST_PHASES) {
    findings.add(["phases"], `expected at most ${MOST_PHASES} phases: there are ${node.items.length}`);
    return [undefined];
  }
  const names = node.items.map((item) => {
    const name = find(item, ["name"]);
    return name?.kind === "scalar" ? name.value : undefined;
  });
  checkIdleSets(findings, node.items.map((item, k) => ({ name: names[k], node: item })));
  const planned: (PlannedPhase | undefined)[] = [];
  node.items.forEach((item, k) => {
    const at = ["phases", k];
    if (!findings.mapping(at, { expected: "a mapping with a name", keys: PHASE_KEYS })) {
      return void planned.push(undefined);
    }
    const name = findings.value([...at, "name"], termName);
    if (name !== undefined && names.indexOf(name) < k) {
      findings.add([...at, "name"], `phases[${names.indexOf(name)}] is called "${name}" too`);
    }
    const from = startOf(findings, k, names);
    const root = withLength(findings, { at, root: phaseRoot(findings, item as LocatedMapping, at) });
    if (name === undefined || !from) return void planned.push(undefined);
    const before = planned.flatMap((phase) => phase ? [phase.plan] : []);
    planned.push(planPhase(findings.ofPhase(root, at), { ...setup, name, at, before, from }));
  });
  return planned;
}

/** The recipe as the phase at `at` sees it; changes of terms that are not there are recorded and left out. */
function phaseRoot(findings: Findings, phase: LocatedMapping, at: ConfigPath): LocatedMapping {
  const root = findings.root as LocatedMapping;
  const entries = new Map(root.entries), keys = new Map(root.keys);
  for (const section of PHASE_SECTIONS) {
    const ofPhase = phase.entries.get(section), shared = root.entries.get(section);
    if (ofPhase === undefined) continue;
    try {
      entries.set(section, shared ? merge(shared, ofPhase, [section]) : ofPhase);
      keys.set(section, phase.keys.get(section)!);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const { path, message } of error.issues) findings.addKey([...at, ...path], message);
    }
  }
  return { ...root, entries, keys };
}

/**
 * One phase, from a tree in which its sections stand in the recipe's places. `findings.root` is that tree,
 * `findings.whole` the recipe as written: `rate` and `before`, which only phases have, are read there.
 */
function planPhase(
  findings: Findings,
  task: PhaseTask & { readonly from?: PlannedStart },
): PlannedPhase | undefined {
  const { name, at, from = SEED } = task;
  const losses = planLosses(findings, { ...task, path: ["losses"] });
  const optimizer = planEntryOf(findings, {
    ...task,
    kind: "optimizer",
    path: ["optimizer"],
    moreKeys: ["groups"],
  });
  const groups = findings.has(["optimizer", "groups"])
    ? findings.value(["optimizer", "groups"], optimizerGroups)
    : undefined;
  for (const [group, { repeats = 1 }] of Object.entries(groups ?? {})) {
    if (repeats === 1 || !optimizer || optimizer.plan.repeats) continue;
    findings.add(
      ["optimizer", "groups", group, "repeats"],
      `expected 1: ${optimizer.plugin.name} updates a parameter once a step`,
    );
  }
  const schedule = planEntryOf(findings, { ...task, kind: "schedule", path: ["schedule"] });
  const training = findings.value(["training"], sections.training);
  if (training && task.data) checkTargetLabels(findings, training, task.data);
  const streams = planStreams(findings, task);
  const networks = planNetworks(findings, task);
  const jobs = at.length === 0 ? [] : planJobs(findings, task);
  const rated = at.length > 0 && findings.whole.has([...at, "rate"]);
  const rate = rated ? findings.whole.value([...at, "rate"], phaseRate) : undefined;
  if (!streams || !networks || !jobs) return undefined;
  const step: PhaseStep = {
    before: jobs.map(({ job }) => job),
    streams: ordered(findings, streams.streams, training?.order),
    networks: networks.networks,
    losses: losses.map(({ loss }) => loss),
    groups: Object.entries(groups ?? {}).map(([group, factors]) => ({ group, ...factors })),
  };
  // Before the phase is given up: a mistake in `training`, say, hides no wrong tap.
  checkStep(findings, { ...task, phase: step, jobs: jobsOf([...task.before, step]) });
  if (!optimizer || !schedule || !training) return undefined;
  const plan: PhasePlan = {
    name,
    from: from.start,
    ...step,
    optimizer: optimizer.plan,
    schedule: scaled(schedule.plan, rate),
    training: trainingPlan(training),
    ...(task.before.length === 0 ? {} : { draws: name }),
  };
  return {
    plan,
    resolved: {
      ...(at.length === 0 ? {} : { name, from: from.text }),
      ...(rate === undefined ? {} : { rate }),
      ...(jobs.length === 0 ? {} : { before: jobs.map(({ resolved }) => resolved) }),
      ...(Object.keys(streams.resolved).length === 0 ? {} : { streams: streams.resolved }),
      ...(Object.keys(networks.resolved).length === 0 ? {} : { networks: networks.resolved }),
      losses: losses.map((entry) => entry.resolved),
      optimizer: {
        ...optimizer.named,
        options: optimizer.options,
        ...(groups === undefined ? {} : { groups }),
      },
      schedule: { ...schedule.named, options: schedule.options },
      training,
    },
  };
}

/** The schedule times the phase's `rate`. */
function scaled(schedule: SchedulePlan, rate = 1): SchedulePlan {
  return rate === 1 ? schedule : { multiplier: (step, steps) => rate * schedule.multiplier(step, steps) };
}

/** Those of `training.order` first. */
function ordered(
  findings: Findings,
  streams: PhasePlan["streams"],
  order: readonly string[] = [],
): PhasePlan["streams"] {
  const names = streams.map(({ name }) => name);
  for (const [k, name] of order.entries()) {
    if (names.includes(name)) continue;
    findings.add(["training", "order", k], `there is no stream "${name}"${suggestion(name, names)}`);
  }
  return inOrder(streams, order);
}

function inOrder(streams: PhasePlan["streams"], order: readonly string[]): PhasePlan["streams"] {
  const place = (name: string) => order.includes(name) ? order.indexOf(name) : order.length;
  return streams.toSorted((a, b) => place(a.name) - place(b.name));
}

/**
 * The baseline: optimiser, schedule and lengths of the run's last phase, streams and networks of the recipe,
 * losses of its own; from the seed, without jobs.
 */
function planBaseline(findings: Findings, setup: PhaseSetup, run: PhasePlan): PlannedPhase | undefined {
  const wanted = { expected: "a mapping with name and losses", keys: BASELINE_KEYS };
  if (!findings.mapping(["baseline"], wanted)) return undefined;
  const name = findings.value(["baseline", "name"], termName.default("baseline"));
  const losses = planLosses(findings, { ...setup, path: ["baseline", "losses"] });
  if (name === undefined) return undefined;
  const streams = planStreams(findings, setup), networks = planNetworks(findings, setup);
  if (!streams || !networks) return undefined;
  const { draws: _, ...rest } = run;
  const plan: PhasePlan = {
    ...rest,
    name,
    baseline: true,
    from: { kind: "seed" },
    before: [],
    // Of the recipe, not of its last phase, which may read what a job leaves.
    streams: inOrder(streams.streams, run.streams.map(({ name }) => name)),
    networks: networks.networks,
    losses: losses.map(({ loss }) => loss),
  };
  checkStep(findings, { ...setup, phase: plan, jobs: [] });
  return { plan, resolved: { name, losses: losses.map((entry) => entry.resolved) } };
}
