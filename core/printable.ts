/** Texts from files and people, fit to be shown. Pure. */

/** What turns the direction of what follows it. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text from a file as a part of one line, without characters that move a terminal's cursor; those that turn the direction of
 * text are shown by their codes, as in `[U+202E]`.
 */
export function printable(text: string): string {
  return text
    // deno-lint-ignore no-control-regex
    .replace(/[\x00-\x1f\x7f-\x9f]/g, "?")
    .replace(TURNING, codeOf);
}

/** Characters that show nothing or turn the direction of what follows: controls, zero widths, overrides, isolates. */
const UNSEEN =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * The same text with each unseen character as its code in brackets, as in `[U+202E]`: for pages, which show text as text. Tabs and
 * line ends stay.
 */
export function visible(text: string): string {
  return text.replace(UNSEEN, codeOf);
}

function codeOf(sign: string): string {
  return `[U+${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`;
}

/** UTF-16 units that a text from a file may have. */
export const LONGEST_TEXT = 2000;

/** A text of at most 2,000 characters: of a longer one its beginning and how much there was. */
export function shortened(text: string): string {
  if (text.length <= LONGEST_TEXT) return text;
  // Not through the middle of a pair.
  const whole = text.slice(0, LONGEST_TEXT).replace(/[\ud800-\udbff]$/, "");
  return `${whole}... (${text.length.toLocaleString("en")} characters)`;
}
