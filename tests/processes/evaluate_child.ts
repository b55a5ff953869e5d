/**
 * Evaluates a checkpoint in one of several processes: `evaluate_child.ts FOLDER CHECKPOINT RESULT`; the first
 * writes the result.
 */
import { solo } from "../../core/world.ts";
import { builtins, diskFiles, evaluate, loadRecipe, selectBackend } from "../../mod.ts";
import { launchOf, openProcesses } from "../../processes/mod.ts";
import { recipeText } from "./recipes.ts";

const [folder, checkpoint, result] = Deno.args;
const env = (name: string) => Deno.env.get(name);
const launch = launchOf(env);
const processes = launch && openProcesses(launch, env);
const world = processes?.world ?? solo;
const plan = await loadRecipe(
  { path: "plca.yaml", text: recipeText("plca", { evaluation: { flip: true } }) },
  {
    registry: builtins(),
    readText: (path) => Deno.readTextFile(path),
    cwd: folder!,
  },
);
await selectBackend(plan.backend, { threads: 1 });
const found = await evaluate(plan, {
  checkpoint: checkpoint!,
  split: "val",
  signal: new AbortController().signal,
  files: diskFiles(),
  world,
});
if (world.rank === 0) await Deno.writeTextFile(result!, JSON.stringify(found));
processes?.close();
