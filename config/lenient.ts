/**
 * Plans plugins although something in a recipe is wrong or unknown, so that all mistakes are found in one go.
 *
 * Suppose the model's options have a typo. Without a model's plan nothing is known about taps, and every term
 * that names one would either be skipped or produce a false complaint. So a plan is made as long as it can
 * be: options with mistakes are removed and the defaults take their places (`mended`); where no plan is
 * possible at all, a stand-in comes ({@linkcode mistaken}, stand_ins.ts) that demands nothing and so causes
 * no further complaints. None of these plans is ever run: a recorded mistake ends the reading.
 *
 * The same stand-ins serve commands that do not run a person's plugin files, as `check` without `--import`:
 * an `unrun` plugin accepts any options, and what depends on its plan is left unchecked.
 *
 * A plugin whose `plan` asks for another plugin (an association for its similarity) gets this lookup as its
 * registry, so nested mistakes are recorded the same way.
 */
import { ConfigError, type ConfigPath, UserError } from "../core/errors.ts";
import {
  definePlugin,
  type Kind,
  type PlanOf,
  type Plugin,
  type PluginChoice,
  type PluginLookup,
} from "../core/plugin.ts";
import { choiceParts, type Registry } from "../core/registry.ts";
import { z } from "../core/schema.ts";
import { suggestion } from "../core/suggest.ts";
import { messageOf } from "../core/words.ts";
import { check } from "./explain.ts";
import type { Findings } from "./findings.ts";
import { mistaken, planFault, standIn } from "./stand_ins.ts";
import { fileProblem } from "./used_files.ts";

/** The plugins that a recipe may name. */
export interface Plugins {
  readonly registry: Registry;
  /** What the recipe's own files define, by absolute path. */
  readonly user: ReadonlyMap<string, UserFile>;
}

/** What a person's file defines; for a file that is not run, the name by which its plugin goes meanwhile. */
export type UserFile = readonly Plugin[] | { readonly unrun: string };

/** A plugin that a recipe names, before its options are looked at. */
export interface Found<K extends Kind> {
  readonly plugin: Plugin<K>;
  /** The file that defines it, absolute. */
  readonly file?: string;
  /** It stands for a plugin of a file that is not run. */
  readonly unrun?: boolean;
}

/** A planned plugin. */
export interface Planned<K extends Kind> extends Found<K> {
  readonly plan: PlanOf[K];
  /** What it was planned from, as written but without mistakes. */
  readonly raw: unknown;
  /** The same with defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  /**
   * The options, or those of a plugin that they name, had mistakes, which are recorded; the plan is made from
   * the rest.
   */
  readonly mended?: boolean;
}

/** Finds and plans plugins for a recipe; whatever is wrong is recorded in the findings instead of thrown. */
export class LenientLookup implements PluginLookup {
  readonly #findings: Findings;
  readonly #plugins: Plugins;
  /**
   * How many plugins that other plugins named were wrong. A plugin during whose planning it grew is `mended`.
   */
  #mistakes = 0;

  constructor(findings: Findings, plugins: Plugins) {
    this.#findings = findings;
    this.#plugins = plugins;
  }

  /**
   * What a plugin's own `plan` calls for a plugin that it names. Always returns a plan: after a mistake, a
   * stand-in whose functions must not be called.
   */
  plan<K extends Kind>(kind: K, choice: PluginChoice, at: ConfigPath = []): PlanOf[K] {
    const found = this.choose<K>(kind, choice, at);
    if (!found || found.mended) this.#mistakes += 1;
    return found?.plan ?? mistaken(kind);
  }

  /** Plans what the choice at `at` names; undefined after recording what is wrong. */
  choose<K extends Kind>(kind: K, choice: PluginChoice, at: ConfigPath): Planned<K> | undefined {
    const { options, path } = choiceParts(choice, at);
    const found = this.find(kind, choice, at);
    return found && this.planned(found, options, path("options"));
  }

