import { optionsSchema } from "../config/entry_schema.ts";
import { describeSpace } from "../config/check_step.ts";
import { UserError } from "../core/errors.ts";
import { type Kind, KINDS, type Plugin } from "../core/plugin.ts";
import { suggestion } from "../core/suggest.ts";
import { builtins } from "../builtins.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";

/**
 * Runs `plca list`: prints the built-in plugins of a kind, or of all kinds, with their options.
 * @returns the exit status 0 @throws UserError when no plugin has that name
 */
export function listCommand(host: Host, { kind, name }: CommandOf<"list">): Promise<number> {
  const registry = builtins();
  const kinds = kind === undefined ? KINDS : [kind];
  if (name !== undefined) {
    const known = kinds.flatMap((each) => registry.all(each).map((plugin) => plugin.name));
    if (!known.includes(name)) {
      throw new UserError(`there is no ${kind} called "${name}"${suggestion(name, known)}`);
    }
  }
  const blocks = kinds.map((each) => {
    const plugins = registry.all(each).filter((plugin) => name === undefined || plugin.name === name);
    return [each, ...plugins.map((plugin) => describePlugin(plugin))].join("\n");
  });
  host.stdout.write(`${blocks.join("\n\n")}\n`);
  return Promise.resolve(0);
}

/**
 * A plugin in lines: name and summary, source, then for each option name, type, default and meaning; of a
 * model its taps as well.
 */
export function describePlugin(plugin: Plugin): string {
  const lines = [`  ${plugin.name}: ${plugin.summary}`];
  if (plugin.source !== undefined) lines.push(`    source: ${plugin.source}`);
  lines.push(...optionLines(optionsSchema(plugin.options), "    "));
  if (isModel(plugin)) lines.push(...tapLines(plugin));
  return lines.join("\n");
}

/** Whether it is a plugin of the kind that has taps. */
function isModel(plugin: Plugin<Kind>): plugin is Plugin<"model"> {
  return plugin.kind === "model";
}

/** The taps of a model with its default options. */
function tapLines(model: Plugin<"model">): string[] {
  // Names, strides and spaces do not depend on the number of classes.
  const taps = Object.entries(builtins().plan("model", model.name).taps(2));
  return [
    "    taps, with these defaults",
    ...taps.map(([name, { stride, space }]) => `      ${name}: stride ${stride}, ${describeSpace(space)}`),
  ];
}

/** The part of JSON Schema that options are described by. */
interface Property {
  readonly type?: string;
  /** The kind of plugin that is named. */
  readonly plugin?: Kind;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Property[];
  readonly items?: Property;
  readonly prefixItems?: readonly Property[];
  readonly properties?: Readonly<Record<string, Property>>;
  readonly default?: unknown;
  readonly description?: string;
}

/** One line for each option, those inside of mappings and lists indented below it. */
function optionLines(schema: Property, indent: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const standard = property.default === undefined ? "" : ` = ${JSON.stringify(property.default)}`;
    const meaning = property.description === undefined ? "" : `  ${property.description}`;
    const inner = [property, ...(property.anyOf ?? [])].map((each) => each.items ?? each);
    return [
      `${indent}${key} (${typeText(property)})${standard}${meaning}`,
      ...(property.plugin ? [] : inner).flatMap((each) => optionLines(each, `${indent}  `)),
    ];
  });
}

/** The type of an option in words. */
function typeText(property: Property): string {
  if (property.plugin) return `${property.plugin}, or {type, options}`;
  if (property.anyOf) return property.anyOf.map(typeText).join(" | ");
  if (property.enum) return property.enum.map(String).join(" | ");
  if (property.const !== undefined) return String(property.const);
  if (property.prefixItems) return `[${property.prefixItems.map(typeText).join(", ")}]`;
  if (property.items) return `list of ${typeText(property.items)}`;
  return property.type === "object" ? "mapping" : property.type ?? "any";
}
