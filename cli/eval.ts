import { resolve } from "node:path";
import { selectBackend } from "../backends/select.ts";
import { solo } from "../core/world.ts";
import { diskFiles } from "../datasets/files.ts";
import { classTable } from "../report/table.ts";
import { evaluate, unlabelledNote } from "../train/mod.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { afterImage, showImage } from "./input.ts";
import { inNarrowThread, planFor } from "./own_files.ts";
import { shown } from "./run_folder.ts";
import { chooseWeights } from "./choose_weights.ts";

/**
 * Runs `plca eval`: evaluates a checkpoint on a split as the recipe's `evaluation` says (mirror, scales,
 * aggregation, ...) and prints the result. It writes no file.
 * @returns the exit status: 0, or 130 when interrupted
 * @throws UserError when there is no such checkpoint or split, or the file does not fit the recipe's model
 */
export async function evalCommand(host: Host, args: CommandOf<"eval">): Promise<number> {
  const weights = await chooseWeights(host, args);
  const choice = { path: weights.recipe, overrides: args.set };
  const narrow = await inNarrowThread(host, {
    import: args.import,
    weights,
    choice,
    read: [resolve(host.cwd, args.runs)],
  });
  if (narrow !== undefined) return narrow;
  const { checkpoint } = weights;
  const plan = await planFor(host, args, choice);
  await selectBackend(plan.backend, { memory: plan.memory, threads: host.job?.threads });
  const world = host.job?.open() ?? solo;
  const { signal, stopListening } = afterImage(host);
  try {
    const { split } = args;
    let title = plan.name;
    const result = await evaluate(plan, {
      checkpoint,
      split,
      signal,
      files: diskFiles(),
      world,
      onPhase: (phase) => title = phase ?? title,
      onImage: (done, of) => args.quiet || showImage(host, split, { done, of }),
    });
    signal.throwIfAborted();
    const note = unlabelledNote(result);
    if (args.json) {
      if (note !== undefined) host.stderr.write(`${sentence(note)}\n`);
      host.stdout.write(`${JSON.stringify({ checkpoint, ...result }, null, 2)}\n`);
      return 0;
    }
    host.stdout.write(`${shown(host, checkpoint)} on ${split}\n\n`);
    host.stdout.write(`${classTable([{ title, evaluation: result }])}\n`);
    if (note !== undefined) host.stdout.write(`\n${sentence(note)}\n`);
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    host.stderr.write("Interrupted before every image was evaluated.\n");
    return 130;
  } finally {
    stopListening();
  }
}

/** A note as a sentence of its own. */
function sentence(note: string): string {
  return `${note[0]!.toUpperCase()}${note.slice(1)}.`;
}
