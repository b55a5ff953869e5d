/** Files of weights into a network: checkpoints of plca and what PyTorch wrote. */
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { printable } from "../core/printable.ts";
import type { StoredTensor } from "../weights/stored_tensor.ts";
import type { WeightsSource } from "../core/weights.ts";
import { type Fitted, type Fitting, fitWeights, type ImportReport } from "../weights/mapping.ts";
import { readWeights, type WeightsFile } from "../weights/read.ts";
import { assembleModel, type StateEntry } from "./assemble.ts";
import { assignStored, type CheckpointState, storedShape, verifiedState } from "./checkpoint.ts";

/** The network that a file is read into. */
export interface WeightsTarget {
  /** Gives the names that files may use, and the classes. */
  readonly plan: {
    readonly labelSpace: RunPlan["labelSpace"];
    readonly model: { readonly plan: RunPlan["model"]["plan"] };
  };
  /** The network's variables. */
  readonly state: readonly StateEntry[];
  /** Which of a checkpoint's networks is read; absent, or where its phase trained without it: the student. */
  readonly network?: string | undefined;
}

/** What transformers call the file of weights in a folder that it saves. */
const IN_FOLDER = ["model.safetensors", "pytorch_model.bin"];

/** The file of weights that a path means: itself, or that in a folder as transformers saves it. */
export async function weightsPath(path: string, files: FileReader): Promise<string> {
  const names = await files.entries?.(path) ?? [];
  const inside = IN_FOLDER.find((name) => names.includes(name));
  return inside === undefined ? path : `${path.replace(/\/+$/, "")}/${inside}`;
}

async function readFrom(path: string, files: FileReader): Promise<WeightsFile> {
  return readWeights(await files.read(await weightsPath(path, files)), path);
}

/**
 * Reads a whole network from a checkpoint of plca or a PyTorch file, all or nothing: every tensor must be in the file,
 * and the file may hold nothing else of a network. What only training needs and PyTorch's counters are passed over.
 * @returns what a checkpoint says of its run, undefined for other files; and its network, undefined for the student
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
    // Where something is missing, the warnings say the same.
    ...(report.initialised.length === 0 && unexpected.length > 0 ? report.warnings : []),
  ];
  if (faults.length > 0) {
    throw new UserError(`${path}: does not fit the recipe's model: ${faults.join("; ")}`);
  }
  assign(tensors, target.state);
  return { run, network };
}

/**
 * Reads what a file has of a network; the rest keeps its values.
 * @returns what became of every tensor
 * @throws UserError that names `path` when a shape differs, the classes are others, a weight is not finite, or nothing fits
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
 * A file's tensors by the names of a recipe's model, float32, with the classes in the recipe's order; what the model
 * has and the file not is left out. The model is made and freed again, so a backend must be selected.
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
  /** The one that was read; undefined: the student. */
  readonly network: string | undefined;
}

function fit({ path, file: all, take, ...source }: Source, target: WeightsTarget): FittedFile {
  const { plan, state } = target;
  let run: CheckpointState | undefined;
  if (all.format === "safetensors") {
    const tensors = new Map([...all.tensors].map(([name, tensor]) => [name, tensor.read()]));
    run = verifiedState({ path, tensors, metadata: all.metadata });
  }
  // A checkpoint of plca calls its networks as the recipe does.
  const network = target.network ?? take?.replace(/\.+$/, "");
  const own = run === undefined || network === undefined ? undefined : ofNetwork(all, network);
  const file = own ?? all;
  const wanted = state.map((entry) => ({ name: entry.name, shape: storedShape(entry) }));
  const { model: { plan: { weightNames: names } }, labelSpace: { classes } } = plan;
  const made = fitWeights({ ...source, path, file, names, wanted, classes, ...(own ? {} : { take }) });
  return { ...made, run, network: own && network };
}

/** What a checkpoint has of one network beside the student, by the network's own names; undefined: nothing. */
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

const SHOWN = 5;

function listed(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
  return [`${what} ${printable(names.slice(0, SHOWN).join(", "))}${more}`];
}
