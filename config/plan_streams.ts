/**
 * `streams:`: where the images of a step come from. `source` and `target` are always there, made from `data`;
 * a recipe may add more and may override these two. An entry is one of three things, told apart by its key:
 * `dataset` (read from files), `job` (read from what a job of a phase left), or `type`/`use` (made in each
 * step from other streams).
 *
 * The order matters: views are made in it, and a network's running statistics follow that order. `target`
 * comes before `source`; `training.order` changes it.
 */
import type { DataPlan, DatasetOrigin, PlannedStream, ReadStream } from "../core/plan.ts";
import type { DatasetPlan } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { STUDENT } from "../core/term.ts";
import type { Findings } from "./findings.ts";
import type { Plugins } from "./lenient.ts";
import { find, locate } from "./locate.ts";
import { difference } from "./plan_data.ts";
import { partOf, planEntryOf } from "./plugins.ts";
import { NAME } from "./recipe.ts";
import { mistaken } from "./stand_ins.ts";

/** What streams are planned with. */
export interface StreamSetup {
  /** Undefined when it could not be planned. */
  readonly data: DataPlan | undefined;
  /** Receives what their datasets were planned from. */
  readonly origins: Map<DatasetPlan, DatasetOrigin>;
}

/** Streams, and how the resolved recipe has those that it names. */
export interface PlannedStreams {
  readonly streams: readonly PlannedStream[];
  readonly resolved: Readonly<Record<string, unknown>>;
}

type PlannedOne = Pick<PlannedStreams, "resolved"> & { readonly stream: PlannedStream };

/**
 * Plans `source`, `target` and every entry. Entries with mistakes are recorded and left out; undefined after
 * recording that `streams` is no mapping.
 */
export function planStreams(findings: Findings, setup: StreamSetup & Plugins): PlannedStreams | undefined {
  const origin = (name: string) => ({
    name,
    at: ["data", name],
    origin: locate(findings.root, ["data", name]).where,
  });
  const streams = new Map<string, PlannedStream>();
  for (const name of ["target", "source"] as const) {
    // A dataset that could not be planned is recorded; its name stays known.
    const dataset = setup.data?.[name] ?? mistaken("dataset");
    streams.set(name, { ...origin(name), dataset, labels: name === "source" });
  }
  const resolved: Record<string, unknown> = {};
  if (findings.has(["streams"])) {
    const node = findings.mapping(["streams"], { expected: "a mapping of names to streams" });
    if (!node) return undefined;
    for (const name of node.entries.keys()) {
      const planned = planStream(findings, name, setup);
      if (!planned) continue;
      streams.set(name, planned.stream);
      resolved[name] = planned.resolved;
    }
  }
  return { streams: [...streams.values()], resolved };
}

function planStream(
  findings: Findings,
  name: string,
  setup: StreamSetup & Plugins,
): PlannedOne | undefined {
  const at = ["streams", name];
  if (!NAME.pattern.test(name) || name === STUDENT) {
    findings.addKey(at, `expected ${NAME.words}, and another name than ${STUDENT}`);
    return undefined;
  }
  const [dataset, job] = ["dataset", "job"].map((key) => findings.has([...at, key]));
  if (!dataset && !job) return madeStream(findings, name, setup);
  const keys = [dataset ? "dataset" : "job", "labels"];
  if (!findings.mapping(at, { expected: "a mapping with dataset, job, type or use", keys })) return undefined;
  const labels = findings.value([...at, "labels"], z.boolean().default(name !== "target"));
  const part = { name, at, origin: locate(findings.root, at).where, labels: labels ?? true };
  if (job) {
    const text = findings.text([...at, "job"], "the name of a job");
    return text === undefined
      ? undefined
      : { stream: { ...part, job: text }, resolved: { job: text, labels } };
  }
  return readStream(findings, part, setup);
}

/** A stream that a plugin makes from others in each step. */
function madeStream(findings: Findings, name: string, setup: Plugins): PlannedOne | undefined {
  const at = ["streams", name];
  const node = find(findings.root, at);
  if (node?.kind === "mapping" && !["type", "use"].some((key) => node.entries.has(key))) {
    findings.add(
      at,
      "expected one of dataset (images of a dataset), job (what a job left), type or use (a maker)",
    );
    return undefined;
  }
  const entry = planEntryOf(findings, { ...setup, kind: "stream", path: at });
  if (!entry) return undefined;
  return {
    stream: { name, ...partOf(findings, at, entry), plan: entry.plan },
    resolved: { ...entry.named, options: entry.options },
  };
}

/**
 * A stream that is read from a dataset of its own. If its labels are read, its classes must be the source's.
 */
function readStream(
  findings: Findings,
  part: ReadStream,
  setup: StreamSetup & Plugins,
): PlannedOne | undefined {
  const path = [...part.at, "dataset"];
  const entry = planEntryOf(findings, { ...setup, kind: "dataset", path, flat: true });
  if (!entry) return undefined;
  const { data, origins } = setup;
  const { plan } = entry;
  origins.set(plan, { plugin: entry.plugin, options: entry.raw });
  if (data && !entry.mended && !entry.unrun) {
    const { root, source } = data;
    if (plan.needsRoot && root === "") {
      findings.add(path, "data.root is missing; its files lie there (--set data.root=FOLDER)");
    }
    const why = part.labels && origins.has(source)
      ? difference(source.labelSpace, plan.labelSpace)
      : undefined;
    if (why !== undefined) findings.add(path, why);
  }
  return {
    stream: { ...part, dataset: plan },
    resolved: { dataset: { ...entry.named, ...entry.options }, labels: part.labels },
  };
}
