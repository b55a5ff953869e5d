import { message } from "@optique/core/message";
import { object } from "@optique/core/constructs";
import { command, constant } from "@optique/core/primitives";

/** `plca schema`. */
export const schema = command("schema", object({ command: constant("schema") }), {
  brief: message`Print the JSON Schema of recipes, for editors.`,
});
