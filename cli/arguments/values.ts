/**
 * Values of arguments that a shell can complete: recipes, plugins, settings, folders, files. They accept any
 * text; what it names is checked by the command, whose error says more than a parser could.
 */
import type { NonEmptyString } from "@optique/core/nonempty";
import type { Suggestion } from "@optique/core/parser";
import { string, type ValueParser } from "@optique/core/valueparser";
import { EMBEDDED } from "../../config/embedded.ts";
import { RECIPE_KEYS } from "../../config/recipe.ts";
import { builtins } from "../../builtins.ts";
import type { Kind } from "../../core/plugin.ts";

/** A value that is any text. */
type Text = ValueParser<"sync", string>;

/** A YAML file, or the name of an embedded recipe. */
export const recipeValue: Text = suggesting("RECIPE", (prefix) => [
  ...literals(EMBEDDED, prefix),
  { kind: "file", type: "file", extensions: [".yaml", ".yml"], pattern: prefix },
]);

/** The name of a plugin of this kind. */
export function pluginValue(kind: Kind): Text {
  return suggesting("NAME", (prefix) => literals(builtins().all(kind).map(({ name }) => name), prefix));
}

/** What `--set` takes, which begins with a key of the recipe. */
export const setValue: Text = suggesting("PATH=VALUE", (prefix) => literals(RECIPE_KEYS, prefix));

/** A folder, such as a run's. */
export function folderValue(metavar: "FOLDER" | "RUN"): Text {
  return suggesting(metavar, (prefix) => [{ kind: "file", type: "directory", pattern: prefix }]);
}

/** A file, or several. */
export function fileValue(metavar: "FILE" | "IMAGES" | "RUN", extensions?: readonly string[]): Text {
  return suggesting(metavar, (prefix) => [
    { kind: "file", type: "any", pattern: prefix, ...(extensions ? { extensions } : {}) },
  ]);
}

/** A text with suggestions for a shell. */
function suggesting(metavar: NonEmptyString, suggestions: (prefix: string) => readonly Suggestion[]): Text {
  return { ...string({ metavar }), suggest: suggestions };
}

/** Those of some names that begin as the person typed. */
function literals(names: readonly string[], prefix: string): Suggestion[] {
  return names.filter((name) => name.startsWith(prefix)).map((text) => ({ kind: "literal", text }));
}
