/**
 * The files below a folder. Links make this hard: a folder may be reachable in several ways, or contain
 * itself.
 */
import { isAbsolute, join, relative } from "node:path";
import type { UnlistedEntry } from "../core/plugin.ts";
import { messageOf } from "../core/words.ts";
import { deadLink } from "./links.ts";

/**
 * Names of the files below a folder, sorted, with `/`. Hidden entries do not count. Real folders are looked
 * into first, links to folders afterwards; each folder is looked into once, and none that holds the folder
 * itself, so a circle of links ends and a link up the tree brings nothing that was not asked for. A dead link
 * is a name like any other.
 * @param onUnlisted called for folders that were not looked into, and for dead links
 * @throws what reading the folder itself throws
 */
export async function listTree(
  folder: string,
  onUnlisted: (entry: UnlistedEntry) => void,
): Promise<readonly string[]> {
  const names: string[] = [], links: string[] = [];
  /** By real path, the name under which a folder was met. */
  const seen = new Map<string, string>();

  // Folders are read under the names they are asked for by, for which permissions are given; the real ones
  // tell them apart.
  const collect = async (prefix: string, real: string): Promise<void> => {
    seen.set(real, prefix.slice(0, -1));
    for await (const { name, isSymlink, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
      if (name.startsWith(".")) continue;
      const path = `${prefix}${name}`;
      if (isSymlink) links.push(path);
      else if (!isDirectory) names.push(path);
      else if (!seen.has(join(real, name))) await collectOr(path, join(real, name));
    }
  };
  const collectOr = async (name: string, real: string) => {
    try {
      await collect(`${name}/`, real);
    } catch (cause) {
      onUnlisted({ name, why: refusalOf(cause) });
    }
  };

  const top = await Deno.realPath(folder);
  await collect("", top);
  // Following a link may add others.
  for (let batch = links.splice(0); batch.length > 0; batch = links.splice(0)) {
    for (const name of batch.sort()) {
      const path = `${folder}/${name}`;
      const info = await statOf(path);
      if (info?.isDirectory !== true) {
        names.push(name);
        if (info === undefined) onUnlisted({ name, why: await whyDead(path) });
        continue;
      }
      const real = await Deno.realPath(path);
      const other = seen.get(real);
      if (holds(real, top)) onUnlisted({ name, why: "a link to a folder that holds it" });
      else if (other !== undefined) {
        onUnlisted({ name, why: `a link to ${other}, which is read under that name` });
      } else await collectOr(name, real);
    }
  }
  return names.sort();
}

/** Whether `inner` is `outer` or lies in it; both real. */
function holds(outer: string, inner: string): boolean {
  const way = relative(outer, inner);
  return way === "" || !(way === ".." || /^\.\.[\\/]/.test(way) || isAbsolute(way));
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch {
    return undefined;
  }
}

async function whyDead(path: string): Promise<string> {
  const link = await deadLink(path);
  if (link === undefined) return "a link whose end may not be read";
  return link.to === undefined ? "a link that leads to itself" : "a link that leads nowhere";
}

function refusalOf(cause: unknown): string {
  const denied = cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable;
  return denied ? "a folder that may not be read" : `a folder that cannot be read (${messageOf(cause)})`;
}
