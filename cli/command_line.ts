/**
 * Commands that are shown to be typed. What the person types depends on how plca came to them: `plca` where a
 * launcher is installed, a task of the clone, or the package by npx. An error that says "train one first"
 * must show the words that work here.
 */
import { IN_PACKAGE } from "../core/packaged.ts";
import type { Host } from "./host.ts";
import { LAUNCH, PACKAGE } from "./versions.ts";

/**
 * An environment variable, set by the command that `plca completion install --launcher` writes and by the
 * package's own command.
 */
export const LAUNCHER = "PLCA_LAUNCHER";

/**
 * The line that runs `plca` with these words: `plca` itself where that is what the person typed, else the
 * task of a clone, or the package by the name that npm cannot take for another's.
 */
export function commandLine(host: Pick<Host, "env">, words: string): string {
  const otherwise = IN_PACKAGE ? `npx ${PACKAGE}` : `${LAUNCH} task plca`;
  return `${host.env(LAUNCHER) ? "plca" : otherwise} ${words}`;
}

/** A text as one word of a shell, for commands that are shown. */
export function shellWord(text: string): string {
  return /^[\w./=:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
