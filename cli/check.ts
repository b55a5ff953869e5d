/**
 * `plca check`: plans a recipe and prints what a run of it would do, without opening data or making a tensor.
 * Of weights and data it only looks whether what the recipe names is there.
 * Plugin files of the recipe are not run, so it is safe for a stranger's recipe; with `--import` they are, in
 * a narrowed thread.
 */
import { fileURLToPath } from "node:url";
import { lastPhase, type PhasePlan } from "../core/plan.ts";
import { randomStart } from "../core/random_start.ts";
import { countOf } from "../core/words.ts";
import { objectiveText, stepLines } from "../report/step_text.ts";
import { commandLine } from "./command_line.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { missingFiles, namedData, startWeights } from "./named_files.ts";
import { namedPaths, narrowly } from "./narrow.ts";
import { planOf, planUnrun } from "./recipes.ts";
import { shown } from "./run_folder.ts";

/** Where the recipes lie that come with plca. */
const OWN_RECIPES = fileURLToPath(new URL("../recipes/", import.meta.url));

/** Runs `plca check`. @returns the exit status 0 @throws ConfigError with every mistake of the recipe */
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
  const { losses, training } = lastPhase(plan);
  const splits = Object.keys(plan.data.splits).join(", ");
  host.stdout.write(`${args.recipe}: no mistakes found\n`);
  host.stdout.write(`  objective  ${objectiveText(losses)}\n`);
  host.stdout.write(`  model      ${plan.model.type}, ${plan.labelSpace.classes.length} classes\n`);
  host.stdout.write(`  splits     ${splits}\n`);
  host.stdout.write(`  training   ${countOf(training.steps, "step")}, batch ${training.batch}\n`);
  for (const phase of plan.phases) {
    const title = plan.phases.length === 1 ? "step" : `step of ${phase.name}, ${startText(phase)}`;
    host.stdout.write(`  ${title}\n`);
    for (const { name } of phase.before) host.stdout.write(`    first the job ${name}\n`);
    for (const line of stepLines(phase)) host.stdout.write(`    ${line}\n`);
  }
  if (files.length > 0) {
    host.stdout.write(
      "  incomplete what is above lacks what files that were not run read and train; --import shows it whole\n",
    );
  }
  const extended = recipes.slice(1).filter((path) => !path.startsWith(OWN_RECIPES));
  const named = [...extended, ...namedPaths([plan], files)].map((path) => shown(host, path));
  if (named.length > 0) host.stdout.write(`  reads      ${named.join(", ")}\n`);
  const random = randomStart(plan);
  if (random !== undefined) host.stdout.write(`  note       ${random}\n`);
  const data = namedData(plan);
  for (const line of await missingFiles(host, [...startWeights(plan), ...data])) {
    host.stdout.write(`  missing    ${line}\n`);
  }
  if (data.length > 0) {
    const look = commandLine(host, `data check ${args.recipe}`);
    host.stdout.write(`  not opened images and labels; ${look} looks at every one\n`);
  }
  for (const file of files) {
    host.stdout.write(`  not run    ${shown(host, file)}; --import runs it, to check its options\n`);
  }
  return 0;
}

/** How long a phase is, and where its weights come from. */
function startText({ from, training: { steps } }: PhasePlan): string {
  const start = from.kind === "seed" ? "the seed" : from.kind === "file" ? from.path : from.name;
  return `${countOf(steps, "step")} from ${start}`;
}
