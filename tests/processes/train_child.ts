/**
 * Trains recipes in one of several processes: `train_child.ts FOLDER NAME...`. The first process writes each
 * run into FOLDER/NAME and what it told of its steps into FOLDER/NAME.json.
 */
import { builtins, diskFiles, loadRecipe, selectBackend, train } from "../../mod.ts";
import { solo } from "../../core/world.ts";
import { launchOf, openProcesses } from "../../processes/mod.ts";
import { recipeText } from "./recipes.ts";

const [folder, ...names] = Deno.args;
const env = (name: string) => Deno.env.get(name);
const launch = launchOf(env);
const processes = launch && openProcesses(launch, env);
const world = processes?.world ?? solo;
for (const name of names) {
  const plan = await loadRecipe({ path: `${name}.yaml`, text: recipeText(name) }, {
    registry: builtins(),
    readText: (path) => Deno.readTextFile(path),
    cwd: folder!,
  });
  await selectBackend(plan.backend, { threads: 1 });
  const steps: Record<string, number>[] = [];
  const { final } = await train(plan, {
    runDir: `${folder}/${name}`,
    signal: new AbortController().signal,
    files: diskFiles(),
    world,
    onEvent: (event) => event.type === "step" && steps.push(event.terms),
  });
  if (world.rank === 0) await Deno.writeTextFile(`${folder}/${name}.json`, JSON.stringify({ steps, final }));
}
processes?.close();
