/** The events of a log from a place on, for a page that follows a run. */
import { printable } from "../../core/printable.ts";
import { type LoggedEvent, parseEvent } from "./event.ts";
import type { RunFiles } from "./files.ts";
import { LineSplitter, LOG_START, type LogPosition, LONGEST_LINE } from "./lines.ts";
import { EVENTS } from "./run.ts";

/** What was written after a place. */
export interface LogPart {
  /** In the order of the log. */
  readonly events: readonly LoggedEvent[];
  /** Lines that were left out, each as `file:line: what is wrong`. */
  readonly problems: readonly string[];
  /** Where the next part begins. */
  readonly position: LogPosition;
  /** Whether whole lines may already wait behind `position`. */
  readonly more: boolean;
  /** Whether the file is another one, shorter than the place, so that this part begins at its start. */
  readonly restarted: boolean;
}

/** Bytes of a part, unless the caller wants others. */
const PORTION = 1 << 22;

/**
 * Reads on from `from`, the `position` of the part before or `LOG_START`. A line that is half written is left for the next
 * part. @param most bytes to read, at least the longest line @throws Error when the file cannot be read
 */
export async function readEvents(
  files: RunFiles,
  from: LogPosition = LOG_START,
  most: number = PORTION,
): Promise<LogPart> {
  const size = (await files.stat(EVENTS))?.size ?? 0;
  const restarted = from.offset > size;
  const begin = restarted ? LOG_START : from;
  const lines = new LineSplitter(begin);
  const events: LoggedEvent[] = [], problems: string[] = [];
  // A shorter part could end within a line for ever.
  const length = Math.min(Math.max(most, LONGEST_LINE + 1), size - begin.offset);
  const bytes = length > 0 ? await files.read(EVENTS, { offset: begin.offset, length }) : new Uint8Array(0);
  lines.add(bytes, (text, number) => {
    const parsed = text === undefined
      ? { damage: `it is longer than ${LONGEST_LINE} bytes` }
      : parseEvent(text);
    if ("event" in parsed) events.push(parsed.event);
    else if ("damage" in parsed) {
      problems.push(printable(`${files.folder}/${EVENTS}:${number}: ${parsed.damage}`));
    }
  });
  const end = begin.offset + bytes.length;
  let { position } = lines;
  if (position.offset === begin.offset && bytes.length > LONGEST_LINE) {
    // Its rest, up to the newline, is no event either.
    position = { ...begin, offset: end };
  }
  return { events, problems, position, more: bytes.length > 0 && end < size, restarted };
}
