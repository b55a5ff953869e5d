/**
 * Which tensors of a file become which tensors of a network, in which order of classes. Pure.
 *
 * The steps, each of which may refuse: bring tensors into the network's form (forms.ts); find the networks in
 * the file by name and choose one (networks.ts); rename its tensors; compare shapes; find out in which order
 * the file counts classes; convert to float32 and put the rows of the classifier into the recipe's order;
 * report.
 *
 * The order of classes is the most dangerous step. A classifier with its classes permuted has the right shape
 * and loads without complaint, and is wrong for every pixel. So a file says in which order it counts (plca's
 * own in their metadata, published ones by their scheme), and a file that says nothing is taken to be in the
 * recipe's order.
 */
import { suggestion } from "../core/suggest.ts";
import type { WeightNames } from "../core/weights.ts";
import { checkShapes, finiteFloat32 } from "./check_shapes.ts";
import { classOrderOf, reordered } from "./class_order.ts";
import { type Fitting, refusal } from "./fitting.ts";
import { inForms } from "./forms.ts";
import {
  firstPart,
  grouped,
  type ImportReport,
  initialised,
  isPartOf,
  otherNetworks,
  partWarnings,
  warningsOf,
} from "./import_report.ts";
import {
  chosenNetwork,
  entriesOf,
  type Entry,
  isRead,
  namedBy,
  type Network,
  networksIn,
  partsOf,
  toldPrefix,
  TRAINING,
} from "./networks.ts";
import type { LazyTensor, StoredTensor } from "./stored_tensor.ts";
import { taken } from "./take.ts";

export { describeImport, type ImportReport, type NameGroup } from "./import_report.ts";

/** What a file gives to a network. */
export interface Fitted {
  /** float32, by the network's names, filters OIHW, classes in the recipe's order. */
  readonly tensors: ReadonlyMap<string, StoredTensor<"F32">>;
  readonly report: ImportReport;
  /** Names in the file that belong to a network, but not to this one. */
  readonly unexpected: readonly string[];
}

/** For models that say nothing about names: the network's own are expected. */
const OWN_NAMES: WeightNames = {
  perClass: /$^/,
  classOrders: {},
  schemes: [{
    name: "plca",
    rules: [{ pattern: /\.num_batches_tracked$/, to: null }, { pattern: /^.*$/, to: "$&" }],
  }],
  lacking: [],
};

/**
 * Fits a file to a network: chooses, names, checks, reorders and converts its tensors. Tensors that the
 * network lacks are skipped, those that the file lacks stay out of the result, both with their names in the
 * report.
 * @throws UserError in one line when several networks fit, when nothing fits, when shapes or the number of
 *   classes differ, when the file's classes are others than the recipe's, when a value that is used is not
 *   finite as float32 or cannot be read
 */
export function fitWeights(fitting: Fitting): Fitted {
  const { path, file, wanted, take, without = [] } = fitting;
  const names = fitting.names ?? OWN_NAMES;
  checkParts(fitting, without);
  const shapes = new Map(wanted.map(({ name, shape }) => [name, shape]));
  const all = inForms(entriesOf(file), names.forms);
  const entries = take === undefined ? all : taken(all, take, path);
  const networks = networksIn(entries, names, {
    has: (own) => shapes.has(own),
    fits: (own, shape) => shape !== undefined && fits(own, { shape, wanted: shapes.get(own)!, names }),
  });
  const { network, others } = chosenNetwork(networks, path, names.usual);
  if (network === undefined) throw refusal(path, nothingFits(fitting, entries));
  const renamed = renamedBy(network, entries, { path, shapes });
  const isLeftOut = (name: string) => without.some((part) => isPartOf(name, part));
  const used = wanted.filter(({ name }) => renamed.own.has(name) && !isLeftOut(name));
  if (used.length === 0) {
    throw refusal(path, `without ${without.join(" and ")} nothing of it is left that belongs to the model`);
  }
  const readable = used.map((one) => ({ ...one, ...readFrom(renamed, one.name, path) }));
  checkShapes(fitting, readable.map((one) => ({ ...one, found: one.tensor.shape })), names.perClass);
  const order = classOrderOf(fitting, { names, scheme: network.scheme, used });
  const tensors = new Map(readable.map(({ name, shape, inFile, tensor }): [string, StoredTensor<"F32">] => {
    const data = finiteFloat32(tensor.read(), { path, inFile });
    const sorted = order && names.perClass.test(name) ? reordered(data, order.indices) : data;
    return [name, { dtype: "F32", shape, data: sorted }];
  }));
  const lacked = [...renamed.own].filter(([name]) => !shapes.has(name) || isLeftOut(name));
  const ownNames = new Map(lacked.map(([own, { inFile }]) => [inFile, own]));
  const lackedInFile = lacked.map(([, { inFile }]) => inFile);
  const prefix = `${take === undefined ? "" : `${take.replace(/\.+$/, "")}.`}${toldPrefix(network)}`;
  return {
    tensors,
    unexpected: [...lackedInFile, ...renamed.unknown].filter((name) => !TRAINING.test(name)),
    report: {
      scheme: network.scheme.name,
      ...(prefix === "" ? {} : { prefix }),
      ...(order ? { classOrder: order.name } : {}),
      used: used.map(({ name }) => name),
      skipped: grouped(
        [...renamed.unneeded, ...lackedInFile, ...renamed.unknown, ...renamed.outside],
        (name) => firstPart(ownNames.get(name) ?? renamed.rest.get(name) ?? partsOf(name).join(".")),
      ),
      initialised: initialised(wanted.map(({ name }) => name).filter((name) => !tensors.has(name)), without),
      warnings: [
        ...warningsOf(lacked.filter(([name]) => !isLeftOut(name)), names),
        ...partWarnings(wanted.filter(({ name }) => !isLeftOut(name)), renamed.own, isLeftOut),
        ...otherNetworks(others),
      ],
      ...(names.notice === undefined || file.metadata["producer"] === "plca" ? {} : { notice: names.notice }),
    },
  };
}

