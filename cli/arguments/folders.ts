/**
 * An option that takes one folder or two, as in `--source IMAGES LABELS`. The parser library's options take
 * one word each, so this file wraps one: a second word is parsed as if the option's name stood before it once
 * more, which therefore works as well.
 */
import type { NonEmptyString } from "@optique/core/nonempty";
import { type Message, message, optionName, text } from "@optique/core/message";
import { multiple } from "@optique/core/modifiers";
import type { InferValue, Parser, ParserContext, ParserResult, Suggestion } from "@optique/core/parser";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";

/** What such an option is called, and how many folders it needs. */
export interface FoldersOption {
  readonly name: `--${string}`;
  /** As in `IMAGES LABELS`. */
  readonly metavar: NonEmptyString;
  readonly description: Message;
  /** How many folders there must be. */
  readonly least: 0 | 1 | 2;
}

/**
 * The option as a parser. @returns the words behind its name: none where it is absent, else one or two; an
 * error for three, for the option twice, and for fewer than `least`
 */
export function foldersOption({ name, metavar, description, least }: FoldersOption) {
  const one = option(name, {
    ...string({ metavar }),
    suggest: (prefix) => [folder(prefix)],
  }, { description });
  const inner = multiple(one, {
    min: least,
    max: 2,
    errors: {
      tooFew: message`Missing ${optionName(name)}: expected ${optionName(name)} ${text(metavar)}.`,
      tooMany: message`${optionName(name)}: expected no more than ${text(metavar)}.`,
    },
  });
  type Folders = Parser<"sync", InferValue<typeof inner>, (typeof inner.$stateType)[number]>;
  type State = (typeof inner.$stateType)[number];
  const parser: Folders = {
    ...inner,
    usage: least === 0 ? [{ type: "optional", terms: one.usage }] : one.usage,
    parse(context: ParserContext<State>): ParserResult<State> {
      if (context.buffer[0] === name && context.state?.length === 2) {
        const error = message`${optionName(name)}: expected ${text(metavar)} once.`;
        return { success: false, consumed: 1, error };
      }
      const first = inner.parse(context);
      if (!first.success || context.buffer[0] !== name) return first;
      const [word] = first.next.buffer;
      if (word === undefined || word.startsWith("-")) return first;
      const second = inner.parse({ ...first.next, buffer: [name, ...first.next.buffer] });
      if (!second.success) return second;
      const consumed = [...first.consumed, word];
      const third = second.next.buffer[0];
      if (third === undefined || third.startsWith("-")) return { ...second, consumed };
      const error = message`${optionName(name)}: expected ${text(metavar)}, got ${third} as well.`;
      return { success: false, consumed: consumed.length + 1, error };
    },
    *suggest(context: ParserContext<State>, prefix: string) {
      yield* inner.suggest(context, prefix);
      // The second folder has no name before it.
      if (context.state?.length === 1 && !prefix.startsWith("-")) yield folder(prefix);
    },
    getDocFragments: () => one.getDocFragments({ kind: "unavailable" }),
  };
  return parser;
}

/** A suggestion that lets the shell complete folders. */
function folder(pattern: string): Suggestion {
  return { kind: "file", type: "directory", pattern };
}
