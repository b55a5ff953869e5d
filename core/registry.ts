import { ConfigError, type ConfigPath, UserError } from "./errors.ts";
import type { Kind, Plugin, PluginLookup } from "./plugin.ts";
import { suggestion } from "./suggest.ts";

/** The plugins of one run. Nothing registers itself: a list goes in, a new registry comes out. */
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

  /** The plugins of one kind, in the order given; without a kind, all. */
  all<K extends Kind = Kind>(kind?: K): readonly Plugin<K>[] {
    return this.#plugins.filter((plugin): plugin is Plugin<K> => kind === undefined || plugin.kind === kind);
  }

  /** A new registry that also knows `plugins`. */
  with(plugins: readonly Plugin[]): Registry {
    return new Registry([...this.#plugins, ...plugins]);
  }
}
