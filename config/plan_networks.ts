/**
 * `networks:` beside the student: teachers, frozen networks, networks that an owner trains.
 *
 * Where a network's weights come from decides which keys it may have. One that starts as a copy of the
 * student has the student's model and no file; one that starts from a file names it (`weights`) and may have
 * a model of its own.
 */
import type { PlannedNetwork } from "../core/plan.ts";
import type { ModelPlan } from "../core/plugin.ts";
import { STUDENT } from "../core/term.ts";
import type { Findings } from "./findings.ts";
import type { Plugins } from "./lenient.ts";
import { planWeights } from "./plan_weights.ts";
import { partOf, planEntryOf } from "./plugins.ts";
import { NAME, WEIGHTS_KEY } from "./recipe.ts";

/** Networks, and how the resolved recipe has them. */
export interface PlannedNetworks {
  readonly networks: readonly PlannedNetwork[];
  readonly resolved: Readonly<Record<string, unknown>>;
}

/** What networks are planned with. */
export interface NetworkSetup extends Plugins {
  /** The student's. */
  readonly model: ModelPlan;
}

/**
 * Plans every entry. Entries with mistakes are recorded and left out; undefined after recording that
 * `networks` is no mapping.
 */
export function planNetworks(findings: Findings, setup: NetworkSetup): PlannedNetworks | undefined {
  const networks: PlannedNetwork[] = [];
  const resolved: Record<string, unknown> = {};
  if (findings.has(["networks"])) {
    const node = findings.mapping(["networks"], { expected: "a mapping of names to networks" });
    if (!node) return undefined;
    for (const name of node.entries.keys()) {
      const planned = planNetwork(findings, name, setup);
      if (!planned) continue;
      networks.push(planned.network);
      resolved[name] = planned.resolved;
    }
  }
  return { networks, resolved };
}

function planNetwork(findings: Findings, name: string, { model, ...plugins }: NetworkSetup) {
  const path = ["networks", name];
  if (!NAME.pattern.test(name) || name === STUDENT) {
    findings.addKey(
      path,
      `expected ${NAME.words}, and another name than ${STUDENT}, the trained network's own`,
    );
    return undefined;
  }
  const entry = planEntryOf(findings, {
    ...plugins,
    kind: "network",
    path,
    moreKeys: [WEIGHTS_KEY, "model"],
  });
  const file = [...path, WEIGHTS_KEY], other = [...path, "model"];
  const [hasFile, hasModel] = [findings.has(file), findings.has(other)];
  const { weights, resolved: ownWeights } = planWeights(findings, path);
  const own = hasModel ? planEntryOf(findings, { ...plugins, kind: "model", path: other }) : undefined;
  if (!entry || (hasModel && !own)) return undefined;
  const { start } = entry.plan;
  if (start === "weights" && !hasFile) {
    findings.add(
      path,
      `${WEIGHTS_KEY} is missing; it starts from a file (or, with options, from the student)`,
    );
  }
  if (start === "student") {
    for (const key of [...hasFile ? [file] : [], ...hasModel ? [other] : []]) {
      findings.addKey(key, "is not used: the network starts as a copy of the student, and has its model");
    }
  }
  const network: PlannedNetwork = {
    name,
    ...partOf(findings, path, entry),
    plan: entry.plan,
    model: own?.plan ?? model,
    ...(weights === undefined ? {} : { weights }),
  };
  const resolved = {
    ...entry.named,
    ...ownWeights,
    ...(own ? { model: { ...own.named, options: own.options } } : {}),
    options: entry.options,
  };
  return { network, resolved };
}
