/**
 * Where plugins are looked up by kind and name. A registry is built from a list and never changes: there is
 * no global one in which modules register themselves, so what a recipe can name follows from one list
 * (`mod.ts` of each room) and tests can build their own.
 */
import { ConfigError, type ConfigPath, UserError } from "./errors.ts";
import type { Kind, Parsed, PlanOf, Plugin, PluginChoice, PluginLookup, PluginMapping } from "./plugin.ts";
import type { OptionsSchema } from "./schema.ts";
import { suggestion } from "./suggest.ts";

/** The plugins of one run. */
export class Registry implements PluginLookup {
  readonly #plugins: readonly Plugin[];

  /** Holds these plugins and no others. @throws UserError when two plugins of one kind share a name */
  constructor(plugins: readonly Plugin[]) {
    const seen = new Set<string>();
    for (const { kind, name } of plugins) {
      if (seen.has(`${kind} ${name}`)) throw new UserError(`Two ${kind} plugins are called "${name}"`);
      seen.add(`${kind} ${name}`);
    }
    this.#plugins = plugins;
  }

  /** The plugin called `name`. @throws ConfigError naming `at` and the nearest known name */
  get<K extends Kind>(kind: K, name: string, at: ConfigPath): Plugin<K> {
    const known = this.all(kind);
    const found = known.find((plugin) => plugin.name === name);
    if (found) return found;
    const hint = suggestion(name, known.map((plugin) => plugin.name));
    throw new ConfigError([{ path: at, message: `there is no ${kind} called "${name}"${hint}` }]);
  }

  /**
   * Finds the plugin, reads its options and plans it; `config/lenient.ts` has the same for recipes with
   * mistakes, which it collects.
   */
  plan<K extends Kind>(kind: K, choice: PluginChoice, at: ConfigPath = []): PlanOf[K] {
    const { type, options, path } = choiceParts(choice, at);
    if (type === undefined) throw new ConfigError([{ path: at, message: `expected the ${kind}'s type` }]);
    const plugin = this.get(kind, type, path("type"));
    return plugin.plan(parse(plugin.options, options ?? {}, path("options")), path("options"), this);
  }

  /** The plugins of one kind, in the order given; without a kind, all. */
  all<K extends Kind = Kind>(kind?: K): readonly Plugin<K>[] {
    return this.#plugins.filter((plugin): plugin is Plugin<K> => kind === undefined || plugin.kind === kind);
  }
}

/**
 * A choice as a mapping, and a function from its parts to their positions: where a recipe gives a name alone,
 * `type` and `options` both stand at `at`.
 */
export function choiceParts(
  choice: PluginChoice,
  at: ConfigPath,
): PluginMapping & { readonly path: (part: keyof PluginMapping) => ConfigPath } {
  const named = typeof choice === "string";
  const mapping: PluginMapping = named ? { type: choice } : choice;
  return { ...mapping, path: (part: keyof PluginMapping) => named ? at : [...at, part] };
}

/** The options with their defaults. @throws ConfigError with every mistake at its position */
function parse(schema: OptionsSchema<Parsed>, options: unknown, at: ConfigPath): Parsed {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map(({ path, message }) => ({
    path: [...at, ...path.map((part) => typeof part === "number" ? part : String(part))],
    message,
  })));
}
