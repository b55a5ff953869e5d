/**
 * Symbolic links that lead nowhere: "no such file" is little help for a path that a listing shows, so the
 * dead link on the way is named.
 */
import { dirname, isAbsolute, join } from "node:path";

/** A link on the way to a file that is not there. */
export interface DeadLink {
  readonly path: string;
  /** Where it leads, as the last of a chain of links has it; undefined: in a circle. */
  readonly to?: string;
}

/** A chain of links that is longer goes in a circle, as for Linux. */
const LONGEST = 40;

/**
 * The link that leads nowhere, so that nothing is at `path`: the path itself, or a folder on the way.
 * Undefined when no link is to blame.
 */
export async function deadLink(path: string): Promise<DeadLink | undefined> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    // What is there is not what is missing; above it nothing can be.
    if (await leads(at)) return undefined;
    const to = await readLink(at);
    if (to !== undefined) return { path: at, ...await lastOf(at, to) };
  }
  return undefined;
}

/** Where a chain of links ends; empty when it goes in a circle. */
async function lastOf(path: string, first: string): Promise<Pick<DeadLink, "to">> {
  let at = path, to = first;
  for (let k = 0; k < LONGEST; k++) {
    at = isAbsolute(to) ? to : join(dirname(at), to);
    const next = await readLink(at);
    if (next === undefined) return { to };
    to = next;
  }
  return {};
}

async function leads(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

async function readLink(path: string): Promise<string | undefined> {
  try {
    return await Deno.readLink(path);
  } catch {
    return undefined;
  }
}
