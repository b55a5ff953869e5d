import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { argument, command, constant } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";

/** `plca new`. */
export const create = command(
  "new",
  object({
    command: constant("new"),
    kind: argument(choice(["loss"], { metavar: "KIND" }), { description: message`loss` }),
    name: argument(string({ metavar: "NAME" }), {
      description: message`Becomes NAME.ts in the current folder, as in my_loss.`,
    }),
  }),
  { brief: message`Write your own loss and its test.` },
);