/** @throws UserError when a part that is to be left out is no part of the network */
function checkParts({ path, wanted }: Fitting, without: readonly string[]): void {
  for (const part of without) {
    if (wanted.some(({ name }) => isPartOf(name, part))) continue;
    const parts = [...new Set(wanted.map(({ name }) => name.split(".")[0]!))];
    throw refusal(
      path,
      `without ${part}: the model has no part of that name${suggestion(part, parts)}`,
    );
  }
}

/**
 * Whether a tensor of this shape may become another. The number of classes is compared later, where it gets
 * an error of its own.
 */
function fits(
  own: string,
  { shape, wanted, names }: {
    readonly shape: readonly number[];
    readonly wanted: readonly number[];
    readonly names: WeightNames;
  },
): boolean {
  const first = names.perClass.test(own) ? 1 : 0;
  return shape.length === wanted.length && wanted.every((side, k) => k < first || side === shape[k]);
}

/** What the file holds instead of a network that fits, and which names were expected. */
function nothingFits({ file, wanted, take }: Fitting, entries: readonly Entry[]): string {
  const inFile = take === undefined ? [...file.tensors.keys()] : entries.map(({ path }) => path.join("."));
  const where = take === undefined ? "" : ` under ${take}`;
  const hidden = file.hidden === undefined ? "" : `; ${file.hidden}`;
  return `none of its ${inFile.length} tensors${where} (${
    some(inFile)
  }) belongs to the model; expected names such as ${some(wanted.map(({ name }) => name))}${hidden}`;
}

/** The tensors of the chosen network, sorted by what the scheme says of their names. */
interface Renamed {
  /** By the network's names. */
  readonly own: Map<string, Entry>;
  readonly unneeded: readonly string[];
  readonly unknown: readonly string[];
  /** What lies in the same dictionaries, but not under the network's prefix. */
  readonly outside: readonly string[];
  /** By the names in the file: what follows the prefix. */
  readonly rest: ReadonlyMap<string, string>;
}

/** What renaming compares with. */
interface RenamingTask {
  readonly path: string;
  /** By the network's names. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/**
 * Sorts the tensors in the dictionaries of a network. @throws UserError when two tensors stand for one of the
 * network's
 */
function renamedBy(
  { scheme, prefix, tensors }: Network,
  entries: readonly Entry[],
  { path, shapes }: RenamingTask,
): Renamed {
  const own: Renamed["own"] = new Map();
  const unneeded: string[] = [], unknown: string[] = [], outside: string[] = [];
  const rest = new Map<string, string>();
  const home = ({ path, keys }: Entry) => JSON.stringify(path.slice(0, keys));
  const homes = new Set([...tensors].map(home));
  for (const entry of entries) {
    const { inFile } = entry;
    if (!homes.has(home(entry))) continue;
    // What is no tensor matters only where one is needed.
    const note = (list: string[]) => isRead(entry.found) && void list.push(inFile);
    if (!prefix.every((part, k) => entry.path[k] === part)) {
      note(outside);
      continue;
    }
    const parts = entry.path.slice(prefix.length);
    rest.set(inFile, parts.join("."));
    const named = namedBy(scheme, parts, (name) => shapes.has(name));
    if (named === undefined) note(unknown);
    else if (named.own === null) note(unneeded);
    else if (isRead(entry.found) || shapes.has(named.own)) {
      const former = own.get(named.own)?.inFile;
      if (former !== undefined) {
        throw refusal(path, `${former} and ${inFile} both stand for ${named.own}; expected one of them`);
      }
      own.set(named.own, entry);
    }
  }
  return { own, unneeded, unknown, outside, rest };
}

/** @throws UserError when the tensor cannot be read */
function readFrom(
  { own }: Renamed,
  name: string,
  path: string,
): { readonly inFile: string; readonly tensor: LazyTensor } {
  const { inFile, found } = own.get(name)!;
  if (!isRead(found)) throw refusal(path, `${inFile}: ${found.why}`);
  return { inFile, tensor: found };
}

/** The first two names of a list, for messages. */
function some(names: readonly string[]): string {
  return names.length === 0 ? "none" : `${names.slice(0, 2).join(", ")}${names.length > 2 ? ", ..." : ""}`;
}
