/**
 * Jobs of phases: `before:` of an entry of `phases`, each planned like a plugin of any kind, with a name
 * that no other job of the run has, since its folder is called by it.
 */
import type { ConfigPath } from "../core/errors.ts";
import type { PhasePlan, PlannedJob } from "../core/plan.ts";
import { usedParts } from "../core/step_plan.ts";
import type { Findings } from "./findings.ts";
import type { Plugins } from "./lenient.ts";
import { find } from "./locate.ts";
import { partOf, planEntryOf } from "./plugins.ts";
import { termName } from "./recipe.ts";

/** The jobs of these phases, in the order of their work. */
export function jobsOf(phases: readonly Pick<PhasePlan, "before">[]): readonly PlannedJob[] {
  return phases.flatMap((phase) => phase.before);
}

/** A planned job, and how the resolved recipe writes it. */
interface PlannedJobEntry {
  readonly job: PlannedJob;
  readonly resolved: Readonly<Record<string, unknown>>;
}

/** The phase whose jobs are planned. */
interface JobsTask extends Plugins {
  /** The entry of `phases`. */
  readonly at: ConfigPath;
  /** The phases before it. */
  readonly before: readonly PhasePlan[];
}

/** `before:` of a phase; undefined after recording what is wrong with the list itself. */
export function planJobs(
  findings: Findings,
  { at, before, ...setup }: JobsTask,
): PlannedJobEntry[] | undefined {
  const whole = findings.whole;
  const list = [...at, "before"];
  if (!whole.has(list)) return [];
  const node = find(whole.root, list);
  if (node?.kind !== "sequence") {
    whole.add(list, "expected a list of jobs, each with type or use");
    return undefined;
  }
  const names = new Set(jobsOf(before).map(({ name }) => name));
  return node.items.flatMap((_, k) => {
    const path = [...list, k];
    const entry = planEntryOf(whole, { ...setup, kind: "job", path, moreKeys: ["name"] });
    const given = whole.has([...path, "name"]) ? whole.value([...path, "name"], termName) : undefined;
    if (!entry) return [];
    const name = given ?? entry.plugin.name;
    if (names.has(name)) {
      whole.add(path, `another job is called "${name}" too; give this one another name, with "name:"`);
    }
    names.add(name);
    const job = { ...partOf(whole, path, entry), name, plan: entry.plan };
    return [{ job, resolved: { ...entry.named, name, options: entry.options } }];
  });
}

/** Records jobs whose dataset no stream that is read has. */
export function checkJobsAreRead(findings: Findings, phases: readonly PhasePlan[]): void {
  const streams = phases.flatMap((phase) => usedParts(phase).streams);
  const read = new Set(streams.flatMap((stream) => "job" in stream ? [stream.job] : []));
  for (const { name, at, plan, unrun } of jobsOf(phases)) {
    if (unrun || !plan.dataset || read.has(name)) continue;
    findings.add(
      at,
      `no phase reads the dataset that it leaves; a stream has it with {job: ${name}}, and a term must read that stream`,
    );
  }
}
