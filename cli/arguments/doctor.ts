import { message } from "@optique/core/message";
import { object } from "@optique/core/constructs";
import { command, constant } from "@optique/core/primitives";

/** `plca doctor`. */
export const doctor = command("doctor", object({ command: constant("doctor") }), {
  brief: message`Show which tensor backends work here, memory and cores.`,
});
