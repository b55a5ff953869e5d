/**
 * What a file of weights holds, for people and programs: `plca weights inspect`. Whether a model of plca
 * knows the names is tried with every model, and the one that explains most of them is named. Pure.
 */
import { printable } from "../core/printable.ts";
import { bytesOf, sizeOf } from "./stored_tensor.ts";
import type { WeightNames } from "../core/weights.ts";
import { countOf, megabytes } from "../core/words.ts";
import { inForms } from "./forms.ts";
import { entriesOf, type Entry, isRead, labelsOf, namedBy, type Network, networksIn } from "./networks.ts";
import type { WeightsFile } from "./weights_file.ts";
import { TorchTensor } from "./torch_tensor.ts";
import { Opaque } from "./pickle_values.ts";

/** A model of plca and the ways in which files name its tensors. */
export interface KnownNames {
  readonly model: string;
  readonly names: WeightNames;
}

/** What `plca weights inspect --json` prints. */
export interface WeightsDescription {
  readonly format: WeightsFile["format"];
  /** The key of the dictionary that holds the tensors; null: they lie at the top. */
  readonly wrapper: string | null;
  /** The way of naming that explains most names; null when no model knows any. */
  readonly naming: { readonly model: string; readonly scheme: string; readonly explained: number } | null;
  /** What lies beside the tensors; collections only by their size. */
  readonly others: Readonly<Record<string, string | number | boolean | null>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** In the file's order. */
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
  }[];
  readonly elements: number;
  /** Of the tensors, views of the same storage counted again. */
  readonly bytes: number;
  /** Where there are several that a model knows: what `--take` calls them, and how many tensors they have. */
  readonly networks?: readonly { readonly name: string; readonly tensors: number }[];
  /** Tensors of types that are not read; absent: there are none. */
  readonly unread?: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
  }[];
}

/** Describes a file without reading a tensor's elements. @param known the models to try */
export function weightsDescription(file: WeightsFile, known: readonly KnownNames[]): WeightsDescription {
  const all = [...file.tensors];
  const sizes = all.map(([, { shape }]) => sizeOf(shape));
  const { naming, networks } = networksOf(file, known);
  const unread = entriesOf(file).flatMap(({ inFile, found }) =>
    isRead(found) || found.shape === undefined
      ? []
      : [{ name: inFile, dtype: found.kind, shape: found.shape }]
  );
  return {
    format: file.format,
    wrapper: file.wrapper ?? null,
    naming,
    others: Object.fromEntries([...file.others].map(([key, value]) => [key, summary(value)])),
    metadata: file.metadata,
    tensors: all.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    elements: sizes.reduce((sum, size) => sum + size, 0),
    bytes: all.reduce((sum, [, { dtype }], k) => sum + sizes[k]! * bytesOf(dtype), 0),
    ...(networks.length > 1 ? { networks } : {}),
    ...(unread.length > 0 ? { unread } : {}),
  };
}

/** A model's naming, and the networks that it finds in the file. */
type Found = Pick<WeightsDescription, "naming"> & Required<Pick<WeightsDescription, "networks">>;

/** The naming of the model that explains most of the names, and the networks in the file by it. */
function networksOf(file: WeightsFile, known: readonly KnownNames[]): Found {
  const stored = entriesOf(file);
  let best: Found = { naming: null, networks: [] };
  for (const { model, names } of known) {
    // Any name that a rule gives may be one of the network's.
    const anyName = { has: () => true, fits: () => true };
    const entries = inForms(stored, names.forms);
    const found = networksIn(entries, names, anyName).map((network) => counted(network, entries))
      // A name that looks alike by chance makes no network.
      .filter(({ network, explained, all }) =>
        network.prefix.length === network.keys || 2 * explained >= all
      );
    const [first] = found;
    if (first === undefined || first.explained <= (best.naming?.explained ?? 0)) continue;
    const rivals = found.filter(({ network }) => 2 * network.tensors.size >= first.network.tensors.size);
    const labels = labelsOf(rivals.map(({ network }) => network));
    best = {
      naming: { model, scheme: first.network.scheme.name, explained: first.explained },
      networks: rivals.map(({ all }, k) => ({ name: labels[k]!, tensors: all })),
    };
  }
  return best;
}

