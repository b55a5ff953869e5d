/** Which tensors of a file become which tensors of a network, in which order of classes. Pure. */
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { firstNonFinite, type LazyTensor, type StoredTensor, toFloat32 } from "./stored_tensor.ts";
import type { NameScheme, WeightNames } from "../core/weights.ts";
import { countOf } from "../core/words.ts";
import type { WeightsFile } from "./read.ts";

/** A tensor of the network, its shape as files store it (filters OIHW). */
export interface WantedTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What a file is fitted to. */
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
}

/** Tensors that share a fate. */
export interface NameGroup {
  /** The first part of the names, or what they have in common. */
  readonly group: string;
  /** At least one. */
  readonly names: readonly string[];
}

/** What became of a file's tensors, and of the network's. */
export interface ImportReport {
  /** The way of naming, from the model's list. */
  readonly scheme: string;
  /** The order in which the file counts classes; absent: as the recipe does, or it has no classifier. */
  readonly classOrder?: string;
  /** The network's names that the file has. */
  readonly used: readonly string[];
  /** By the file's names. */
  readonly skipped: readonly NameGroup[];
  /** By the network's names: what keeps its initial values. */
  readonly initialised: readonly NameGroup[];
  /** Sentences. */
  readonly warnings: readonly string[];
}

/** A fitted file. */
export interface Fitted {
  /** float32, by the network's names, filters OIHW, classes in the recipe's order. */
  readonly tensors: ReadonlyMap<string, StoredTensor<"F32">>;
  readonly report: ImportReport;
  /** Names in the file that belong to a network, but not to this one. */
  readonly unexpected: readonly string[];
}

/** Names of what a checkpoint holds for training alone. */
export const TRAINING = /^(?:optimizer|player|loss|stream|network)\//;

const OWN_NAMES: WeightNames = {
  perClass: /$^/,
  classOrders: {},
  schemes: [{
    name: "plca",
    rules: [{ pattern: /\.num_batches_tracked$/, to: null }, { pattern: /^.*$/, to: "$&" }],
  }],
  lacking: [],
};

function refusal(path: string, message: string): UserError {
  return new UserError(`${path}: ${printable(message)}`);
}

/**
 * Names, checks and reorders a file's tensors; those that are used are converted to float32.
 * @throws UserError in one line when shapes differ, when the classes are others than the recipe's, when nothing fits,
 * when a value that is used is not finite as float32
 */
export function fitWeights(fitting: Fitting): Fitted {
  const { path, file, wanted } = fitting;
  const names = fitting.names ?? OWN_NAMES;
  const scheme = likeliestScheme(file, names);
  const renamed = renamedBy(scheme, file, path);
  const wantedNames = new Set(wanted.map(({ name }) => name));
  const used = wanted.filter(({ name }) => renamed.own.has(name));
  if (used.length === 0) {
    throw refusal(
      path,
      `none of its ${file.tensors.size} tensors (${
        some([...file.tensors.keys()])
      }) belongs to the model; expected names such as ${some(wanted.map(({ name }) => name))}`,
    );
  }
  checkShapes(
    path,
    used.map((one) => ({ ...one, found: renamed.own.get(one.name)!.tensor.shape })),
    names.perClass,
  );
  const order = classOrderOf(fitting, { names, scheme, used });
  const tensors = new Map(used.map(({ name, shape }): [string, StoredTensor<"F32">] => {
    const { inFile, tensor } = renamed.own.get(name)!;
    const data = finiteFloat32(tensor.read(), { path, inFile });
    const sorted = order && names.perClass.test(name) ? reordered(data, order.indices) : data;
    return [name, { dtype: "F32", shape, data: sorted }];
  }));
  const lacked = [...renamed.own].filter(([name]) => !wantedNames.has(name));
  const ownNames = new Map(lacked.map(([own, { inFile }]) => [inFile, own]));
  const lackedInFile = lacked.map(([, { inFile }]) => inFile);
  return {
    tensors,
    unexpected: [...lackedInFile, ...renamed.unknown].filter((name) => !TRAINING.test(name)),
    report: {
      scheme: scheme.name,
      ...(order ? { classOrder: order.name } : {}),
      used: used.map(({ name }) => name),
      skipped: grouped(
        [...renamed.unneeded, ...lackedInFile, ...renamed.unknown],
        (name) => ownNames.get(name) ?? name,
      ),
      initialised: grouped(wanted.map(({ name }) => name).filter((name) => !renamed.own.has(name))),
      warnings: [...warningsOf(lacked, names), ...partWarnings(wanted, renamed.own)],
    },
  };
}

