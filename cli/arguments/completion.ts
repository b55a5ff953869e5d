/**
 * `plca completion`. Two things share the word: `install`, a command of plca, and the parser library's own
 * `completion SHELL ...`, which the installed scripts call at each press of Tab.
 */
import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag } from "@optique/core/primitives";
import { choice } from "@optique/core/valueparser";

/** The shells whose completions can be installed. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** The shells that the parser writes scripts for. */
export const SCRIPTS = ["bash", "zsh", "fish", "nu", "pwsh"] as const;

/** The error for anything else behind `completion`. */
const EXPECTED = message`Expected install, or a shell whose script is printed: bash, zsh, fish, nu, pwsh.`;

/** The command of plca that writes files where a shell finds them. */
const install = command(
  "install",
  object({
    command: constant("completion install"),
    shell: optional(argument(choice(SHELLS, { metavar: "SHELL" }), {
      description: message`bash, zsh or fish (default: the one that SHELL names).`,
    })),
    launcher: withDefault(
      flag("--launcher", {
        description: message`Write ~/.local/bin/plca as well, which runs this copy of plca from any folder.`,
      }),
      false,
    ),
  }),
  {
    brief: message`Let a shell complete plca's commands, options and names.`,
    errors: { notMatched: EXPECTED, notFound: EXPECTED },
  },
);

/**
 * `plca completion install`; `plca completion SHELL`, which the installed files call, is the parser's own.
 */
export const completion = command("completion", install, {
  brief: message`Let a shell complete plca's commands, options and names.`,
});

/** The shells that the parser library has a script for; it prints that. */
const scripts = argument(choice(SCRIPTS, { metavar: "SHELL" }));

/** The same with the parser's own part. */
export const everyCompletion = command("completion", or(install, scripts));
