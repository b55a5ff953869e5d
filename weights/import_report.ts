/**
 * What became of a file's tensors, in groups and in words. An import that silently uses half of a file trains
 * a network that is half random; so every tensor of the file and of the network is accounted for: used,
 * skipped or initialised anew, with a warning where the parts suggest another network. Pure.
 */
import type { WeightNames } from "../core/weights.ts";
import { printable } from "../core/printable.ts";
import { countOf } from "../core/words.ts";
import { type Entry, isRead, labelsOf, type Network } from "./networks.ts";
import { toFloat32 } from "./stored_tensor.ts";

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
  /**
   * What stood before the names in the file, as in `model.`; absent: nothing but what PyTorch's wrappers put
   * there.
   */
  readonly prefix?: string;
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
  /** A notice that every import of the file shows, such as its licence; absent: none. */
  readonly notice?: string;
}

/** Whether a tensor belongs to a part, as `classifier.0.weight` does to `classifier`. */
export function isPartOf(name: string, part: string): boolean {
  return name === part || name.startsWith(`${part}.`);
}

const COUNTER = "num_batches_tracked";

/**
 * The network's tensors that keep their initial values, grouped by the part that was left out, or else by the
 * first part of their names.
 */
export function initialised(names: readonly string[], without: readonly string[]): NameGroup[] {
  return grouped(names, (name) => without.find((part) => isPartOf(name, part)) ?? name.split(".")[0]!);
}

/** The first part of a name. */
export const firstPart = (name: string) => name.split(/[./]/)[0]!;

/** Names by their groups. @param groupOf the group of a name; absent: its first part */
export function grouped(names: readonly string[], groupOf = firstPart): NameGroup[] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const group = name.endsWith(`.${COUNTER}`) ? COUNTER : groupOf(name);
    const members = groups.get(group) ?? [];
    members.push(name);
    groups.set(group, members);
  }
  return [...groups].map(([group, names]) => ({ group, names }));
}

/** Tensors for which the network has no place, by its own way of naming. */
export type Lacked = readonly (readonly [string, Entry])[];

/**
 * What the model has to say about tensors of the file that it has no place for, as a bias that its layers
 * lack. Only of those that are not all zero, since zeros change nothing.
 */
export function warningsOf(lacked: Lacked, { lacking }: WeightNames): string[] {
  return lacking.filter(({ pattern }) =>
    lacked.some(([name, { found }]) =>
      pattern.test(name) && isRead(found) && toFloat32(found.read()).some((value) => value !== 0)
    )
  ).map(({ message }) => message);
}

/**
 * Warnings about parts that the file has only partly, or has more of than the network: most likely a network
 * of another depth.
 * @param wanted the network's tensors
 * @param own those of the file, by the network's names
 * @param isLeftOut whether the person wanted a name left out
 */
export function partWarnings(
  wanted: readonly { readonly name: string }[],
  own: ReadonlyMap<string, unknown>,
  isLeftOut: (name: string) => boolean,
): string[] {
  const parts = grouped(wanted.map(({ name }) => name));
  const missing = parts.flatMap(({ group, names }) => {
    const absent = names.filter((name) => !own.has(name)).length;
    return absent === 0 || absent === names.length ? [] : [
      `${absent} of the model's ${names.length} tensors of ${group} are not in the file: is it of another network?`,
    ];
  });
  const known = new Set(parts.flatMap(({ names }) => names));
  const parents = new Set(parts.map(({ group }) => group));
  const extra = grouped([...own.keys()].filter((name) => !known.has(name) && !isLeftOut(name)))
    // Biases have a warning of their own, if they matter.
    .filter(({ group, names }) => parents.has(group) && !names.every((name) => name.endsWith(".bias")))
    .map(({ group, names }) =>
      `${names.length} tensors of ${group} have no place in the model: is it another network?`
    );
  return [...missing, ...extra];
}

/**
 * A report in one line, as in `520 tensors used (torchvision names), skipped: fc (2); classifier: 4 tensors,
 * initialised anew`.
 */
export function describeImport(
  { scheme, prefix, classOrder, used, skipped, initialised }: ImportReport,
): string {
  const after = prefix === undefined ? "" : `, after ${printable(prefix)}`;
  const order = classOrder === undefined ? "" : `, ${classOrder} class order`;
  const parts = [`${countOf(used.length, "tensor")} used (${scheme} names${after}${order})`];
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

/** Sentences about networks of the file that would have fitted as well. */
export function otherNetworks(others: readonly Network[]): string[] {
  const names = labelsOf(others);
  return others.map(({ tensors }, k) =>
    `it also holds ${printable(names[k]!)} (${countOf(tensors.size, "tensor")} that fit), which --take ${
      printable(names[k]!)
    } takes instead`
  );
}
