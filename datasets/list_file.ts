/**
 * Files that name one image a line, with or without its label file, as people and programs write them: tabs
 * or blanks, quotes, a header, comments, UTF-16 from a spreadsheet. What is ambiguous is refused with its
 * line; guessing would pair the wrong files.
 */
import { DataError } from "../core/errors.ts";
import type { FileReader, TakenFiles } from "../core/plugin.ts";

/** A line of a list, paths as written. */
export interface ListEntry {
  readonly line: number;
  readonly image: string;
  readonly labels?: string;
}

/** A list and what of it was not read. */
export interface ListFile {
  readonly entries: readonly ListEntry[];
  /** Absent: every line was read. */
  readonly taken?: TakenFiles;
}

/**
 * The entries of a list file: `image` or `image labels` a line. A line is split at tabs where it has any
 * (blanks beside them do not count), else at blanks outside of quotes. Blank lines, lines that begin with
 * `#`, and a header do not count. UTF-8, or UTF-16 with its mark or recognised by its zero bytes.
 * @param named how the recipe names the list; absent: its path
 * @throws DataError that names the line and what is wrong with it; for an empty list
 */
export async function readList(files: FileReader, list: string, named = list): Promise<ListFile> {
  const text = textOf(await files.read(list), list);
  const lines: Line[] = [];
  for (const [at, line] of text.split(/\r\n|\n|\r/).entries()) {
    const parts = wordsOf(line);
    if (parts[0] === undefined || parts[0].startsWith("#")) continue;
    lines.push({ number: at + 1, parts, tabs: line.includes("\t") });
  }
  const header = lines.length > 1 && isHeader(lines) ? lines.shift() : undefined;
  const ending = lines.some(({ parts }) => hasEnding(parts[0]!));
  for (const line of lines) requireColumns(line, list, ending);
  if (lines.length === 0) throw new DataError(list, "the list is empty; expected one image per line");
  const entries = lines.map(({ number, parts: [image, labels] }) => ({
    line: number,
    image: image!,
    ...(labels === undefined ? {} : { labels }),
  }));
  const own = entries.find(({ image, labels }) => image === labels);
  if (own) {
    throw new DataError(
      list,
      `line ${own.line} names one file, ${own.image}, as image and as labels; expected two`,
    );
  }
  return { entries, ...passedLines(entries, header, named) };
}

interface Line {
  readonly number: number;
  readonly parts: readonly string[];
  /** Whether tabs separate its columns. */
  readonly tabs: boolean;
}

/**
 * The list as text. @throws DataError with the line where a byte is not of its coding; in comments that does
 * not matter
 */
function textOf(bytes: Uint8Array, list: string): string {
  const coding = codingOf(bytes);
  const text = new TextDecoder(coding).decode(bytes);
  if (text.includes("\0")) {
    throw new DataError(list, "the list holds zero bytes, as no text does; save it as UTF-8");
  }
  if (!text.includes("\ufffd")) return text;
  try {
    new TextDecoder(coding, { fatal: true }).decode(bytes);
    return text;
  } catch (cause) {
    const at = text.split(/\r\n|\n|\r/).findIndex((line) => line.includes("\ufffd") && !/^\s*#/.test(line));
    if (at < 0) return text;
    throw new DataError(list, `line ${at + 1} is not UTF-8; save the list as UTF-8`, { cause });
  }
}

/** Two bytes a character: by the mark at the beginning, or by the zero bytes between letters. */
function codingOf(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  const zeros = [0, 0];
  const looked = Math.min(bytes.length, 1000) & ~1;
  for (let at = 0; at < looked; at++) if (bytes[at] === 0) zeros[at & 1]!++;
  if (zeros[1]! > looked / 4 && zeros[0] === 0) return "utf-16le";
  if (zeros[0]! > looked / 4 && zeros[1] === 0) return "utf-16be";
  return "utf-8";
}

/** Blanks of ASCII alone separate: names hold others, as in macOS' screenshots. */
function wordsOf(line: string): string[] {
  const trimmed = line.replace(/^[ \t\f\v]+|[ \t\f\v]+$/g, "");
  if (trimmed === "") return [];
  if (line.includes("\t")) return trimmed.split(/ *\t[ \t]*/).map(unquoted);
  // A quote in the middle of a word is part of it, as in dad's.png.
  return [...trimmed.matchAll(/"([^"]*)"(?= |$)|'([^']*)'(?= |$)|[^ \f\v]+/g)].map(
    ([word, double, single]) => double ?? single ?? word,
  );
}

function unquoted(word: string): string {
  return /^"[^"]*"$|^'[^']*'$/.test(word) ? word.slice(1, -1) : word;
}

/** A first line that names no file where the others do. */
function isHeader([first, ...others]: readonly Line[]): boolean {
  const bare = (word: string) => !/[./\\]/.test(word);
  return first!.parts.every((part) => part.split(/[,;]/).every(bare)) &&
    others.every(({ parts }) => hasEnding(parts[0]!));
}

/** @param ending whether images of the list have an ending, so that a word without one is a part of a name */
function requireColumns({ number, parts, tabs }: Line, list: string, ending: boolean): void {
  const [, mark] = (tabs ? null : SEPARATED.exec(parts.join(" "))) ?? [];
  if (mark !== undefined) {
    throw new DataError(
      list,
      `line ${number} separates by ${MARKS[mark]}; expected "image labels" or "image", ` +
        "with a tab or blanks between the two",
    );
  }
  if (parts.length > 2) {
    throw new DataError(
      list,
      `line ${number} has ${parts.length} ${tabs ? "columns" : "words"}; expected "image labels" or "image"` +
        (tabs ? "" : "; a tab between them allows blanks in names, as do quotes around each"),
    );
  }
  if (!tabs && ending && parts.length === 2 && !hasEnding(parts[0]!) && hasEnding(parts[1]!)) {
    throw new DataError(
      list,
      `line ${number} names "${parts[0]}" and "${parts[1]}", as if a blank were part of a name; ` +
        "a tab between image and labels allows blanks in names, as do quotes around each",
    );
  }
}

/** A file's ending and behind it what separates elsewhere. */
const SEPARATED = /\.(?:jpe?g|jpe|jfif|png|tiff?|webp|bmp)["']? *([,;|:])/i;

const MARKS: Readonly<Record<string, string>> = {
  ",": "commas",
  ";": "semicolons",
  "|": "bars",
  ":": "colons",
};

function hasEnding(word: string): boolean {
  return /\.[A-Za-z]\w{1,4}$/.test(word);
}

/** The account of a header and of images that come twice; empty when there is nothing to say. */
function passedLines(
  entries: readonly ListEntry[],
  header: Line | undefined,
  place: string,
): Pick<ListFile, "taken"> {
  const first = new Map<string, number>();
  const again: string[] = [];
  for (const { line, image } of entries) {
    const before = first.get(image);
    if (before === undefined) first.set(image, line);
    else again.push(`${image} in lines ${before} and ${line}`);
  }
  if (header === undefined && again.length === 0) return {};
  return {
    taken: {
      place,
      as: "lines",
      of: entries.length + (header ? 1 : 0),
      taken: entries.length,
      passedOver: header
        ? [{ why: "a header", count: 1, named: [`line ${header.number}: ${header.parts.join(" ")}`] }]
        : [],
      ...(again.length === 0 ? {} : {
        doubt:
          `it names ${again.length === 1 ? "an image" : `${again.length} images`} again (${again[0]}), ` +
          "which then counts as often",
      }),
    },
  };
}
