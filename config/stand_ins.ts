/**
 * Plans that stand in for plugins that cannot be planned, and the check of what a user's `plan` returned.
 *
 * Both need one list: what a plan of each kind must have. A stand-in has all of it and demands nothing of the
 * rest of the recipe (no taps, no classes), so that it causes no complaint of its own; its functions throw,
 * since a recipe with mistakes is never run. The keys of the same stand-ins are what a user's plan is
 * compared with.
 */
import type { Kind, LossPlan, Needs, PlanOf, StreamPlan } from "../core/plugin.ts";

/** Throws when the plan is used after all. */
type Refuse = () => never;

/** A plan of each kind that asks for nothing. A new kind of plugin needs an entry here. */
const STAND_INS: { readonly [K in Kind]: (refuse: Refuse) => PlanOf[K] } = {
  loss: (refuse) => ({ needs: { taps: [] }, create: refuse }),
  model: (refuse) => ({ taps: () => ({}), featureTap: "", create: refuse }),
  dataset: (refuse) => ({
    labelSpace: { name: "", classes: [], ignore: 255 },
    needsRoot: false,
    open: refuse,
  }),
  // What it accepts would become a demand on a tap, and is not known.
  similarity: (refuse) => ({
    accepts: undefined as never,
    symmetric: false,
    pairwise: refuse,
  }),
  optimizer: (refuse) => ({ create: refuse }),
  schedule: (refuse) => ({ multiplier: refuse }),
  stream: (refuse) => ({ needs: { taps: [] }, create: refuse }),
  network: () => ({ training: false, start: "student" }),
  job: (refuse) => ({ reads: [], run: refuse }),
};

/** A plan that demands nothing; its functions call `refuse`. */
export function standIn<K extends Kind>(kind: K, refuse: Refuse): PlanOf[K] {
  return STAND_INS[kind](refuse);
}

/** The plan of what has mistakes, so that those of the rest are found. */
export function mistaken<K extends Kind>(kind: K): PlanOf[K] {
  return standIn(kind, () => {
    throw new Error(`a ${kind} with mistakes was used`);
  });
}

const SPACES = ["real", "simplex"];

/**
 * What is wrong with what a user's `plan` returned, as in `no create function; expected {create}`; undefined
 * for a usable plan. Types do not help here: the file is a person's, and its `plan` may return anything.
 */
export function planFault(kind: Kind, plan: unknown): string | undefined {
  const parts = Object.entries(STAND_INS[kind](() => {
    throw new Error("only its keys are read");
  }));
  const expected = `expected {${
    parts.map(([key]) => key === "needs" ? "needs: {taps: [...]}" : key).join(", ")
  }}`;
  if (plan instanceof Promise) return `a Promise; ${expected}`;
  if (typeof plan !== "object" || plan === null) {
    return `${plan === null ? "null" : typeof plan}; ${expected}`;
  }
  for (const [key, part] of parts) {
    if (typeof part === "function" && typeof plan[key as never] !== "function") {
      return `no ${key} function; ${expected}`;
    }
  }
  return kind === "loss" || kind === "stream"
    ? needsFault((plan as Partial<LossPlan | StreamPlan>).needs, expected)
    : undefined;
}

/**
 * At least one of these must be there: a plugin that reads nothing is more likely one that forgot to say what
 * it reads.
 */
const NEEDS = ["taps", "views", "streams", "parameters"] as const;

/**
 * The same for the `needs` of losses and streams, whose mistakes would otherwise show only deep in a step.
 */
function needsFault(needs: Needs | undefined, expected: string): string | undefined {
  if (needs !== undefined && "teacher" in needs) {
    return 'needs.teacher; name a teacher in the recipe\'s networks and ask for its view: {stream: "target", by: NAME}';
  }
  const given = NEEDS.filter((key) => needs?.[key] !== undefined);
  const list = given.find((key) => !Array.isArray(needs![key]));
  if (given.length === 0 || list !== undefined) return `no needs.${list ?? "taps"} list; ${expected}`;
  for (const view of needs!.views ?? []) {
    if (typeof view?.stream !== "string") return "a view without a stream; expected {stream, by, taps}";
  }
  for (const tap of [...needs!.taps ?? [], ...(needs!.views ?? []).flatMap(({ taps }) => taps ?? [])]) {
    if (typeof tap?.name !== "string") return "a tap without a name; expected {name, space}";
    if (tap.space !== undefined && !SPACES.includes(tap.space)) {
      return `the tap "${tap.name}" with the space ${JSON.stringify(tap.space)}; expected ${
        SPACES.join(" or ")
      }`;
    }
  }
  return undefined;
}
