/**
 * `config.yaml` of a run: the resolved recipe, written once, read back as plain data by everything that shows
 * runs. Reading never throws for what the text holds, since people edit such files and folders come from
 * elsewhere; damage is a sentence instead.
 *
 * make.ts writes by it, read.ts and the commands that compare runs read.
 */
import { parse, stringify } from "yaml";
import { messageOf } from "../core/words.ts";

/** A resolved recipe as the YAML of `config.yaml`. */
export function configText(resolved: Readonly<Record<string, unknown>>): string {
  return stringify(resolved, { lineWidth: 110 });
}

/** The text, and the mapping that it holds or what is wrong with it. */
export type ReadConfig =
  | { readonly text: string; readonly parsed: Readonly<Record<string, unknown>> }
  /** What is wrong with it, without a trailing period. */
  | { readonly text: string; readonly damage: string };

/** The most values, and the deepest, that a recipe may have; aliases count as what they stand for. */
const MOST_VALUES = 100_000, DEEPEST = 100;

/** Parses a mapping. Of a key that comes twice the later one counts. */
export function parseConfig(text: string): ReadConfig {
  let parsed: unknown;
  try {
    // Looking for keys that come twice takes the square of their number.
    parsed = parse(text, { logLevel: "error", uniqueKeys: false });
  } catch (error) {
    const [why] = messageOf(error).split("\n");
    return { text, damage: why! };
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    return { text, damage: "expected a mapping" };
  }
  const damage = unfit(parsed);
  return damage === undefined ? { text, parsed: parsed as Record<string, unknown> } : { text, damage };
}

/**
 * Why others could not walk through a value: too large, too deep, or containing itself; undefined when they
 * can.
 */
function unfit(root: unknown): string | undefined {
  let values = 0;
  const above = new Set<object>();
  function look(value: unknown): string | undefined {
    if (++values > MOST_VALUES) return `it has more than ${MOST_VALUES} values`;
    if (typeof value !== "object" || value === null) return undefined;
    if (above.has(value)) return "an alias in it contains itself";
    if (above.size === DEEPEST) return `its values are nested deeper than ${DEEPEST}`;
    above.add(value);
    for (const each of Object.values(value)) {
      const found = look(each);
      if (found !== undefined) return found;
    }
    above.delete(value);
    return undefined;
  }
  return look(root);
}
