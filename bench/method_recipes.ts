/** What the recipes of methods say of themselves, and make of a data recipe. */
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { builtins } from "../builtins.ts";
import { loadRecipe } from "../config/load.ts";
import type { MethodPlan, RunPlan } from "../core/plan.ts";

/** A recipe of recipes/methods. */
export interface MethodRecipe extends Omit<MethodPlan, "unofficial"> {
  /** Of the file, without its ending. */
  readonly name: string;
  /** Whether details of it were never published; absent: they were. */
  readonly unofficial?: boolean;
}

const FOLDER = new URL("../recipes/methods/", import.meta.url);

/** All recipes of recipes/methods by name, without those of its folders. */
export function ownMethods(): MethodRecipe[] {
  return [...Deno.readDirSync(FOLDER)].flatMap(({ name: file }): MethodRecipe[] => {
    const name = /^(.*)\.yaml$/.exec(file)?.[1];
    if (name === undefined) return [];
    return [{ name, ...parse(Deno.readTextFileSync(new URL(file, FOLDER))).method }];
  }).sort((a, b) => a.name.localeCompare(b.name));
}

/** As tables call it; what is unofficial is said to be. */
export function titleOf({ title, unofficial }: Pick<MethodRecipe, "title" | "unofficial">): string {
  return unofficial ? `${title} (unofficial)` : title;
}

/** A method laid on a data recipe as `plca compare` lays it. @param more further settings, as of `--set` */
export function planOn(data: string, method: string, more: readonly string[] = []): Promise<RunPlan> {
  return loadRecipe({ path: fileURLToPath(new URL(`${method}.yaml`, FOLDER)) }, {
    registry: builtins(),
    base: data,
    cwd: Deno.cwd(),
    // No file is read for a plan.
    overrides: ["baseline=", "data.root=data", ...more],
    readText: (path) => Deno.readTextFile(path),
  });
}
