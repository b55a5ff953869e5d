/**
 * The networks in a file of weights: whose tensors lie under which keys and prefixes, and which of them is
 * meant. Pure.
 *
 * A file need not hold one network at its top. Think of each tensor's way as a path: keys of dictionaries,
 * then the parts of its name, `["state_dict", "module", "model", "layer1", "0", "conv1", "weight"]`.
 * Somewhere on this path the network's own name begins. For every tensor the first place is taken at which a
 * scheme knows the rest of the path as a name that the network has; tensors with the same beginning before
 * that place are one network ({@linkcode networksIn}). A student and its average in one file so become two
 * networks with the prefixes `model` and `ema_model`.
 *
 * PyTorch's wrappers (DataParallel, torch.compile, FSDP) put parts such as `module` into names; these are
 * dropped first.
 */
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import type { NameRule, NameScheme, WeightNames } from "../core/weights.ts";
import { countOf } from "../core/words.ts";
import type { LazyTensor } from "./stored_tensor.ts";
import type { UnreadTensor, WeightsFile } from "./weights_file.ts";

/** Begins the names of what a checkpoint of plca holds for training alone. */
export const TRAINING = /^(?:optimizer|player|loss|stream|network)\//;

/** A tensor of a file, and the path to it. */
export interface Entry {
  /** In its dictionary. */
  readonly inFile: string;
  /** The keys of its dictionary, then its name, part by part, without what PyTorch's wrappers put in. */
  readonly path: readonly string[];
  /** How many of `path` are keys. */
  readonly keys: number;
  /** The last key of its dictionary; absent: it lies at the top. */
  readonly wrapper?: string | undefined;
  readonly found: LazyTensor | UnreadTensor;
  /** The tensors of the file that it is made of; absent: `inFile` alone. */
  readonly madeOf?: readonly string[];
}

/** Whether a tensor's elements can be read; else it is an {@linkcode UnreadTensor}. */
export function isRead(found: LazyTensor | UnreadTensor): found is LazyTensor {
  return "read" in found;
}

/** A network: tensors with a common beginning whose names a scheme knows. */
export interface Network {
  readonly scheme: NameScheme;
  /** What the paths of its tensors begin with. */
  readonly prefix: readonly string[];
  /** How many of `prefix` are keys of dictionaries. */
  readonly keys: number;
  /** Those that the scheme has a name for that is wanted. */
  readonly tensors: ReadonlySet<Entry>;
  /** How many of those have the shape that is wanted. */
  readonly fitting: number;
}

/**
 * Parts that PyTorch's wrappers put into names: DataParallel and torch.compile in front, the others anywhere.
 */
const OUTERMOST = ["module", "_orig_mod"];
const ANYWHERE = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/** A name in parts, without those of wrappers. */
export function partsOf(name: string): readonly string[] {
  const parts = name.split(".");
  const first = parts.findIndex((part) => !OUTERMOST.includes(part));
  return parts.slice(Math.max(0, first)).filter((part) => !ANYWHERE.includes(part));
}

/** Every tensor of a file with its path, unread ones included. */
export function entriesOf(file: WeightsFile): Entry[] {
  const { tensors, wrapper } = file;
  const alone = [{ keys: wrapper === undefined ? [] : [wrapper], tensors, unread: new Map() }];
  return (file.dictionaries ?? alone).flatMap(({ keys, tensors, unread }) =>
    [...tensors, ...unread as ReadonlyMap<string, UnreadTensor>].map(([inFile, found]): Entry => ({
      inFile,
      path: [...keys, ...partsOf(inFile)],
      keys: keys.length,
      wrapper: keys.at(-1),
      found,
    }))
  );
}

// --- names ------------------------------------------------------------------------------------------------

/** Parts of a path that may stand before a network's own names. */
const MOST_PARTS = 8;

/** What a scheme says of a name. */
export interface Named {
  readonly rule: NameRule;
  /** The network's own name; null: the tensor is not needed. */
  readonly own: string | null;
}

/**
 * What a scheme says of a name: its first rule that matches. The name may have a wrapper's `module` in its
 * middle; it is taken off if the network has the tensor only then. Undefined when no rule matches.
 * @param parts the name, part by part
 * @param isWanted whether the network has a tensor of that name
 */
export function namedBy(
  scheme: NameScheme,
  parts: readonly string[],
  isWanted: (own: string) => boolean,
): Named | undefined {
  const bare = parts[0] === "module" ? parts.slice(1) : parts;
  const outer = ruleFor(scheme, bare.join("."));
  if ((outer?.own !== undefined && outer.own !== null && isWanted(outer.own)) || !bare.includes("module")) {
    return outer;
  }
  const inner = ruleFor(scheme, bare.filter((part) => part !== "module").join("."));
  return inner?.own != null && isWanted(inner.own) ? inner : outer;
}

/** The first rule of a scheme that matches a name, and what it makes of it. */
function ruleFor({ rules }: NameScheme, name: string): Named | undefined {
  const rule = rules.find(({ pattern }) => pattern.test(name));
  return rule && { rule, own: rule.to === null ? null : name.replace(rule.pattern, rule.to) };
}

/** The network that is looked for. */
export interface Wanted {
  has(own: string): boolean;
  /** Whether a shape in the file is one that it can take. */
  fits(own: string, shape: readonly number[] | undefined): boolean;
}

