import { fileURLToPath } from "node:url";
import { lastPhase } from "../core/plan.ts";
import { countOf } from "../core/words.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { namedPaths, narrowly } from "./narrow.ts";
import { planOf, planUnrun } from "./recipes.ts";
import { shown } from "./run_folder.ts";

const OWN_RECIPES = fileURLToPath(new URL("../recipes/", import.meta.url));

/** `plca check`: returns the exit status. Runs nothing that the recipe names unless told to. @throws UserError with every mistake of the recipe */
export async function checkCommand(host: Host, args: CommandOf<"check">): Promise<number> {
  if (args.import && host.narrowed) {
    const choice = { path: args.recipe, overrides: args.set };
    return await narrowly(host, {
      intend: async (planned) => ({ plans: [await planned(choice)], write: [] }),
    });
  }
  const files: string[] = [], recipes: string[] = [];
  const plan = args.import
    ? await planOf(host, { path: args.recipe, overrides: args.set })
    : await planUnrun(host, {
      path: args.recipe,
      overrides: args.set,
      onFile: (file) => files.push(file),
      onRecipe: (path) => recipes.push(path),
      requireFiles: true,
    });
  const { losses: terms, training } = lastPhase(plan);
  const losses = terms.map((loss) => loss.weight === 1 ? loss.name : `${loss.weight} ${loss.name}`);
  const splits = Object.keys(plan.data.splits).join(", ");
  host.stdout.write(`${args.recipe}: no mistakes found\n`);
  host.stdout.write(`  objective  ${losses.join(" + ")}\n`);
  host.stdout.write(`  model      ${plan.model.type}, ${plan.labelSpace.classes.length} classes\n`);
  host.stdout.write(`  splits     ${splits}\n`);
  host.stdout.write(`  training   ${countOf(training.steps, "step")}, batch ${training.batch}\n`);
  const extended = recipes.slice(1).filter((path) => !path.startsWith(OWN_RECIPES));
  const named = [...extended, ...namedPaths([plan], files)].map((path) => shown(host, path));
  if (named.length > 0) host.stdout.write(`  reads      ${named.join(", ")}\n`);
  for (const file of files) {
    host.stdout.write(`  not run    ${shown(host, file)}; --import runs it, to check its options\n`);
  }
  return 0;
}
