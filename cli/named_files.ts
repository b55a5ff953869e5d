/**
 * Files of weights and data that a recipe names, each with its key. Training would find out that one is not
 * there, but some only after the network was made; and an error that says a path alone leaves the key to be
 * guessed.
 */
import { resolve } from "node:path";
import { formatPath, UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { Host } from "./host.ts";
import { neighbour } from "./neighbour.ts";
import { shown, stat } from "./run_folder.ts";

/** A file or folder, and where the recipe names it. */
export interface NamedFile {
  /** As in `model.weights`. */
  readonly key: string;
  /** Absolute. */
  readonly path: string;
}

/** The files of weights that are read before the first step. */
export function startWeights({ model, phases }: Pick<RunPlan, "model" | "phases">): NamedFile[] {
  const [first] = phases;
  return [
    ...(model.weights === undefined ? [] : [{ key: "model.weights", path: model.weights.file }]),
    ...(first?.from.kind === "file" ? [{ key: "phases[0].from", path: first.from.path }] : []),
    ...(first?.networks ?? []).flatMap(({ at, weights }) =>
      weights === undefined ? [] : [{ key: `${formatPath(at)}.weights`, path: weights.file }]
    ),
  ];
}

/** What the datasets of source, target and splits name, and the data root where one of them needs it. */
export function namedData({ data }: Pick<RunPlan, "data">): NamedFile[] {
  const datasets = Object.entries({ source: data.source, target: data.target, ...data.splits })
    .filter(([name]) => name !== "train");
  const root = data.root === "" ? [] : [{ key: "data.root", path: data.root }];
  return [
    ...root,
    ...datasets.flatMap(([name, dataset]) =>
      (dataset?.paths ?? []).map((path) => ({ key: `data.${name}`, path: resolve(data.root, path) }))
    ),
  ];
}

/** Those that are not there, each as `KEY: PATH: there is no such ...`, with the nearest name. */
export async function missingFiles(host: Host, named: readonly NamedFile[]): Promise<string[]> {
  return (await lookedAt(host, named)).map(({ line }) => line);
}

/**
 * Checks what training reads before its first step. Data that is not there is left to its dataset, which knows
 * more about it, unless something of nearly the same name lies beside.
 * @throws UserError that names every file of weights that is not there, and such data
 */
export async function requireStart(host: Host, plan: RunPlan): Promise<void> {
  const weights = await lookedAt(host, startWeights(plan));
  const data = (await lookedAt(host, namedData(plan))).filter(({ near }) => near !== "");
  const lines = [...weights, ...data].map(({ line }) => line);
  if (lines.length > 0) throw new UserError(lines.join("\n"));
}

/** What is not there. */
async function lookedAt(host: Host, named: readonly NamedFile[]): Promise<{ line: string; near: string }[]> {
  const missing = [];
  for (const { key, path } of named) {
    if (await stat(path)) continue;
    const near = await neighbour(path, host.cwd);
    missing.push({ near, line: `${key}: ${shown(host, path)}: there is no such file or folder${near}` });
  }
  return missing;
}
