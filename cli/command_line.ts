/** Commands that are shown to be typed. */
import type { Host } from "./host.ts";
import { LAUNCH } from "./versions.ts";

/** Set by the command that `plca completion install --launcher` writes. */
export const LAUNCHER = "PLCA_LAUNCHER";

/** What the person types to run `plca` with these words: `plca` itself where that is what they typed. */
export function commandLine(host: Pick<Host, "env">, words: string): string {
  return `${host.env(LAUNCHER) ? "plca" : `${LAUNCH} task plca`} ${words}`;
}
