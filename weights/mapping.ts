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
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { suggestion } from "../core/suggest.ts";
import { firstNonFinite, type LazyTensor, type StoredTensor, toFloat32 } from "./stored_tensor.ts";
import type { NameScheme, WeightNames } from "../core/weights.ts";
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
  taken,
  toldPrefix,
  TRAINING,
} from "./networks.ts";
import type { WeightsFile } from "./read.ts";

export { TRAINING } from "./networks.ts";
export { describeImport, type ImportReport, type NameGroup } from "./import_report.ts";

/** A tensor of the network, its shape as files store it (filters OIHW). */
export interface WantedTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What a file is fitted to, and what the person asked for. */
export interface Fitting {
  /** The file's name, for messages. */
  readonly path: string;
  readonly file: WeightsFile;
  /** Absent: the file must use the network's own names. */
  readonly names: WeightNames | undefined;
  readonly wanted: readonly WantedTensor[];
  /** The recipe's classes in train-id order. */
  readonly classes: readonly string[];
  /** `ours` or one of `names.classOrders`, whatever the file's form says; absent: what that says. */
  readonly classOrder?: string | undefined;
  /** Of several networks in the file the one under this prefix or key; absent: the only one that fits. */
  readonly take?: string | undefined;
  /** Parts of the network that are left out, by their names' first parts. */
  readonly without?: readonly string[] | undefined;
  /** Whether the whole network is wanted, so that nothing can be left out. */
  readonly whole?: boolean | undefined;
}

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

/** The error for a file that cannot be used. */
function refusal(path: string, message: string): UserError {
  return new UserError(`${path}: ${printable(message)}`);
}

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

// --- shapes and classes -----------------------------------------------------------------------------------

/** The elements as float32. @throws UserError for NaN, infinity, and what becomes infinite in float32 */
function finiteFloat32(
  tensor: StoredTensor,
  { path, inFile }: { readonly path: string; readonly inFile: string },
): Float32Array {
  const data = toFloat32(tensor);
  const at = firstNonFinite(data);
  if (at < 0) return data;
  const found = tensor.dtype === "F64" && Number.isFinite(tensor.data[at])
    ? `${tensor.data[at]}, beyond float32's range`
    : String(data[at]);
  throw refusal(
    path,
    `${inFile}: number ${at + 1} of its ${data.length} is ${found}; expected finite numbers`,
  );
}

/** A tensor that is wanted, and its shape in the file. */
interface FoundShape extends WantedTensor {
  readonly found: readonly number[];
}

/**
 * @throws UserError for the first tensor whose shape differs; a classifier of another number of classes is
 *   told how to leave it out
 */
function checkShapes(
  { path, wanted, whole = false }: Fitting,
  tensors: readonly FoundShape[],
  perClass: RegExp,
): void {
  const wrong = tensors.filter(({ shape, found }) => String(shape) !== String(found));
  const [first] = wrong;
  if (first === undefined) return;
  const { name, shape, found } = first;
  if (perClass.test(name) && String(shape.slice(1)) === String(found.slice(1))) {
    const part = classPart(wanted, perClass);
    const remedy = whole
      ? ""
      : `; to start from the rest, leave it out: --without ${part} with plca weights import, ` +
        `or weights: {file: ..., without: [${part}]} in a recipe`;
    throw refusal(path, `the classifier has ${found[0]} classes, the recipe ${shape[0]}${remedy}`);
  }
  const more = wrong.length > 1 ? `, and ${wrong.length - 1} more differ` : "";
  throw refusal(
    path,
    `${name}: the file has shape [${found.join(", ")}], the model [${shape.join(", ")}]${more}`,
  );
}

/**
 * The shortest part of the network that holds all tensors that run over the classes, and nothing else where
 * that can be had: what a person would leave out.
 */
function classPart(wanted: readonly WantedTensor[], perClass: RegExp): string {
  const [first, ...others] = wanted.filter(({ name }) => perClass.test(name)).map(({ name }) =>
    name.split(".")
  );
  const common = first!.findIndex((part, k) => others.some((other) => other[k] !== part));
  const longest = common < 0 ? first!.length : Math.max(1, common);
  for (let length = 1; length < longest; length++) {
    const part = first!.slice(0, length).join(".");
    if (wanted.every(({ name }) => perClass.test(name) || !isPartOf(name, part))) return part;
  }
  return first!.slice(0, longest).join(".");
}

/** What the order of classes is looked for in. */
interface OrderTask {
  readonly names: WeightNames;
  readonly scheme: NameScheme;
  readonly used: readonly WantedTensor[];
}

/** An order of classes that differs from the recipe's. */
interface FoundOrder {
  readonly name: string;
  /** By train id, the class's place in the file. */
  readonly indices: readonly number[];
}

/**
 * The order in which a file counts classes. The person's word counts before the file's metadata, these before
 * the scheme's. Undefined: the recipe's own order, or no tensor runs over classes.
 */
function classOrderOf(fitting: Fitting, { names, scheme, used }: OrderTask): FoundOrder | undefined {
  const { path, file, classes } = fitting;
  const name = fitting.classOrder ?? file.metadata["class_order"] ?? scheme.classOrder ?? "ours";
  if (name === "ours" || !used.some((one) => names.perClass.test(one.name))) return undefined;
  const order = Object.hasOwn(names.classOrders, name) ? names.classOrders[name] : undefined;
  if (order === undefined) {
    const known = ["ours", ...Object.keys(names.classOrders)].join(", ");
    throw refusal(path, `there is no class order "${name}" for this model; expected one of ${known}`);
  }
  const indices = classIndices(order, classes);
  if (typeof indices !== "string") return { name, indices };
  throw refusal(
    path,
    `its classes are in the ${name} order, whose first ${classes.length} are without "${indices}"; if they are in the recipe's own, convert it with plca weights import --class-order ours`,
  );
}

/**
 * For each class of the recipe, its place in an order that is cut to as many classes; or the name of the
 * first class that the order lacks.
 */
export function classIndices(
  order: readonly string[],
  classes: readonly string[],
): readonly number[] | string {
  const first = order.slice(0, classes.length);
  const indices = classes.map((name) => first.indexOf(name));
  return indices.includes(-1) ? classes[indices.indexOf(-1)]! : indices;
}

/**
 * The first axis in another order: block `indices[k]` becomes block k. @param data as many equal blocks as
 * there are indices
 */
export function reordered(data: Float32Array, indices: readonly number[]): Float32Array {
  const block = data.length / indices.length;
  const result = new Float32Array(data.length);
  indices.forEach((from, to) => result.set(data.subarray(from * block, (from + 1) * block), to * block));
  return result;
}

/** The first two names of a list, for messages. */
function some(names: readonly string[]): string {
  return names.length === 0 ? "none" : `${names.slice(0, 2).join(", ")}${names.length > 2 ? ", ..." : ""}`;
}
