/** The command line: commands, their arguments and options, and the words of `--help`. */
import { object, or } from "@optique/core/constructs";
import { runParserSync } from "@optique/core/facade";
import { type Message, message, optionName, text } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { KINDS } from "../core/plugin.ts";
import { nearest, suggestion } from "../core/suggest.ts";
import type { Host } from "./host.ts";

const sets = multiple(option("--set", string({ metavar: "PATH=VALUE" }), {
  description: message`Replace a value of the recipe, as in --set losses[1].weight=0.2; may be given again.`,
}));

const runs = withDefault(
  option("--runs", string({ metavar: "FOLDER" }), {
    description: message`Where run folders lie (default: runs).`,
  }),
  "runs",
);

const train = command(
  "train",
  object({
    command: constant("train"),
    recipe: optional(argument(string({ metavar: "RECIPE" }), {
      description: message`A YAML file, or the name of an embedded recipe (default: street).`,
    })),
    set: sets,
    name: optional(option("--name", string({ metavar: "NAME" }), {
      description: message`Name of the run folder instead of the recipe's name.`,
    })),
    run: optional(option("--run", string({ metavar: "FOLDER" }), {
      description: message`Exactly this run folder; it must be empty or not exist.`,
    })),
    runs,
  }),
  { brief: message`Train a recipe and compare on the target domain.` },
);

const evaluate = command(
  "eval",
  object({
    command: constant("eval"),
    run: optional(option("--run", string({ metavar: "FOLDER" }), {
      description: message`The run (default: the latest one).`,
    })),
    checkpoint: optional(option("--checkpoint", string({ metavar: "FILE" }), {
      description: message`The weights (default: the last ones of the run).`,
    })),
    split: withDefault(
      option("--split", choice(["train", "val", "test"], { metavar: "SPLIT" }), {
        description: message`val, test, or train, which is the labelled source (default: val).`,
      }),
      "val" as const,
    ),
    json: withDefault(
      flag("--json", { description: message`Print the evaluation as JSON, confusion matrix included.` }),
      false,
    ),
    set: sets,
    runs,
  }),
  { brief: message`Evaluate a run.` },
);

const check = command(
  "check",
  object({
    command: constant("check"),
    recipe: argument(string({ metavar: "RECIPE" }), {
      description: message`A YAML file, or the name of an embedded recipe.`,
    }),
    set: sets,
  }),
  { brief: message`Read a recipe and name every mistake in it.` },
);

const list = command(
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

const schema = command("schema", object({ command: constant("schema") }), {
  brief: message`Print the JSON Schema of recipes, for editors.`,
});

const doctor = command("doctor", object({ command: constant("doctor") }), {
  brief: message`Show which tensor backends work here, memory and cores.`,
});

const create = command(
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

function unknownKind(kind: string): Message {
  return [text(`there is no kind called "${kind}"${suggestion(kind, KINDS)}`)];
}

/** What a token that fits nowhere gets: the nearest option or command. */
function unexpected(token: string): Message {
  const known = token.startsWith("-") ? OPTIONS : COMMANDS;
  const name = token.split("=")[0] ?? token;
  const near = nearest(name, known);
  const base = token.startsWith("-")
    ? message`There is no option ${optionName(name)} here.`
    : message`${token} is not expected here.`;
  return near === undefined ? base : [...base, text(` Did you mean ${near}?`)];
}

const COMMANDS = ["train", "eval", "check", "list", "schema", "doctor", "new"];
const OPTIONS = [
  "--set",
  "--name",
  "--run",
  "--runs",
  "--checkpoint",
  "--split",
  "--json",
  "--help",
  "--version",
];

const grammar = or(train, evaluate, check, list, schema, doctor, create, {
  errors: { unexpectedInput: unexpected },
});

/** A parsed command line. */
export type Command = InferValue<typeof grammar>;

/** Arguments of one command. */
export type CommandOf<Name extends Command["command"]> = Extract<Command, { readonly command: Name }>;

/** Ends parsing early: help was shown, or the arguments were wrong. */
export class ParsingEnd {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

/** @throws ParsingEnd after showing help, the version, or what is wrong */
export function parseArguments(host: Host, version: string): Command {
  const end = (code: number): never => {
    throw new ParsingEnd(code);
  };
  return runParserSync(grammar, "plca", host.args, {
    brief: message`Domain-adaptive semantic segmentation by pixel-level cycle association.`,
    help: { command: true, option: true, onShow: end },
    version: { value: version, option: true, onShow: end },
    completion: { command: true, onShow: end },
    colors: host.stdout.color,
    maxWidth: host.stdout.columns,
    aboveError: "none",
    stdout: (line) => host.stdout.write(`${line}\n`),
    stderr: (line) => host.stderr.write(`${line}\n`),
    onError: () => end(2),
  });
}