  /** The plugin that the choice at `at` names; undefined after recording that there is none. */
  find<K extends Kind>(kind: K, choice: PluginChoice, at: ConfigPath): Found<K> | undefined {
    const { type, use, path } = choiceParts(choice, at);
    const known = this.all(kind).map(({ plugin }) => plugin.name).join(", ");
    const given = [type, use].filter((one) => one !== undefined && one !== null).length;
    if (given === 2) this.#findings.add(at, "has both type and use; keep one");
    else if (given === 0) {
      this.#findings.add(
        at,
        `type is missing; expected one of ${known}, or use: and the file of your own ${kind}`,
      );
    } else if (use !== undefined && use !== null) return this.#used(kind, use, path("use"));
    else if (typeof type === "string" && type !== "") return this.#named(kind, type, path("type"));
    else this.#findings.text(path("type"), `one of ${known}`);
    return undefined;
  }

  /** Every plugin of a kind, those of the recipe's own files last. */
  all<K extends Kind>(kind: K): readonly Found<K>[] {
    const { registry, user } = this.#plugins;
    const own = [...user].flatMap(([file, plugins]) =>
      "unrun" in plugins ? [] : ofKind(plugins, kind).map((plugin) => ({ plugin, file }))
    );
    return [...registry.all(kind).map((plugin) => ({ plugin })), ...own];
  }

  /**
   * A plugin by its `type`. While a file was not run, an unknown name may be one that it defines, so it is
   * taken for one.
   */
  #named<K extends Kind>(kind: K, name: string, at: ConfigPath): Found<K> | undefined {
    const all = this.all(kind);
    const [found, other] = all.filter(({ plugin }) => plugin.name === name);
    // A loss may be called like the one of plca that it varies: `use:` tells them apart.
    if (other && kind !== "loss") {
      const where = found!.file === undefined ? "plca" : found!.file;
      this.#findings.add(
        at,
        `both ${where} and ${other.file} define ${one(kind)} called "${name}"; rename yours`,
      );
      return undefined;
    }
    if (found) return found;
    if ([...this.#plugins.user.values()].some((file) => "unrun" in file)) return unrun(kind, name);
    const hint = suggestion(name, all.map(({ plugin }) => plugin.name));
    this.#findings.add(at, `there is no ${kind} called "${name}"${hint}`);
    return undefined;
  }

  /** The only plugin of its kind in a file. */
  #used<K extends Kind>(kind: K, use: unknown, at: ConfigPath): Found<K> | undefined {
    const problem = fileProblem(use);
    if (problem !== undefined) this.#findings.add(at, problem);
    const file = String(use);
    const plugins = this.#plugins.user.get(file);
    // Why it could not be imported is recorded.
    if (plugins === undefined) return undefined;
    if ("unrun" in plugins) return { ...unrun(kind, plugins.unrun), file };
    const [plugin, ...others] = ofKind(plugins, kind);
    if (plugin && others.length === 0) return { plugin, file };
    const defined = plugins.map((one) => `the ${one.kind} "${one.name}"`).join(", ") || "nothing";
    this.#findings.add(at, `expected a file with one ${kind}: ${file} defines ${defined}`);
    return undefined;
  }

  /**
   * Plans a plugin from its options.
   * @param given as written in the recipe; absent or null means {}
   * @param at where the options stand
   * @returns undefined after recording mistakes that leave nothing to plan from
   */
  planned<K extends Kind>(found: Found<K>, given: unknown, at: ConfigPath): Planned<K> | undefined {
    const { plugin } = found;
    let raw: unknown = given ?? {};
    let read = check({ schema: plugin.options, value: raw, at });
    const wrong = !read.ok, before = this.#mistakes;
    if (!read.ok) {
      this.#findings.record(read.issues);
      raw = withoutMistakes(raw, read.issues.map(({ path }) => path.slice(at.length)));
      read = check({ schema: plugin.options, value: raw, at });
    }
    if (!read.ok) return undefined;
    const { value } = read;
    const plan = this.#findings.attempt(() => guarded(found, at, () => plugin.plan(value, at, this)));
    const mended = wrong || this.#mistakes > before;
    return plan && { ...found, plan, raw, options: { ...value }, ...(mended ? { mended } : {}) };
  }
}

/** `a loss`, `an optimizer`. */
export function one(kind: Kind): string {
  return `${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`;
}

function ofKind<K extends Kind>(plugins: readonly Plugin[], kind: K): readonly Plugin<K>[] {
  return plugins.filter((plugin): plugin is Plugin<K> => plugin.kind === kind);
}

/**
 * A copy of the options without the values that are wrong, so that defaults take their places. Undefined when
 * one stands in a list: removing an entry would move the others, and complaints about them would point to the
 * wrong ones.
 */
function withoutMistakes(options: unknown, mistakes: readonly ConfigPath[]): unknown {
  if (mistakes.some((path) => path.length === 0)) return {};
  const rest = structuredClone(options);
  for (const path of mistakes) {
    const parent = path.slice(0, -1).reduce<unknown>((node, part) => (node as Raw | undefined)?.[part], rest);
    if (Array.isArray(parent)) return undefined;
    if (typeof parent === "object" && parent !== null) delete (parent as Raw)[path.at(-1)!];
  }
  return rest;
}

type Raw = Record<string | number, unknown>;

/** Whatever the `plan` of a user's plugin does wrong is a mistake of its file. */
function guarded<K extends Kind>(
  { plugin, file }: Found<K>,
  at: ConfigPath,
  make: () => PlanOf[K],
): PlanOf[K] {
  if (file === undefined) return make();
  const refuse = (message: string) => new ConfigError([{ path: at, message: `${file}: ${message}` }]);
  let plan: PlanOf[K];
  try {
    plan = make();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw refuse(`plan threw: ${messageOf(error)}`);
  }
  const fault = planFault(plugin.kind, plan);
  if (fault !== undefined) throw refuse(`plan returned ${fault}`);
  return plan;
}

/** Stands for a plugin of a file that is not run: it takes any options, and its plan cannot be used. */
function unrun<K extends Kind>(kind: K, name: string): Found<K> {
  const refuse = () => {
    throw new UserError(
      `the ${kind} "${name}" is not one of plca's: train and ablate run a recipe's own files, check, eval, predict and export with --import`,
    );
  };
  const plan = () => standIn(kind, refuse);
  const summary = "of a file that is not run";
  return { plugin: definePlugin({ kind, name, summary, options: z.looseObject({}), plan }), unrun: true };
}
