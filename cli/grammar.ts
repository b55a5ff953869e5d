/**
 * The command line: commands, their arguments and options, and the words of `--help`. Each command has a file
 * in `arguments/`; here they are joined into one grammar, from which the parser library makes help, errors
 * and completions. A parsed command line is a union by `command` ({@linkcode Command}), which main.ts
 * distributes.
 */
import { or } from "@optique/core/constructs";
import { runParserSync } from "@optique/core/facade";
import { type Message, message, optionName, text } from "@optique/core/message";
import { multiple } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, command } from "@optique/core/primitives";
import { extractOptionNames, type Usage } from "@optique/core/usage";
import { choice } from "@optique/core/valueparser";
import { nearest } from "../core/suggest.ts";
import { ablate } from "./arguments/ablate.ts";
import { check } from "./arguments/check.ts";
import { compare } from "./arguments/compare.ts";
import { completion, everyCompletion, SCRIPTS } from "./arguments/completion.ts";
import { data } from "./arguments/data.ts";
import { doctor } from "./arguments/doctor.ts";
import { evaluate } from "./arguments/eval.ts";
import { exported } from "./arguments/export.ts";
import { everyList, list } from "./arguments/list.ts";
import { create } from "./arguments/new.ts";
import { predict } from "./arguments/predict.ts";
import { report } from "./arguments/report.ts";
import { runList } from "./arguments/runs.ts";
import { schema } from "./arguments/schema.ts";
import { table } from "./arguments/table.ts";
import { train } from "./arguments/train.ts";
import { view } from "./arguments/view.ts";
import { weights } from "./arguments/weights.ts";
import type { Host } from "./host.ts";

/** The error for a word that fits nowhere: with the nearest option or command. */
function unexpected(token: string): Message {
  const isOption = token.startsWith("-");
  const name = token.split("=")[0] ?? token;
  const options = [...extractOptionNames(grammar.usage), "--help", "--version"];
  if (isOption && options.includes(name)) {
    return message`There is no option ${optionName(name)} here; other commands have it.`;
  }
  const commands = commandsIn(grammar.usage);
  const long = options.filter((option) => option.startsWith("--"));
  const word = nearest(name, isOption ? long : commands.map(lastWord));
  const near = isOption ? word : commands.find((command) => lastWord(command) === word);
  const base = token.startsWith("-")
    ? message`There is no option ${optionName(name)} here.`
    : message`${token} is not expected here.`;
  return near === undefined ? base : [...base, text(` Did you mean ${near}?`)];
}

/**
 * Every command of a grammar with the words that lead to it, as in `data stats`; one that only groups others
 * counts too.
 */
function commandsIn(usage: Usage, before: readonly string[] = []): string[] {
  const commands: string[] = [];
  let words = before;
  for (const term of usage) {
    if (term.type === "command") {
      words = [...words, term.name];
      commands.push(words.join(" "));
    } else if (term.type === "exclusive") {
      commands.push(...term.terms.flatMap((branch) => commandsIn(branch, words)));
    } else if (term.type === "optional" || term.type === "multiple") {
      commands.push(...commandsIn(term.terms, words));
    }
  }
  return [...new Set(commands)];
}

/** The commands that help explains: the first words of all. */
function firstWords(): string[] {
  return [...new Set(commandsIn(grammar.usage).map((command) => command.split(" ")[0]!))];
}

/** Of a command as `data stats`, the word that tells it from its neighbours. */
function lastWord(command: string): string {
  return command.split(" ").at(-1)!;
}

/** Replaces the parser library's error for a word that fits nowhere. */
const ERRORS = { errors: { unexpectedInput: unexpected } };

// One call takes at most fifteen.
const ofRuns = or(train, evaluate, predict, exported, ablate, compare, table, report, view, runList, ERRORS);
/** Commands that need no run. */
const ofRecipes = or(check, data, weights, list, schema, doctor, create, ERRORS);

/** Everything that a person may type. */
const grammar = or(ofRuns, ofRecipes, completion, ERRORS);

/** The grammar with what is the parser library's own, for a shell that asks how a line may go on. */
const completed = or(
  ofRuns,
  or(check, data, weights, everyList, schema, doctor, create),
  everyCompletion,
  command("help", multiple(argument(choice(firstWords(), { metavar: "COMMAND" })))),
);

/** What shells ask with, instead of `completion`, which is a command of plca as well. */
const ASKED = "completion-of";

/** A parsed command line: the fields of one command, told apart by `command`. */
export type Command = InferValue<typeof grammar>;

/** Arguments of one command. */
export type CommandOf<Name extends Command["command"]> = Extract<Command, { readonly command: Name }>;

/**
 * Thrown when parsing ends the process: help was shown, or the arguments were wrong. Carries the exit status.
 */
export class ParsingEnd {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

/**
 * Parses the command line of a host. @throws ParsingEnd after showing help, the version, completions, or what
 * is wrong
 */
export function parseArguments(host: Host, version: string): Command {
  const end = (code: number): never => {
    throw new ParsingEnd(code);
  };
  const own = host.args[0] === "completion" && (SCRIPTS as readonly string[]).includes(host.args[1] ?? "");
  const asks = own && host.args.length > 2;
  const options = {
    brief: message`Domain-adaptive semantic segmentation by pixel-level cycle association.`,
    help: { command: true, option: { names: ["--help", "-h"] }, onShow: end },
    version: { value: version, option: true, onShow: end },
    colors: host.stdout.color,
    maxWidth: host.stdout.columns,
    aboveError: "none",
    stdout: (line: string) => host.stdout.write(`${line}\n`),
    stderr: (line: string) => host.stderr.write(`${line}\n`),
    onError: () => end(2),
  } as const;
  if (asks) {
    // Under another name: `completion` is a command that is completed itself.
    runParserSync(completed, "plca", [ASKED, ...host.args.slice(1)], {
      ...options,
      help: { option: options.help.option, onShow: end },
      completion: { command: { names: [ASKED] }, onShow: end },
    });
    // What is shown has ended it.
    return end(2);
  }
  if (own) {
    return runParserSync(or(ofRuns, ofRecipes), "plca", host.args, {
      ...options,
      completion: { command: true, onShow: end },
    });
  }
  return runParserSync(grammar, "plca", host.args.length === 0 ? ["--help"] : host.args, options);
}
