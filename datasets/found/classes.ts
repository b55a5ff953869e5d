/** A class map for label files of which nobody said what their ids mean. Pure. */
import { UserError } from "../../core/errors.ts";
import { IGNORE_LABEL } from "../../core/label_space.ts";
import { belongTo, type KnownSpace, knownSpace } from "./known_spaces.ts";
import type { FoundId } from "./survey.ts";

/** A class and the ids it has in the label files. */
export interface GuessedClass {
  readonly name: string;
  readonly ids: readonly number[];
  /** Share of the pixels that were looked at, in [0, 1]. */
  readonly share: number;
}

/** What the ids of one data set mean. */
export interface GuessedMap {
  readonly classes: readonly GuessedClass[];
  readonly ignore: readonly number[];
  /** Share of the pixels that are ignored, in [0, 1]. */
  readonly ignored: number;
}

/** Class maps with the same names in the same order. */
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

/** @throws UserError when fewer than two classes are left */
export function guessClasses(source: readonly FoundId[], target: readonly FoundId[] | undefined): ClassGuess {
  const [own, other] = spacesOf(source, target);
  if (own === undefined) return unnamed(source, target);
  const ignoring = "Ignored: the ids that they count nowhere.";
  const named = { title: own.title, ignoring };
  if (target === undefined) return { ...named, source: mapBy(own, own.classes, source) };
  const classes = own.classes.filter((name) => other?.classes.includes(name));
  if (other === undefined || classes.length < own.classes.length / 2) {
    const why = other === undefined
      ? `they hold id ${target.find(({ id }) => !own.names.has(id))!.id}, which is none of them`
      : `they look like ${other.title}`;
    return { ...named, source: mapBy(own, own.classes, source), unfit: why };
  }
  return {
    ...named,
    title: own === other ? own.title : `${own.title}; the target has ${other.title}`,
    source: mapBy(own, classes, source),
    target: mapBy(other, classes, target),
  };
}

function spacesOf(source: readonly FoundId[], target: readonly FoundId[] | undefined) {
  const own = knownSpace(source), other = target && knownSpace(target);
  // A few files need not show every class: what the other one has is tried before it is given up.
  const fits = (ids: readonly FoundId[], space: KnownSpace | undefined) =>
    space !== undefined && belongTo(ids, space) ? space : undefined;
  return [own ?? fits(source, other), other ?? (target && fits(target, own))] as const;
}

function mapBy(space: KnownSpace, classes: readonly string[], ids: readonly FoundId[]): GuessedMap {
  const share = (wanted: readonly number[]) =>
    ids.filter(({ id }) => wanted.includes(id)).reduce((sum, each) => sum + each.share, 0);
  const stored = (name: string) => [...space.names].filter(([, of]) => of === name).map(([id]) => id);
  const ignore = [...space.names].filter(([, name]) => !classes.includes(name ?? "")).map(([id]) => id)
    .filter((id) => id < 256 || ids.some((each) => each.id === id))
    .toSorted((a, b) => a - b);
  return {
    classes: classes.map((name) => ({ name, ids: stored(name), share: share(stored(name)) })),
    ignore,
    ignored: share(ignore),
  };
}

function unnamed(source: readonly FoundId[], target: readonly FoundId[] | undefined): ClassGuess {
  const ids = [...new Set([...source, ...target ?? []].map(({ id }) => id))].toSorted((a, b) => a - b);
  const conventional = ids.filter((id) => CONVENTION.includes(id));
  const rest = ids.filter((id) => !CONVENTION.includes(id));
  // Masks of two values are often drawn in black and white.
  const ignore = rest.length === 1 && conventional.length === 1 ? [] : conventional;
  const classes = ids.filter((id) => !ignore.includes(id));
  if (classes.length < 2) {
    throw new UserError(
      `the label files hold ${ids.length === 0 ? "no pixel" : `nothing but id ${classes.join(", ")}`}` +
        `${ignore.length > 0 ? ` and ${ignore.join(", ")}` : ""}; expected at least two classes`,
    );
  }
  const map = (found: readonly FoundId[]): GuessedMap => {
    const share = (id: number) => found.find((each) => each.id === id)?.share ?? 0;
    return {
      classes: classes.map((id) => ({ name: `class_${id}`, ids: [id], share: share(id) })),
      ignore,
      ignored: ignore.reduce((sum, id) => sum + share(id), 0),
    };
  };
  return {
    source: map(source),
    ...(target === undefined ? {} : { target: map(target) }),
    ignoring: ignoringText(ids, ignore),
  };
}

function ignoringText(ids: readonly number[], ignore: readonly number[]): string {
  const zero = ids.includes(0) ? " If 0 means `unlabelled`, move it to `ignore`." : "";
  if (ignore.length > 0) return `Guessed: ${ignore.join(" and ")} means "no class" and is ignored.${zero}`;
  if (ids.some((id) => CONVENTION.includes(id))) {
    return `Guessed: ${ids.join(" and ")} are two classes, and nothing is ignored.`;
  }
  return `Guessed: no id is ignored, since 255 is not there.${zero}`;
}
