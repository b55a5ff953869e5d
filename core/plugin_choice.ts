/**
 * Options that name another plugin, as `association` names its similarities. Their schema is marked with the
 * kind, by which the JSON Schema of recipes offers the right names, and plugins plan what was named with
 * `registry.plan`.
 *
 * The association term, the evaluation's aggregation and the warm-up schedule use it. An option that is a
 * bare string would take names alone, without options or a file, and no editor would complete it.
 */
import type { Kind, PluginChoice } from "./plugin.ts";
import { z } from "./schema.ts";

/** A zod schema of choices, for options that name a plugin. */
export type ChoiceSchema = InstanceType<(typeof z)["ZodType"]> & {
  readonly _zod: { readonly output: PluginChoice };
};

/**
 * The schema of an option that names a plugin: `cosine`, `{type: cosine, options: {...}}` or `{use: FILE,
 * options: {...}}`. `registry.plan(kind, choice, at)` plans what was named, `at` being the option's own
 * position.
 */
export function pluginChoice(kind: Kind): ChoiceSchema {
  const name = z.string().min(1);
  const mapping = z.strictObject({
    type: name.exactOptional(),
    use: name.exactOptional(),
    options: z.record(z.string(), z.unknown()).nullish(),
  });
  return z.union([name, mapping]).meta({ plugin: kind });
}

/** What a choice calls its plugin: the name, or the file that defines it; "" for a choice with neither. */
export function choiceName(choice: PluginChoice): string {
  return typeof choice === "string" ? choice : choice.type ?? choice.use ?? "";
}
