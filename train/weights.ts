/**
 * Reading files of weights into a network.
 *
 * A checkpoint of plca, a file of PyTorch and a folder of transformers differ in format and in the names of
 * tensors. weights/read.ts reads the formats, and weights/mapping.ts finds for each variable of a model the
 * tensor that belongs to it; here the result is put into variables. There are two ways to ask: all or nothing
 * ({@linkcode loadWeights}), for a trained network, and as much as fits ({@linkcode initialiseFrom}), for a
 * network that training continues from, such as a backbone that was trained on ImageNet.
 */
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { printable } from "../core/printable.ts";
import type { StoredTensor } from "../weights/stored_tensor.ts";
import type { WeightsSource } from "../core/weights.ts";
import { type Fitted, fitWeights, type ImportReport } from "../weights/mapping.ts";
import type { Fitting } from "../weights/fitting.ts";
import { readWeights } from "../weights/read.ts";
import type { WeightsFile } from "../weights/weights_file.ts";
import { assembleModel } from "./assemble.ts";
import type { StateEntry } from "./state.ts";
import { assignStored, type CheckpointState, storedShape, verifiedState } from "./checkpoint.ts";

/** The network that a file is read into. */
export interface WeightsTarget {
  /** The model, which knows the names that files may use, and the classes. */
  readonly plan: {
    readonly labelSpace: RunPlan["labelSpace"];
    readonly model: { readonly plan: RunPlan["model"]["plan"] };
  };
  /** The network's variables. */
  readonly state: readonly StateEntry[];
  /** Which of a checkpoint's networks is read; the student if absent, or if the file has no such network. */
  readonly network?: string | undefined;
}

/** The names of the file of weights in a folder that the library transformers saved. */
const IN_FOLDER = ["model.safetensors", "pytorch_model.bin"];

/** The file of weights that a path means: the path itself, or the file in a folder of transformers. */
export async function weightsPath(path: string, files: FileReader): Promise<string> {
  const names = await files.entries?.(path) ?? [];
  const inside = IN_FOLDER.find((name) => names.includes(name));
  return inside === undefined ? path : `${path.replace(/\/+$/, "")}/${inside}`;
}

async function readFrom(path: string, files: FileReader): Promise<WeightsFile> {
  return readWeights(await files.read(await weightsPath(path, files)), path);
}

/**
 * Reads a whole network from a checkpoint of plca or a PyTorch file, all or nothing: every tensor of the
 * network must be in the file, and the file must hold no other weights. Optimisers' slots and PyTorch's
 * counters are passed over.
 * @returns `run`: what a checkpoint says of its run, undefined for other files; `network`: which network was
 * read, undefined for the student
 * @throws UserError that names `path` and what is missing, unexpected, differently shaped or not finite
 * @throws DataError when the file cannot be read
 */
export async function loadWeights(
  path: string,
  target: WeightsTarget,
  files: FileReader,
): Promise<Pick<FittedFile, "run" | "network">> {
  const file = await readFrom(path, files);
  const { tensors, report, unexpected, run, network } = fit({ path, file, whole: true }, target);
  const faults = [
    ...listed("missing", report.initialised.flatMap(({ names }) => names)),
    ...listed("unexpected", unexpected),
    // If tensors are missing, the warnings only repeat that.
    ...(report.initialised.length === 0 && unexpected.length > 0 ? report.warnings : []),
  ];
  if (faults.length > 0) {
    throw new UserError(`${path}: does not fit the recipe's model: ${faults.join("; ")}`);
  }
  assign(tensors, target.state);
  return { run, network };
}

/**
 * Reads what a file has of a network; variables that the file lacks keep their values.
 * @returns which tensors were used, and which were not
 * @throws UserError that names `path` when a shape differs, the classes are others, a weight is not finite,
 * or no tensor fits
 * @throws DataError when the file cannot be read
 */
export async function initialiseFrom(
  { file: path, take, without }: WeightsSource,
  target: WeightsTarget,
  files: FileReader,
): Promise<ImportReport> {
  const file = await readFrom(path, files);
  const { tensors, report } = fit({ path, file, take, without }, target);
  assign(tensors, target.state);
  return report;
}

/**
 * A file's tensors by the names of a recipe's model, float32, with the classes in the recipe's order.
 * Variables of the model that the file lacks are left out. The model is made and freed again, so a backend
 * must be selected.
 * @throws UserError as {@linkcode initialiseFrom}
 */
export function convertWeights(
  source: Source,
  plan: RunPlan,
): Fitted {
  const model = assembleModel(plan);
  try {
    return fit(source, { plan, state: model.state });
  } finally {
    model.dispose();
  }
}

type Source = Pick<Fitting, "path" | "file" | "classOrder" | "take" | "without" | "whole">;

interface FittedFile extends Fitted {
  /** What a checkpoint says of its run. */
  readonly run: CheckpointState | undefined;
  /** The network that was read; undefined for the student. */
  readonly network: string | undefined;
}

/** Finds the tensors of a file for the variables of a network; changes no variable. @throws UserError */
function fit({ path, file: all, take, ...source }: Source, target: WeightsTarget): FittedFile {
  const { plan, state } = target;
  let run: CheckpointState | undefined;
  if (all.format === "safetensors") {
    const tensors = new Map([...all.tensors].map(([name, tensor]) => [name, tensor.read()]));
    run = verifiedState({ path, tensors, metadata: all.metadata });
  }
  // A checkpoint of plca calls its networks as the recipe does.
  const network = target.network ?? take?.replace(/\.+$/, "");
  const part = run === undefined || network === undefined ? undefined : ofNetwork(all, network);
  const file = part ?? all;
  const wanted = state.map((entry) => ({ name: entry.name, shape: storedShape(entry) }));
  const { model: { plan: { weightNames: names } }, labelSpace: { classes } } = plan;
  const fitted = fitWeights({ ...source, path, file, names, wanted, classes, ...(part ? {} : { take }) });
  return { ...fitted, run, network: part && network };
}

/**
 * The part of a checkpoint that holds one network beside the student, by the network's own names; or
 * undefined.
 */
function ofNetwork(file: WeightsFile, network: string): WeightsFile | undefined {
  const prefix = `network/${network}/`;
  const tensors = [...file.tensors].filter(([name]) => name.startsWith(prefix));
  if (tensors.length === 0) return undefined;
  const { dictionaries: _, ...rest } = file;
  return { ...rest, tensors: new Map(tensors.map(([name, tensor]) => [name.slice(prefix.length), tensor])) };
}

function assign(tensors: ReadonlyMap<string, StoredTensor>, state: readonly StateEntry[]): void {
  for (const entry of state) {
    const stored = tensors.get(entry.name);
    if (stored) assignStored(entry, stored);
  }
}

/** Number of names that an error lists. */
const SHOWN = 5;

/** `missing a, b and 3 more`, or nothing where there are no names. */
function listed(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
  return [`${what} ${printable(names.slice(0, SHOWN).join(", "))}${more}`];
}
