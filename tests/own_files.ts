/** The project's own files. A user's lie beside them: recipes, losses, runs, data. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = fileURLToPath(new URL("../", import.meta.url));

/** What git knows of `folder`, as sorted paths from the root; where this is no checkout, all that is not hidden. */
export function ownFiles(folder = "."): string[] {
  const { success, stdout } = new Deno.Command("git", { args: ["-C", root, "ls-files", folder] })
    .outputSync();
  const found = success
    ? new TextDecoder().decode(stdout).trim().split("\n")
    : filesBelow(folder === "." ? "" : folder);
  return found.filter(isThere).sort();
}

/** Git knows of a file that was removed until that is committed. */
function isThere(path: string): boolean {
  try {
    return Deno.statSync(join(root, path)).isFile;
  } catch {
    return false;
  }
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory }) => {
    if (name.startsWith(".") || ["runs", "shared", "node_modules"].includes(name)) return [];
    const path = folder === "" ? name : `${folder}/${name}`;
    return isDirectory ? filesBelow(path) : [path];
  });
}
