import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { IN_PACKAGE } from "../core/packaged.ts";

/** The folder of this copy of plca. */
const ROOT = new URL("../", import.meta.url);

/**
 * The words behind `deno` that run plca from any folder: the task `plca` of deno.json, with its permissions.
 * The package's command reads them under Node, so nothing here needs Deno.
 */
export function startLine(): string[] {
  const { name, version, tasks } = JSON.parse(readFileSync(new URL("deno.json", ROOT), "utf8")) as {
    readonly name: string;
    readonly version: string;
    readonly tasks: { readonly plca: string };
  };
  const words = tasks.plca.split(" ").slice(1);
  const main = new URL(words.pop()!, ROOT);
  if (!IN_PACKAGE || main.pathname.includes("/node_modules/")) return [...words, fileURLToPath(main)];
  // In Deno's own cache a package is found by its name alone.
  return [...words.filter((word) => !word.startsWith("--node-modules-dir")), `npm:${name}@${version}/cli`];
}