/** The name without `module.`, which PyTorch's DataParallel puts before all of them. */
function bare(name: string): string {
  return name.replace(/^(?:module\.)+/, "");
}

/** The way of naming that explains most of a file's names. */
export function likeliestScheme(
  file: Pick<WeightsFile, "tensors" | "wrapper">,
  names: WeightNames,
): NameScheme {
  const fitting = names.schemes.filter(({ wrapper }) => wrapper === undefined || wrapper === file.wrapper);
  const counts = fitting.map((scheme) => explainedBy(scheme, file));
  return fitting[counts.indexOf(Math.max(...counts))]!;
}

/** How many of a file's names a way of naming has a rule for; 0 when all of those say that it is not needed. */
export function explainedBy(scheme: NameScheme, { tensors }: Pick<WeightsFile, "tensors">): number {
  const rules = [...tensors.keys()].map((name) => ruleFor(scheme, name)).filter((rule) => rule !== undefined);
  return rules.some(({ to }) => to !== null) ? rules.length : 0;
}

function ruleFor(scheme: NameScheme, name: string) {
  const short = bare(name);
  return scheme.rules.find(({ pattern }) => pattern.test(short));
}

interface Renamed {
  /** By the network's names. */
  readonly own: Map<string, { readonly inFile: string; readonly tensor: LazyTensor }>;
  readonly unneeded: readonly string[];
  readonly unknown: readonly string[];
}

function renamedBy(scheme: NameScheme, { tensors }: WeightsFile, path: string): Renamed {
  const own: Renamed["own"] = new Map();
  const unneeded: string[] = [], unknown: string[] = [];
  for (const [inFile, tensor] of tensors) {
    const rule = ruleFor(scheme, inFile);
    if (rule === undefined) unknown.push(inFile);
    else if (rule.to === null) unneeded.push(inFile);
    else {
      const name = bare(inFile).replace(rule.pattern, rule.to);
      const former = own.get(name)?.inFile;
      if (former !== undefined) {
        throw refusal(path, `${former} and ${inFile} both stand for ${name}; expected one of them`);
      }
      own.set(name, { inFile, tensor });
    }
  }
  return { own, unneeded, unknown };
}

// --- shapes and classes -----------------------------------------------------------------------------------

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

interface FoundShape extends WantedTensor {
  readonly found: readonly number[];
}

function checkShapes(path: string, tensors: readonly FoundShape[], perClass: RegExp): void {
  const wrong = tensors.filter(({ shape, found }) => String(shape) !== String(found));
  const [first] = wrong;
  if (first === undefined) return;
  const { name, shape, found } = first;
  if (perClass.test(name) && String(shape.slice(1)) === String(found.slice(1))) {
    throw refusal(path, `the classifier has ${found[0]} classes, the recipe ${shape[0]}`);
  }
  const more = wrong.length > 1 ? `, and ${wrong.length - 1} more differ` : "";
  throw refusal(
    path,
    `${name}: the file has shape [${found.join(", ")}], the model [${shape.join(", ")}]${more}`,
  );
}

interface OrderTask {
  readonly names: WeightNames;
  readonly scheme: NameScheme;
  readonly used: readonly WantedTensor[];
}

