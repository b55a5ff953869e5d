/**
 * `data:` to datasets that are planned and fit each other.
 *
 * Three checks join the datasets: those that read below `data.root` need one; `val` and `test` must have the
 * source's classes in the source's order, else a confusion matrix would compare numbers that mean different
 * things; the target may have other classes, since its labels are not trained on.
 *
 * {@linkcode DataPlan.origins} remembers the plugin and options of each dataset. A plan holds
 * functions and cannot be sent to a worker thread, but a plugin's name and its options can: the worker plans
 * the dataset again.
 */
import { isAbsolute, resolve } from "node:path";
import { type LabelSpace, sameClasses } from "../core/label_space.ts";
import type { DataPlan, DatasetOrigin, Split } from "../core/plan.ts";
import type { DatasetPlan } from "../core/plugin.ts";
import type { Findings } from "./findings.ts";
import type { Plugins } from "./lenient.ts";
import { locate } from "./locate.ts";
import { planEntryOf } from "./plugins.ts";
import { DATASETS } from "./recipe.ts";

/** The datasets, and how the resolved recipe has them. */
export interface PlannedData {
  readonly plan: DataPlan;
  /**
   * The same map as the plan's, for datasets that are planned elsewhere; without those that have mistakes.
   */
  readonly origins: Map<DatasetPlan, DatasetOrigin>;
  readonly resolved: Readonly<Record<string, unknown>>;
}

/**
 * Plans `data`. `train` among the splits is the labelled source.
 * @returns undefined after recording that source or target cannot be planned
 */
export function planData(findings: Findings, setup: Plugins): PlannedData | undefined {
  const keys = ["root", ...DATASETS];
  if (!findings.mapping(["data"], { expected: `a mapping with ${keys.join(", ")}`, keys })) return undefined;
  const plans = new Map<string, DatasetPlan>();
  const origins = new Map<DatasetPlan, DatasetOrigin>();
  const mended = new Set<string>();
  const resolved: Record<string, unknown> = {};
  const root = findings.has(["data", "root"]) ? findings.text(["data", "root"], "a folder") : undefined;
  const folder = root === undefined
    ? ""
    : isAbsolute(root)
    ? root
    : resolve(locate(findings.root, ["data", "root"]).folder, root);
  if (folder !== "") resolved["root"] = folder;
  for (const name of DATASETS) {
    const path = ["data", name];
    if ((name === "val" || name === "test") && !findings.has(path)) continue;
    const planned = planEntryOf(findings, { ...setup, kind: "dataset", path, flat: true });
    if (!planned) continue;
    plans.set(name, planned.plan);
    if (!planned.mended) origins.set(planned.plan, { plugin: planned.plugin, options: planned.raw });
    if (planned.mended || planned.unrun) mended.add(name);
    resolved[name] = { ...planned.named, ...planned.options };
  }
  const rootless = [...plans.keys()].filter((name) => plans.get(name)!.needsRoot && !mended.has(name));
  if (folder === "" && rootless.length > 0) {
    findings.add(
      ["data"],
      `root is missing; the files of ${rootless.join(", ")} lie there (--set data.root=FOLDER)`,
    );
  }
  const [source, target] = [plans.get("source"), plans.get("target")];
  if (source && !mended.has("source")) {
    for (const split of ["val", "test"] as const) {
      const other = mended.has(split) ? undefined : plans.get(split)?.labelSpace;
      const why = other && difference(source.labelSpace, other);
      if (why !== undefined) findings.add(["data", split], why);
    }
  }
  if (!source || !target) return undefined;
  const [val, test] = [plans.get("val"), plans.get("test")];
  const splits: Partial<Record<Split, DatasetPlan>> = {
    train: source,
    ...(val ? { val } : {}),
    ...(test ? { test } : {}),
  };
  return { plan: { root: folder, source, target, splits, origins }, origins, resolved };
}

/**
 * In words, how the classes of two datasets differ; undefined when they do not, or one of them is not known.
 */
export function difference(source: LabelSpace, other: LabelSpace): string | undefined {
  // What stands for a dataset that is not known has neither.
  const unknown = [source, other].some(({ name, classes }) => name === "" && classes.length === 0);
  if (unknown || sameClasses(source, other)) return undefined;
  const listed = ({ name, classes, ignore }: LabelSpace) =>
    `${name} (${classes.join(", ")}; ignore ${ignore})`;
  return `its classes differ from the source's: ${listed(other)}, expected ${listed(source)}`;
}
