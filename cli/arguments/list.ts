import { object, or } from "@optique/core/constructs";
import { type Message, message, text } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { KINDS } from "../../core/plugin.ts";
import { suggestion } from "../../core/suggest.ts";
import { pluginValue } from "./values.ts";

/** `plca list`. */
export const list = command(
  "list",
  object({
    command: constant("list"),
    kind: optional(argument(choice(KINDS, { metavar: "KIND", errors: { invalidChoice: unknownKind } }), {
      description: message`Only this kind of plugin.`,
    })),
    name: optional(argument(string({ metavar: "NAME" }), { description: message`Only this plugin.` })),
  }),
  { brief: message`Show the plugins, their options, defaults and sources.` },
);

const [first, ...others] = KINDS.map((kind) => command(kind, argument(pluginValue(kind))));

/** The same for a shell: names of the kind that was typed, and none before. */
export const everyList = command("list", or(first!, ...others));

function unknownKind(kind: string): Message {
  return [text(`there is no kind called "${kind}"${suggestion(kind, KINDS)}`)];
}