interface FoundOrder {
  readonly name: string;
  /** By train id, the class's place in the file. */
  readonly indices: readonly number[];
}

/** The order in which a file's metadata, its form or the person says that it counts classes; undefined: the recipe's. */
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

/** By train id, the place of the class in an order cut to as many classes; or the name of a class it lacks. */
export function classIndices(
  order: readonly string[],
  classes: readonly string[],
): readonly number[] | string {
  const first = order.slice(0, classes.length);
  const indices = classes.map((name) => first.indexOf(name));
  return indices.includes(-1) ? classes[indices.indexOf(-1)]! : indices;
}

/** Blocks of the first axis in another order. */
export function reordered(data: Float32Array, indices: readonly number[]): Float32Array {
  const block = data.length / indices.length;
  const result = new Float32Array(data.length);
  indices.forEach((from, to) => result.set(data.subarray(from * block, (from + 1) * block), to * block));
  return result;
}

// --- words ------------------------------------------------------------------------------------------------

const COUNTER = "num_batches_tracked";

/** @param groupOf what decides the group of a name; absent: the name itself */
function grouped(names: readonly string[], groupOf = (name: string) => name): NameGroup[] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const group = name.endsWith(`.${COUNTER}`) ? COUNTER : bare(groupOf(name)).split(/[./]/)[0]!;
    const members = groups.get(group) ?? [];
    members.push(name);
    groups.set(group, members);
  }
  return [...groups].map(([group, names]) => ({ group, names }));
}

type Lacked = readonly (readonly [string, { readonly tensor: LazyTensor }])[];

function warningsOf(lacked: Lacked, { lacking }: WeightNames): string[] {
  return lacking.filter(({ pattern }) =>
    lacked.some(([name, { tensor }]) =>
      pattern.test(name) && toFloat32(tensor.read()).some((value) => value !== 0)
    )
  ).map(({ message }) => message);
}

/** A part of the network that the file has only partly, or has more of: most likely a network of another depth. */
function partWarnings(wanted: readonly WantedTensor[], own: ReadonlyMap<string, unknown>): string[] {
  const parts = grouped(wanted.map(({ name }) => name));
  const missing = parts.flatMap(({ group, names }) => {
    const absent = names.filter((name) => !own.has(name)).length;
    return absent === 0 || absent === names.length ? [] : [
      `${absent} of the model's ${names.length} tensors of ${group} are not in the file: is it of another network?`,
    ];
  });
  const known = new Set(parts.flatMap(({ names }) => names));
  const parents = new Set(parts.map(({ group }) => group));
  const extra = grouped([...own.keys()].filter((name) => !known.has(name)))
    // Biases have a warning of their own, if they matter.
    .filter(({ group, names }) => parents.has(group) && !names.every((name) => name.endsWith(".bias")))
    .map(({ group, names }) =>
      `${names.length} tensors of ${group} have no place in the model: is it another network?`
    );
  return [...missing, ...extra];
}

/** `520 tensors used (torchvision names), skipped: fc (2); classifier: 4 tensors, initialised anew` */
export function describeImport({ scheme, classOrder, used, skipped, initialised }: ImportReport): string {
  const parts = [
    `${countOf(used.length, "tensor")} used (${scheme} names${
      classOrder ? `, ${classOrder} class order` : ""
    })`,
  ];
  if (skipped.length > 0) {
    parts.push(
      `skipped: ${skipped.map(({ group, names }) => `${printable(group)} (${names.length})`).join(", ")}`,
    );
  }
  parts.push(
    ...initialised.map(({ group, names }) =>
      `${group}: ${countOf(names.length, "tensor")}, initialised anew`
    ),
  );
  return parts.join("; ");
}

function some(names: readonly string[]): string {
  return names.length === 0 ? "none" : `${names.slice(0, 2).join(", ")}${names.length > 2 ? ", ..." : ""}`;
}
