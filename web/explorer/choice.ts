/**
 * What the person looks at, kept in the address behind `#`. Browsers send that part nowhere; it survives a
 * reload, and a copied address shows the same pair to somebody else who has the run. So everything that is
 * read from it may be wrong, old or hostile: values that do not fit are replaced ({@linkcode choiceFrom}).
 */
import { useEffect, useState } from "preact/hooks";
import type { ExplorerOverview, LevelRequest } from "../../explore/types.ts";
import { CHECKPOINTS } from "../../run_folder/layout.ts";

/** Everything the person chose: the pair and level to compute, and how it is shown. */
export interface Choice extends LevelRequest {
  /** The source pixel where the cycle starts, row by row; -1: none was chosen yet. */
  readonly start: number;
  readonly sourceOverlay: SourceOverlay;
  readonly targetOverlay: TargetOverlay;
  /** Of the overlays, in percent, 0..100. */
  readonly opacity: number;
}

/** What may be drawn over the source image. */
const SOURCE_OVERLAYS = ["none", "cycles", "labels", "predictions", "return"] as const;
/** What may be drawn over the target image. */
const TARGET_OVERLAYS = [
  "none",
  "similarity",
  "weights",
  "aggregation",
  "covered",
  "labels",
  "predictions",
] as const;

/** One of {@linkcode SOURCE_OVERLAYS}. */
export type SourceOverlay = (typeof SOURCE_OVERLAYS)[number];
/** One of {@linkcode TARGET_OVERLAYS}. */
export type TargetOverlay = (typeof TARGET_OVERLAYS)[number];

/**
 * Where the page begins: the newest undamaged weights of the run's last phase, else of another file, and the
 * first images. Without weights `checkpoint` is empty.
 */
export function firstChoice({ checkpoints, sets }: ExplorerOverview): Choice {
  const usable = checkpoints.filter(({ problem }) => problem === null);
  const own = usable.filter(({ id }) => id.startsWith(`${CHECKPOINTS}/`));
  const newest = own.find(({ name }) => name === "last") ?? own.at(-1) ?? usable.at(-1) ?? checkpoints.at(-1);
  return {
    checkpoint: newest?.id ?? "",
    statistics: "running",
    source: 0,
    targetSet: sets.find(({ set, problem }) => set === "target" && problem === null) ? "target" : "val",
    target: 0,
    level: 0,
    start: -1,
    sourceOverlay: "cycles",
    targetOverlay: "similarity",
    opacity: 60,
  };
}

/** A choice as it stands in the address: `key=value` pairs. */
export function choiceText(choice: Choice): string {
  return new URLSearchParams(Object.entries(choice).map(([key, value]) => [key, String(value)])).toString();
}

/**
 * Whether the part of an address behind `#` is a choice; it may as well name a place in the page. @param hash
 * with its `#`
 */
export function holdsChoice(hash: string): boolean {
  return new URLSearchParams(hash.slice(1)).has("checkpoint");
}

/**
 * A choice from text. @param text what {@linkcode choiceText} made, or anything @param base gives the value
 * of every key that the text lacks or that does not fit: integers of at most nine digits, listed words
 */
export function choiceFrom(text: string, base: Choice): Choice {
  const given = new URLSearchParams(text);
  const chosen: Record<string, string | number> = { ...base };
  for (const [key, value] of Object.entries(base)) {
    const own = given.get(key);
    if (own === null) continue;
    if (typeof value === "number") {
      if (/^\d{1,9}$/.test(own)) chosen[key] = Number(own);
    } else if ((LISTS[key] ?? [own]).includes(own)) chosen[key] = own;
  }
  return chosen as unknown as Choice;
}

/** The words that a key allows; a key that is not here allows any. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  statistics: ["running", "image"],
  targetSet: ["target", "val"],
  sourceOverlay: SOURCE_OVERLAYS,
  targetOverlay: TARGET_OVERLAYS,
};

/**
 * The choice, begun from the page's address and written back to it, and a function that changes parts of it.
 */
export function useChoice(overview: ExplorerOverview): [Choice, (change: Partial<Choice>) => void] {
  const [choice, setChoice] = useState(() => choiceFrom(location.hash.slice(1), firstChoice(overview)));
  useEffect(() => {
    history.replaceState(null, "", `#${choiceText(choice)}`);
  }, [choice]);
  return [choice, (change) => setChoice((before) => ({ ...before, ...change }))];
}
