/** What the recipes of methods say of themselves. */
import { parse } from "yaml";

/** A recipe of recipes/methods. */
export interface MethodRecipe {
  /** Of the file, without its ending. */
  readonly name: string;
  /** As tables call it; what is unofficial is said to be. */
  readonly title: string;
  /** Its row in the tables of Kang et al. 2020; absent: none. */
  readonly paper?: string;
}

const FOLDER = new URL("../recipes/methods/", import.meta.url);

/** All recipes of recipes/methods by name, without those of its folders. */
export function ownMethods(): MethodRecipe[] {
  return [...Deno.readDirSync(FOLDER)].flatMap(({ name: file }) => {
    const name = /^(.*)\.yaml$/.exec(file)?.[1];
    if (name === undefined) return [];
    const { title, unofficial, paper } = parse(Deno.readTextFileSync(new URL(file, FOLDER))).method;
    return [{
      name,
      title: unofficial ? `${title} (unofficial)` : title,
      ...(paper === undefined ? {} : { paper }),
    }];
  }).sort((a, b) => a.name.localeCompare(b.name));
}
