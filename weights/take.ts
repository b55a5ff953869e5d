/**
 * `--take` and `weights: {take: ...}`: the part of a file that lies under one prefix or key, as if the file held
 * nothing else. For files that hold several networks of which networks.ts cannot tell the one that is meant.
 */
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { countOf } from "../core/words.ts";
import { entriesOf, type Entry, isRead, partsOf } from "./networks.ts";
import type { LazyTensor } from "./stored_tensor.ts";
import type { UnreadTensor, WeightsFile } from "./weights_file.ts";

/**
 * The tensors under a prefix, their paths cut behind it. The prefix is looked for at the start of names and
 * of keys first, then anywhere in the path.
 * @param take as the person wrote it, with or without a last dot
 * @throws UserError when there are none, or when the prefix stands in several places
 */
export function taken(entries: readonly Entry[], take: string, path: string): Entry[] {
  const wanted = partsOf(take.replace(/\.+$/, ""));
  const refuse = (why: string) => new UserError(`${path}: ${printable(why)}`);
  if (wanted.length === 0 || wanted.some((part) => part === "")) {
    throw refuse(
      `--take ${JSON.stringify(take)}: expected the beginning of names, as in model. or ema_model.`,
    );
  }
  const at = ({ path: parts }: Entry, place: number) => wanted.every((part, k) => parts[place + k] === part);
  const atStart = (entry: Entry) => at(entry, 0) ? 0 : at(entry, entry.keys) ? entry.keys : undefined;
  const anywhere = (entry: Entry) => {
    const place = entry.path.findIndex((_, k) => at(entry, k));
    return place < 0 ? undefined : place;
  };
  for (const placeOf of [atStart, anywhere]) {
    const found = entries.flatMap((entry) => {
      const place = placeOf(entry);
      // A tensor of that name is no network.
      return place === undefined || place + wanted.length >= entry.path.length ? [] : [{ entry, place }];
    });
    if (found.length === 0) continue;
    const places = [
      ...new Set(found.map(({ entry, place }) => entry.path.slice(0, place + wanted.length).join("."))),
    ];
    if (places.length > 1) {
      throw refuse(
        `--take ${take} stands for several places: ${
          places.slice(0, SHOWN).join(", ")
        }; give one of them whole`,
      );
    }
    return found.map(({ entry, place }) => cut(entry, place + wanted.length));
  }
  throw refuse(`nothing in it lies under ${take}; it holds ${beginningsOf(entries)}`);
}

/** A file as if it held nothing but what lies under a prefix. @throws UserError as {@linkcode taken} */
export function takenFile(file: WeightsFile, take: string, path: string): WeightsFile {
  const tensors = new Map<string, LazyTensor>(), unread = new Map<string, UnreadTensor>();
  for (const { path: parts, found } of taken(entriesOf(file), take, path)) {
    if (isRead(found)) tensors.set(parts.join("."), found);
    else unread.set(parts.join("."), found);
  }
  const wrapper = take.replace(/\.+$/, "");
  return { ...file, wrapper, tensors, dictionaries: [{ keys: [wrapper], tensors, unread }] };
}

/** An entry without the first parts of its path. */
function cut({ keys, path, ...entry }: Entry, length: number): Entry {
  return { ...entry, path: path.slice(length), keys: Math.max(0, keys - length) };
}

const SHOWN = 5;

/**
 * What a person could take, for the error: the dictionaries, or what names begin with, the most tensors
 * first.
 */
function beginningsOf(entries: readonly Entry[]): string {
  const count = (beginning: (entry: Entry) => string) => {
    const counts = new Map<string, number>();
    for (const entry of entries) counts.set(beginning(entry), (counts.get(beginning(entry)) ?? 0) + 1);
    return counts;
  };
  const dictionaries = count(({ path, keys }) => path.slice(0, keys).join(".") || "the top");
  const counts = dictionaries.size > 1 ? dictionaries : count(({ path, keys }) => `${path[keys]}.`);
  const all = [...counts].sort(([, a], [, b]) => b - a);
  const shown = all.slice(0, SHOWN).map(([name, count]) => `${name} (${countOf(count, "tensor")})`);
  return `${shown.join(", ")}${all.length > SHOWN ? ` and ${all.length - SHOWN} more` : ""}`;
}
