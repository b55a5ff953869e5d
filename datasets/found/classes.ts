/**
 * A class map for label files whose ids are explained nowhere, for `plca new recipe`. It is a guess, and says
 * so: ids of a dataset that is known get its class names; others are called `class_7`, and 255 is taken for
 * "no class" as it is by convention. Pure.
 */
import { UserError } from "../../core/errors.ts";
import { IGNORE_LABEL } from "../../core/label_space.ts";
import { belongTo, type KnownSpace, knownSpace } from "./known_spaces.ts";
import type { FoundLabels } from "./tally.ts";

/** A class and the ids it has in the label files. */
export interface GuessedClass {
  readonly name: string;
  readonly ids: readonly number[];
  /** Share of the pixels that were looked at, in [0, 1]. */
  readonly share: number;
}

/** What the ids of one dataset's label files mean. */
export interface GuessedMap {
  readonly classes: readonly GuessedClass[];
  readonly ignore: readonly number[];
  /** Share of the pixels that are ignored, in [0, 1]. */
  readonly ignored: number;
  /** Whether `ids` are numbers in the files, or colours as 0xrrggbb. */
  readonly by: "index" | "colour";
}

/** Class maps for source and target, with the same names in the same order. */
export interface ClassGuess {
  /** Whose ids they are, as in `CamVid's ids`; absent: names are made up. */
  readonly title?: string;
  readonly source: GuessedMap;
  /** Of the target's labels; absent when they have none, or none that fit. */
  readonly target?: GuessedMap;
  /** Why the target's labels cannot be used beside the source's. */
  readonly unfit?: string;
  /** What was assumed of ignored ids, in a sentence or two. */
  readonly ignoring: string;
}

/** What PNGs of 8 and of 16 bits hold for "no class" by convention. */
const CONVENTION = [IGNORE_LABEL, 65535];

/**
 * Guesses the classes of a source, and of a target where it has labels.
 * @returns with `unfit` where the target's labels cannot be used beside the source's
 * @throws UserError when fewer than two classes are left
 */
export function guessClasses(source: FoundLabels, target: FoundLabels | undefined): ClassGuess {
  const [sourceSpace, targetSpace] = spacesOf(source, target);
  if (sourceSpace === undefined) return unnamed(source, target);
  const ignoring = "Ignored: the ids that they count nowhere.";
  const named = { title: sourceSpace.title, ignoring };
  if (target === undefined) return { ...named, source: mapBy(sourceSpace, sourceSpace.classes, source) };
  const classes = sourceSpace.classes.filter((name) => targetSpace?.classes.includes(name));
  if (targetSpace === undefined || classes.length < sourceSpace.classes.length / 2) {
    const why = targetSpace === undefined
      ? `they hold ${
        storedText(target)(target.ids.find(({ id }) => !sourceSpace.names.has(id))!.id)
      }, which is none of them`
      : `they look like ${targetSpace.title}`;
    return { ...named, source: mapBy(sourceSpace, sourceSpace.classes, source), unfit: why };
  }
  return {
    ...named,
    title: sourceSpace === targetSpace
      ? sourceSpace.title
      : `${sourceSpace.title}; the target has ${targetSpace.title}`,
    source: mapBy(sourceSpace, classes, source),
    target: mapBy(targetSpace, classes, target),
  };
}

/**
 * The known spaces of source and target. A few files need not show every class, so a space found for one is
 * tried for the other as well.
 */
function spacesOf(source: FoundLabels, target: FoundLabels | undefined) {
  const own = knownSpace(source.ids, source.by), other = target && knownSpace(target.ids, target.by);
  // A few files need not show every class: what the other one has is tried before it is given up.
  const fits = (found: FoundLabels, space: KnownSpace | undefined) =>
    space !== undefined && source.by === target?.by && belongTo(found.ids, space) ? space : undefined;
  return [own ?? fits(source, other), other ?? (target && fits(target, own))] as const;
}

