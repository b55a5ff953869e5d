/**
 * `train --resume RUN --set data.root=...`: the settings of a run that say where its data lies, and nothing
 * else.
 *
 * A resumed run must be the run that was begun, so no setting may change. But data move: to another disk,
 * another machine. So paths may, if the files there are the run's by name and size and the weights by
 * checksum (`inputs.json` of the run); the new paths are then written into the run's `config.yaml`.
 */
import { join } from "node:path";
import { formatPath, UserError } from "../../core/errors.ts";
import type { RunPlan } from "../../core/plan.ts";
import type { DatasetPlan } from "../../core/plugin.ts";
import { diskFiles } from "../../datasets/files.ts";
import { configText } from "../../run_folder/config.ts";
import { CONFIG } from "../../run_folder/layout.ts";
import { writeWhole } from "../../run_folder/write.ts";
import { comparedText, compareInputs } from "../../train/moved_inputs.ts";
import { readInputs } from "../../train/recorded_inputs.ts";
import { commandLine } from "../command_line.ts";
import type { Host } from "../host.ts";
import { shown } from "../run_folder.ts";

/** A setting of a resolved recipe. */
interface Setting {
  /** As `--set` writes it. */
  readonly path: string;
  readonly value: unknown;
}

/** A run, and its recipe before and after its paths are changed. */
export interface Moved {
  /** Absolute. */
  readonly folder: string;
  readonly before: RunPlan;
  readonly after: RunPlan;
}

/**
 * Checks that nothing but paths differs and that the data there is the run's, and writes the new paths into
 * its `config.yaml`.
 * @returns what was compared, in words; undefined when nothing differs
 * @throws UserError that names another setting, or the first file that is not what it was
 */
export async function moveData(host: Host, { folder, before, after }: Moved): Promise<string | undefined> {
  const changed = differing(before.resolved, after.resolved);
  if (changed.length === 0) return undefined;
  const movable = new Set(pathSettings(before).map(({ path }) => path));
  const other = changed.find((path) => !movable.has(path));
  if (other !== undefined) throw new UserError(notAllowed(host, folder, other));
  const compared = await compareInputs(after, await readInputs(folder), diskFiles());
  await writeWhole(join(folder, CONFIG), new TextEncoder().encode(configText(after.resolved)));
  return `${changed.join(", ")} changed in ${shown(host, join(folder, CONFIG))}: ${comparedText(compared)}`;
}

/** The error for a setting that must not change, with the command that begins a new run with it. */
function notAllowed(host: Host, folder: string, setting: string): string {
  const run = shown(host, folder);
  return `--resume ${run}: ${setting} would make it another run; with --resume, --set takes only where data ` +
    `and weights lie now, as in --set data.root=FOLDER. A new run: ${
      commandLine(host, `train ${join(run, CONFIG)} --set ${setting}=...`)
    }`;
}

/** The paths of what differs between two resolved recipes, as deep as both have the same shape. */
function differing(before: unknown, after: unknown, path: readonly (string | number)[] = []): string[] {
  if (isTree(before) && isTree(after) && Array.isArray(before) === Array.isArray(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) =>
      differing(before[key], after[key], [...path, Array.isArray(before) ? Number(key) : key])
    );
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [formatPath(path)];
}

/** Whether a value has others in it: a mapping or a list. */
function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Settings of datasets, by their paths. */
const DATASET = /^(?:data\.(?:source|target|val|test)|(?:phases\[\d+\]\.)?streams\.[\w.-]+?\.dataset)\.\w+$/;

/** Other settings that name a file. */
const FILES = [
  /^(?:model|(?:phases\[\d+\]\.)?networks\.[\w.-]+?)\.weights(?:\.file)?$/,
  /^phases\[\d+\]\.from$/,
  /^evaluation\.ensemble\[\d+\]\.checkpoint$/,
  /^input\.rare_class_sampling\.stats$/,
];

/** The settings of a run that say where a file or folder lies. */
function pathSettings(plan: RunPlan): Setting[] {
  const named = new Set(datasetsOf(plan).flatMap(({ paths = [] }) => paths));
  const isOfData = (value: string) => named.has(value) || named.has(value.replace(/[\\/][^\\/]*$/, ""));
  return leaves(plan.resolved).filter(({ path, value }) =>
    typeof value === "string" &&
    (path === "data.root" || (DATASET.test(path) && isOfData(value)) ||
      // A phase may be called like anything but a path.
      (FILES.some((pattern) => pattern.test(path)) && /[\\/]/.test(value)))
  );
}

/** Every dataset of a plan: source, target, splits, and those of streams. */
function datasetsOf({ data, phases }: RunPlan): DatasetPlan[] {
  const streams = phases.flatMap(({ streams }) => streams);
  return [
    data.source,
    data.target,
    ...Object.values(data.splits),
    ...streams.flatMap((stream) => "dataset" in stream ? [stream.dataset] : []),
  ];
}

/** Every single value of a recipe with its path. */
function leaves(value: unknown, path: readonly (string | number)[] = []): Setting[] {
  if (!isTree(value)) return [{ path: formatPath(path), value }];
  return Object.entries(value).flatMap(([key, inner]) =>
    leaves(inner, [...path, Array.isArray(value) ? Number(key) : key])
  );
}

/**
 * The advice when data of a run is not where it was: the setting that leads to the file, and the command that
 * changes it.
 * @param missing `file`: what is not there, as the error calls it
 */
export function whenMoved(host: Host, { plan, folder, file }: {
  readonly plan: RunPlan;
  readonly folder: string;
  readonly file: string;
}): string {
  const inFile = file.replace(/^data\.root /, "");
  const isAround = ({ value }: Setting) => inFile === value || inFile.startsWith(`${value}/`);
  const [nearest] = pathSettings(plan).filter(isAround)
    .toSorted((a, b) => String(b.value).length - String(a.value).length);
  const setting = nearest?.path ?? "data.root";
  const command = commandLine(host, `train --resume ${shown(host, folder)} --set ${setting}=PATH`);
  return `if it was moved, say where it lies now: ${command}`;
}
