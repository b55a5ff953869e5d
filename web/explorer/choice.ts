/** What is looked at, kept in the part of the address that browsers send nowhere. */
import { useEffect, useState } from "preact/hooks";
import type { ExplorerOverview, LevelRequest } from "../../explore/types.ts";
import { CHECKPOINTS } from "../../run_folder/layout.ts";

/** Everything the person chose. */
export interface Choice extends LevelRequest {
  /** The source pixel. */
  readonly start: number;
  readonly sourceOverlay: SourceOverlay;
  readonly targetOverlay: TargetOverlay;
  /** Of the overlays, in percent. */
  readonly opacity: number;
}

/** Drawn over the source. */
export const SOURCE_OVERLAYS = ["none", "cycles", "labels", "predictions", "return"] as const;
/** Drawn over the target. */
export const TARGET_OVERLAYS = [
  "none",
  "similarity",
  "weights",
  "aggregation",
  "covered",
  "labels",
  "predictions",
] as const;

/** One of them. */
export type SourceOverlay = (typeof SOURCE_OVERLAYS)[number];
/** One of them. */
export type TargetOverlay = (typeof TARGET_OVERLAYS)[number];

/** Where the page begins: the newest weights of the last phase, the first images. */
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

/** The choice as text, and from text; what does not fit is as in `base`. */
export function choiceText(choice: Choice): string {
  return new URLSearchParams(Object.entries(choice).map(([key, value]) => [key, String(value)])).toString();
}

/** Whether the last part of an address is a choice; it may be a place in the page. */
export function holdsChoice(hash: string): boolean {
  return new URLSearchParams(hash.slice(1)).has("checkpoint");
}

/** @param text what {@linkcode choiceText} made, or anything */
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

const LISTS: Readonly<Record<string, readonly string[]>> = {
  statistics: ["running", "image"],
  targetSet: ["target", "val"],
  sourceOverlay: SOURCE_OVERLAYS,
  targetOverlay: TARGET_OVERLAYS,
};

/** The choice and what changes it. */
export function useChoice(overview: ExplorerOverview): [Choice, (change: Partial<Choice>) => void] {
  const [choice, setChoice] = useState(() => choiceFrom(location.hash.slice(1), firstChoice(overview)));
  useEffect(() => {
    history.replaceState(null, "", `#${choiceText(choice)}`);
  }, [choice]);
  return [choice, (change) => setChoice((before) => ({ ...before, ...change }))];
}
