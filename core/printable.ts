/**
 * Texts from files and people, made safe to show. A class name or an error from a damaged file may hold
 * escape sequences that move a terminal's cursor, or characters that reverse the direction of a line, so that
 * it reads otherwise than it is. Pure.
 *
 * Every text that came from a file or a plugin goes through it before it is shown: errors, reports, pages. A
 * place that forgets it lets a stranger's file write into the person's terminal.
 */

/** Characters that change the direction of the text behind them. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text as part of one line of a terminal: control characters, line ends included, become `?`; characters
 * that turn the direction are shown by their codes, as in `[U+202E]`.
 */
export function printable(text: string): string {
  return text
    // deno-lint-ignore no-control-regex
    .replace(/[\x00-\x1f\x7f-\x9f]/g, "?")
    .replace(TURNING, codeOf);
}

/**
 * Characters that are invisible or change the direction of the text behind them: controls, zero widths,
 * overrides, isolates.
 */
const UNSEEN =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * A text for pages, where control sequences do nothing: each unseen character is shown by its code in
 * brackets, as in `[U+202E]`. Tabs and line ends stay.
 */
export function visible(text: string): string {
  return text.replace(UNSEEN, codeOf);
}

function codeOf(sign: string): string {
  return `[U+${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`;
}

/** The most UTF-16 units of a text from a file that are shown. */
export const LONGEST_TEXT = 2000;

/** The text, or of one with more than {@linkcode LONGEST_TEXT} units the beginning and how long it was. */
export function shortened(text: string): string {
  if (text.length <= LONGEST_TEXT) return text;
  // Not through the middle of a pair.
  const whole = text.slice(0, LONGEST_TEXT).replace(/[\ud800-\udbff]$/, "");
  return `${whole}... (${text.length.toLocaleString("en")} characters)`;
}
