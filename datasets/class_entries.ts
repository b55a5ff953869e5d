/**
 * Classes by what label files hold of them: ids, or colours. The `classes` and `ignore` of a recipe become a
 * table from stored values to train ids.
 */
import type { ConfigIssue, ConfigPath } from "../core/errors.ts";
import { IGNORE_LABEL } from "../core/label_space.ts";
import { z } from "../core/schema.ts";
import { hex } from "./hex.ts";
import type { ClassMap } from "./file_pairs.ts";
import { rgbOf } from "./png.ts";

const byte = z.int().min(0).max(255);

/** One stored value: an id, `[red, green, blue]` or `"#rrggbb"`. */
const entry = z.union([
  z.int().min(0).max(65535),
  z.tuple([byte, byte, byte]),
  z.string().regex(/^#[0-9a-fA-F]{6}$/),
]);

/**
 * The values of one class. By colour, three numbers alone are read as one colour, as people write `road:
 * [128, 64, 128]`.
 */
export const classEntries = z.array(entry);

/** A value of {@linkcode classEntries}. */
export type ClassEntries = z.infer<typeof classEntries>;

/** What the label files hold. */
export type LabelKind = "index" | "colour";

/** Classes and what counts nowhere, as a recipe writes them. */
export interface GivenClasses {
  readonly classes: Readonly<Record<string, ClassEntries>>;
  readonly ignore: ClassEntries;
  /** What becomes of an id or colour that is listed nowhere. */
  readonly other: "error" | "ignore";
}

/**
 * The values as numbers: ids, or colours as 0xrrggbb. `wrong` is the place of the first entry of the other
 * kind, -1 when there is none.
 */
function stored(list: ClassEntries, kind: LabelKind): { readonly keys: number[]; readonly wrong: number } {
  if (kind === "index") {
    const wrong = list.findIndex((one) => typeof one !== "number");
    return { keys: list.filter((one) => typeof one === "number"), wrong };
  }
  const numbers = list.filter((one) => typeof one === "number");
  if (list.length === 3 && numbers.length === 3 && numbers.every((one) => one <= 255)) {
    return { keys: [rgbOf(numbers, 0)], wrong: -1 };
  }
  const wrong = list.findIndex((one) => typeof one === "number");
  const keys = list.flatMap((one) =>
    typeof one === "string" ? [parseInt(one.slice(1), 16)] : typeof one === "number" ? [] : [rgbOf(one, 0)]
  );
  return { keys, wrong };
}

/**
 * What is wrong with the classes of a recipe: too few or too many, entries of the other kind, values that
 * belong to two. @param at the dataset's position
 */
export function classIssues(given: GivenClasses, kind: LabelKind, at: ConfigPath): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const count = Object.keys(given.classes).length;
  if (count < 2) issues.push({ path: [...at, "classes"], message: "expected at least two classes" });
  if (count > IGNORE_LABEL) {
    issues.push({ path: [...at, "classes"], message: `expected at most ${IGNORE_LABEL} classes` });
  }
  const owner = new Map<number, string>();
  const lists = Object.entries(given.classes).map(([name, list]) => ({
    name,
    list,
    path: [...at, "classes", name],
  }));
  for (
    const { name, list, path } of [...lists, { name: "ignore", list: given.ignore, path: [...at, "ignore"] }]
  ) {
    const { keys, wrong } = stored(list, kind);
    if (wrong >= 0) {
      const message = kind === "index"
        ? "a colour is read with `labels: { by: colour }`; expected ids"
        : 'expected colours, as in [[128, 64, 128], "#4682b4"], since labels are read by colour';
      issues.push({ path, message });
    }
    for (const key of keys) {
      const first = owner.get(key);
      const what = kind === "index" ? `id ${key}` : `colour ${hex(key)}`;
      if (first !== undefined) issues.push({ path, message: `${what} belongs to "${first}" already` });
      else owner.set(key, name);
    }
  }
  return issues;
}

/** Maps what is stored to train ids, in the order in which the classes are written. */
export function classMap({ classes, ignore, other }: GivenClasses, kind: LabelKind): ClassMap {
  const map = new Map<number, number>(stored(ignore, kind).keys.map((key) => [key, IGNORE_LABEL]));
  for (const [train, list] of Object.values(classes).entries()) {
    for (const key of stored(list, kind).keys) map.set(key, train);
  }
  const known = [...map.keys()].sort((a, b) => a - b).map((key) => kind === "index" ? key : hex(key));
  return {
    trainId: (key) => map.get(key) ?? (other === "ignore" ? IGNORE_LABEL : undefined),
    expected: `one of ${known.join(", ")} (or \`other: ignore\` in the recipe)`,
  };
}