/** An id, or a colour as `#rrggbb`. */
function storedText({ by }: Pick<FoundLabels, "by">): (id: number) => string {
  return (id) => by === "index" ? `id ${id}` : `#${hexOf(id)}`;
}

/** `0a0b0c` of 0x0a0b0c. */
export function hexOf(colour: number): string {
  return colour.toString(16).padStart(6, "0");
}

/** The map by a known space, of the classes that both sides have. */
function mapBy(space: KnownSpace, classes: readonly string[], { ids, by }: FoundLabels): GuessedMap {
  const share = (wanted: readonly number[]) =>
    ids.filter(({ id }) => wanted.includes(id)).reduce((sum, each) => sum + each.share, 0);
  const stored = (name: string) => [...space.names].filter(([, of]) => of === name).map(([id]) => id);
  const ignore = [...space.names].filter(([, name]) => !classes.includes(name ?? "")).map(([id]) => id)
    .filter((id) => id < 256 || by === "colour" || ids.some((each) => each.id === id))
    .toSorted((a, b) => a - b);
  return {
    classes: classes.map((name) => ({ name, ids: stored(name), share: share(stored(name)) })),
    ignore,
    ignored: share(ignore),
    by,
  };
}

/**
 * The map with made-up names: every id that occurs is a class, except those that mean "no class" by
 * convention.
 */
function unnamed(source: FoundLabels, target: FoundLabels | undefined): ClassGuess {
  if (target !== undefined && target.by !== source.by) {
    const kinds = { index: "ids", colour: "colours" };
    const unfit = `they are ${kinds[target.by]}, the source's ${kinds[source.by]}`;
    return { ...unnamed(source, undefined), unfit };
  }
  const { by } = source;
  const ids = [...new Set([...source.ids, ...target?.ids ?? []].map(({ id }) => id))].toSorted((a, b) =>
    a - b
  );
  const conventional = by === "colour" ? [] : ids.filter((id) => CONVENTION.includes(id));
  const rest = ids.filter((id) => !conventional.includes(id));
  // Masks of two values are often drawn in black and white.
  const ignore = rest.length === 1 && conventional.length === 1 ? [] : conventional;
  const classes = ids.filter((id) => !ignore.includes(id));
  if (classes.length < 2) {
    const found = ids.length === 0 ? "no pixel" : `nothing but ${ids.map(storedText(source)).join(" and ")}`;
    throw new UserError(`the label files hold ${found}; expected at least two classes`);
  }
  const map = (found: FoundLabels): GuessedMap => {
    const share = (id: number) => found.ids.find((each) => each.id === id)?.share ?? 0;
    return {
      classes: classes.map((id) => ({
        name: by === "colour" ? `class_${hexOf(id)}` : `class_${id}`,
        ids: [id],
        share: share(id),
      })),
      ignore,
      ignored: ignore.reduce((sum, id) => sum + share(id), 0),
      by,
    };
  };
  return {
    source: map(source),
    ...(target === undefined ? {} : { target: map(target) }),
    ignoring: by === "colour" ? coloursText(ids) : ignoringText(ids, ignore),
  };
}

function coloursText(colours: readonly number[]): string {
  const black = colours.includes(0) ? " If black means `unlabelled`, move it to `ignore`." : "";
  return `Guessed: no colour is ignored.${black}`;
}

function ignoringText(ids: readonly number[], ignore: readonly number[]): string {
  const zero = ids.includes(0) ? " If 0 means `unlabelled`, move it to `ignore`." : "";
  if (ignore.length > 0) return `Guessed: ${ignore.join(" and ")} means "no class" and is ignored.${zero}`;
  if (ids.some((id) => CONVENTION.includes(id))) {
    return `Guessed: ${ids.join(" and ")} are two classes, and nothing is ignored.`;
  }
  return `Guessed: no id is ignored, since 255 is not there.${zero}`;
}