/** How many tensors lie under a network's prefix, and of how many its scheme knows the names. */
function counted(network: Network, entries: readonly Entry[]) {
  const { scheme, prefix } = network;
  const under = entries.filter(({ path, found }) =>
    isRead(found) && prefix.every((part, k) => path[k] === part)
  );
  const named = under.filter(({ path }) => namedBy(scheme, path.slice(prefix.length), () => true));
  return { network, all: namesOf(under).size, explained: namesOf(named).size };
}

/** The tensors of the file that these are. */
function namesOf(entries: readonly Entry[]): ReadonlySet<string> {
  return new Set(entries.flatMap(({ inFile, madeOf }) => madeOf ?? [inFile]));
}

/** A value beside the tensors in a few words; collections only by their size. */
function summary(value: unknown): string | number | boolean | null {
  if (
    value === null || typeof value === "number" || typeof value === "boolean" || typeof value === "string"
  ) {
    return value;
  }
  if (typeof value === "bigint") return String(value);
  if (value instanceof Map) return `dictionary of ${value.size}`;
  if (Array.isArray(value)) return `list of ${value.length}`;
  if (value instanceof Set) return `set of ${value.size}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof TorchTensor) return `tensor ${value.dtype} [${value.shape.join(", ")}]`;
  if (value instanceof Opaque) return `object of ${value.name}, not called`;
  return typeof value === "object" && "name" in value ? String(value.name) : "other";
}

/**
 * A description as lines of text: a summary, an empty line, one line for each tensor. @param file how the
 * person named it
 */
export function describeWeights(file: string, description: WeightsDescription): string {
  const { format, wrapper, naming, others, metadata, tensors, elements, bytes } = description;
  const { networks = [], unread = [] } = description;
  const dtypes = [...new Set(tensors.map(({ dtype }) => dtype))]
    .map((dtype) => `${tensors.filter((one) => one.dtype === dtype).length} ${dtype}`);
  const rows: [string, string][] = [
    ["names", naming === null ? "of no model that plca has" : namingText(naming, tensors.length)],
    ...(wrapper === null ? [] : [["under", printable(wrapper)] as [string, string]]),
    ...pairs("beside", others),
    ...pairs("metadata", metadata),
    ...(networks.length === 0 ? [] : [["networks", networksText(networks)] as [string, string]]),
    ["tensors", `${tensors.length} (${dtypes.join(", ")}), ${elements} elements, ${sizeText(bytes)}`],
  ];
  if (unread.length > 0) rows.push(["not read", unreadText(unread)]);
  // A file may have more names than a call takes arguments.
  const width = tensors.reduce((most, { name }) => Math.max(most, printable(name).length), 0);
  return [
    `${file}: ${format}`,
    ...rows.map(([title, text]) => `  ${title.padEnd(8)}  ${text}`),
    "",
    ...tensors.map(({ name, dtype, shape }) =>
      `${printable(name).padEnd(width)}  ${dtype.padEnd(4)}  [${shape.join(", ")}]`
    ),
  ].join("\n");
}

/** How many of the names are explained, and by what. */
function namingText(
  { model, scheme, explained }: NonNullable<WeightsDescription["naming"]>,
  all: number,
): string {
  return `${scheme}, for ${model}${explained < all ? ` (${explained} of ${all})` : ""}`;
}

/** The networks, and how to choose one. */
function networksText(networks: NonNullable<WeightsDescription["networks"]>): string {
  const all = networks.map(({ name, tensors }) =>
    `${printable(name || "the top")} (${countOf(tensors, "tensor")})`
  );
  return `${all.join(", ")}: --take chooses one, as in --take ${printable(networks.at(-1)!.name)}`;
}

/** How many unread tensors are named. */
const SHOWN = 5;

/** The first tensors of types that are not read. */
function unreadText(unread: NonNullable<WeightsDescription["unread"]>): string {
  const shown = unread.slice(0, SHOWN).map(({ name, dtype, shape }) =>
    printable(`${name} ${dtype} [${shape.join(", ")}]`)
  );
  return `${shown.join(", ")}${unread.length > SHOWN ? ` and ${unread.length - SHOWN} more` : ""}`;
}

/** A line of `key value` pairs, each cut to 60 characters; none where there are no pairs. */
function pairs(title: string, values: Readonly<Record<string, unknown>>): [string, string][] {
  const texts = Object.entries(values).map(([key, value]) => printable(`${key} ${value}`).slice(0, 60));
  return texts.length === 0 ? [] : [[title, texts.join(", ")]];
}

/** A size in bytes or megabytes. */
function sizeText(bytes: number): string {
  return bytes < 1e5 ? `${bytes} bytes` : megabytes(bytes);
}