/**
 * The networks of a file that a model's schemes know, the likeliest first: most fitting shapes, then most
 * tensors, then the shortest prefix. No tensor is in two of them.
 */
export function networksIn(entries: readonly Entry[], names: WeightNames, wanted: Wanted): Network[] {
  const candidates = names.schemes.flatMap((scheme) => candidatesOf(scheme, entries, wanted));
  // Of those that are alike the first scheme's stays first.
  candidates.sort((a, b) =>
    b.fitting - a.fitting || b.tensors.size - a.tensors.size || a.prefix.length - b.prefix.length
  );
  const taken = new Set<Entry>(), networks: Network[] = [];
  for (const candidate of candidates) {
    if ([...candidate.tensors].some((entry) => taken.has(entry))) continue;
    for (const entry of candidate.tensors) taken.add(entry);
    networks.push(candidate);
  }
  return networks;
}

/** A network that is being put together. */
interface Candidate {
  readonly prefix: readonly string[];
  readonly keys: number;
  readonly tensors: Set<Entry>;
  fitting: number;
}

/** The networks of a file by one scheme. */
function candidatesOf(scheme: NameScheme, entries: readonly Entry[], wanted: Wanted): Network[] {
  const candidates = new Map<string, Candidate>();
  const has = (own: string) => wanted.has(own);
  for (const entry of entries) {
    const { path, keys, inFile, wrapper } = entry;
    if (TRAINING.test(inFile)) continue;
    // A file with this key says by it how its classes are ordered.
    if (scheme.wrapper !== undefined && wrapper !== scheme.wrapper) continue;
    const first = scheme.wrapper === undefined ? 0 : keys;
    for (let length = first; length < Math.min(path.length, first + MOST_PARTS); length++) {
      const own = namedBy(scheme, path.slice(length), has)?.own;
      if (own === undefined || own === null || !has(own)) continue;
      const prefix = path.slice(0, length), id = JSON.stringify(prefix);
      const candidate = candidates.get(id) ??
        { prefix, keys: Math.min(keys, length), tensors: new Set(), fitting: 0 };
      candidates.set(id, candidate);
      candidate.tensors.add(entry);
      if (wanted.fits(own, entry.found.shape)) candidate.fitting += 1;
      break;
    }
  }
  return [...candidates.values()].map((candidate) => ({ scheme, ...candidate }));
}

// --- choice -----------------------------------------------------------------------------------------------

/** The network that is meant, and those that might have been meant. */
export interface Choice {
  /** Undefined: nothing in the file belongs to the model. */
  readonly network: Network | undefined;
  readonly others: readonly Network[];
}

/**
 * The network that is meant. Those with at least half as many fitting tensors as the best are its rivals; of
 * several, it is the one that contains all others as parts, or the only one under `usual`.
 * @param usual the last part of the prefix that is preferred
 * @throws UserError that names the rivals when it is not clear
 */
export function chosenNetwork(networks: readonly Network[], path: string, usual?: string): Choice {
  const [best] = networks;
  if (best === undefined) return { network: undefined, others: [] };
  const worth = ({ fitting, tensors }: Network) => best.fitting > 0 ? fitting : tensors.size;
  const rivals = networks.filter((one) => 2 * worth(one) >= worth(best));
  const outer = rivals.find((one) => rivals.every((other) => one === other || isInside(other, one))) ??
    onlyOne(rivals.filter(({ prefix }) => usual !== undefined && prefix.at(-1) === usual));
  if (outer) return { network: outer, others: rivals.filter((one) => one !== outer) };
  const names = labelsOf(rivals);
  const listed = rivals.map(({ tensors }, k) => `${names[k]} (${countOf(tensors.size, "tensor")})`);
  throw new UserError(
    `${path}: ${
      printable(
        `it holds ${rivals.length} networks that fit: ${listed.join(", ")}; choose one: --take ${
          names[0]
        } with plca weights import, or weights: {file: ..., take: ${names[0]}} in a recipe`,
      )
    }`,
  );
}

function onlyOne<T>(list: readonly T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined;
}

/** Whether a network lies below another, as a backbone in a segmentation network. */
function isInside({ prefix }: Network, outer: Network): boolean {
  return prefix.length > outer.prefix.length && outer.prefix.every((part, k) => prefix[k] === part);
}

/**
 * What `--take` calls networks: their prefix, or their key, where these tell them apart, else the whole path.
 */
export function labelsOf(networks: readonly Pick<Network, "prefix" | "keys">[]): string[] {
  const joined = (parts: readonly string[], keys: number) =>
    `${parts.join(".")}${parts.length > keys ? "." : ""}`;
  const short = networks.map(({ prefix, keys }) =>
    joined(prefix.slice(prefix.length > keys ? keys : 0), prefix.length > keys ? 0 : keys)
  );
  return networks.map(({ prefix, keys }, k) =>
    short.filter((label) => label === short[k]).length === 1 && short[k] !== ""
      ? short[k]!
      : joined(prefix, keys)
  );
}

/** The prefix within the dictionary, as in `model.`; "" when there is none worth telling. */
export function toldPrefix({ prefix, keys }: Pick<Network, "prefix" | "keys">): string {
  return prefix.slice(keys).map((part) => `${part}.`).join("");
}
