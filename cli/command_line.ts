/** Commands that are shown to be typed. */
import { IN_PACKAGE } from "../core/packaged.ts";
import type { Host } from "./host.ts";
import { LAUNCH, PACKAGE } from "./versions.ts";

/** Set by the command that `plca completion install --launcher` writes, and by the package's own. */
export const LAUNCHER = "PLCA_LAUNCHER";

/**
 * What the person types to run `plca` with these words: `plca` itself where that is what they typed, else the task of a clone or
 * the package, by the name that npm cannot take for another's.
 */
export function commandLine(host: Pick<Host, "env">, words: string): string {
  const otherwise = IN_PACKAGE ? `npx ${PACKAGE}` : `${LAUNCH} task plca`;
  return `${host.env(LAUNCHER) ? "plca" : otherwise} ${words}`;
}
