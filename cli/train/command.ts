/**
 * `plca train`: trains a recipe into a new run folder, or goes on with a run.
 *
 * The same command line is run up to three times. With `--launch`, launch.ts starts it again in several
 * processes. A process plans the recipe without running its files, makes the run folder, and starts the
 * command line again in a thread that may touch only what this training needs (narrow.ts). That thread begins
 * or resumes the run (begin.ts), trains it, and shows its end (conclude.ts).
 *
 * A training that fails before its first step takes its new run folder away again; everything later stays.
 */
import { resolve } from "node:path";
import { watchNumerics } from "../../backends/debug_numerics.ts";
import { UserError } from "../../core/errors.ts";
import { solo, type World } from "../../core/world.ts";
import { diskFiles } from "../../datasets/files.ts";
import { type MadeFolder, makeRunFolder, removeRun } from "../../run_folder/make.ts";
import { train } from "../../train/mod.ts";
import { Team } from "../../train/together.ts";
import { memoryTeller } from "../debug_memory.ts";
import type { CommandOf } from "../grammar.ts";
import type { Host } from "../host.ts";
import { requireStart } from "../named_files.ts";
import { narrowly } from "../narrow.ts";
import { lateError, withAdvice } from "./advice.ts";
import { beginRun, type BegunRun, choiceOf, resumableRun, resumeRun } from "./begin.ts";
import { conclude } from "./conclude.ts";
import { interruption } from "./interruption.ts";
import { launchTraining } from "./launch.ts";
import { outputOf } from "./output.ts";

/** `plca train`: returns the exit status. @throws UserError */
export async function trainCommand(host: Host, args: CommandOf<"train">): Promise<number> {
  if (args.launch !== undefined && !host.handover) return await launchTraining(host, args, args.launch);
  if (args.restarts > 0 && args.launch === undefined) {
    throw new UserError('--restarts starts a launcher again: name it, as in --launch "mpirun -n 4"');
  }
  if (host.narrowed) return await trainNarrowly(host, args);
  const world = host.job?.open() ?? solo;
  const team = new Team(world, new AbortController().signal);
  const run = args.resume === undefined
    ? await beginRun(host, args, team)
    : await resumeRun(host, args, { team, given: args.resume });
  if (args.debugNumerics) watchNumerics();
  return await trainRun(host, { ...run, world }, args);
}

/** Starts this command again in a thread of narrow permissions. @returns its exit status */
async function trainNarrowly(host: Host, args: CommandOf<"train">): Promise<number> {
  let runFolder: MadeFolder | undefined;
  try {
    return await narrowly(host, {
      read: args.resume === undefined ? [] : [resolve(host.cwd, args.resume)],
      async intend(planned) {
        if (args.resume !== undefined) {
          const { folder, choice } = await resumableRun(host, args, args.resume);
          return { plans: [await planned(choice)], write: [folder] };
        }
        const plan = await planned(choiceOf(args));
        // Here folders may be listed for what was meant, in the thread they may not.
        await requireStart(host, plan);
        // The first process tells the others where the run lies.
        if (host.job && host.job.launch.rank > 0) {
          return { plans: [plan], write: [resolve(host.cwd, args.run ?? args.runs)] };
        }
        runFolder = await makeRunFolder({ cwd: host.cwd, run: args.run, runs: args.runs, name: plan.name });
        return { plans: [plan], write: [runFolder.folder], folder: runFolder.folder };
      },
    });
  } finally {
    await runFolder?.removeEmpty();
  }
}

/**
 * Trains a run that was begun. @returns the exit status @throws UserError, with advice where there is some
 */
async function trainRun(
  host: Host,
  { plan, folder, resume, onFailure, moved, world }: BegunRun & { readonly world: World },
  args: CommandOf<"train">,
): Promise<number> {
  const output = outputOf(host, plan, args);
  const abort = new AbortController();
  const stopListening = host.onInterrupt((count) => {
    if (count > 1) host.exit(130);
    output.line("Stopping after the step or image in work, with a checkpoint. Ctrl-C again stops at once.");
    abort.abort();
  });
  let late: Error | undefined;
  const stopHearing = host.onLateFailure?.((error) => abort.abort(late ??= lateError(host, plan, error)));
  const stop = interruption(plan);
  let stepped = false;
  try {
    const memory = args.debugMemory ? memoryTeller(moved, plan.backend) : undefined;
    const result = await train(plan, {
      runDir: folder,
      resume,
      signal: abort.signal,
      files: diskFiles(),
      world,
      ...(moved === undefined ? {} : { moved }),
      onEvent: (event) => {
        if (event.type === "step") stepped = true;
        stop.event(event);
        output.event(event);
        if (event.type === "step") memory?.(event.step).forEach((line) => output.line(line));
      },
    });
    // One that came with the last evaluation stopped nothing.
    if (late) throw late;
    output.close();
    if (args.json) return result.interrupted ? 130 : 0;
    return await conclude(host, { plan, folder, result, stop, quiet: args.quiet, stepped });
  } catch (error) {
    output.close();
    // A run that never made a step holds nothing worth a number.
    const removed = !stepped && onFailure !== "nothing";
    if (removed && world.rank === 0) await removeRun(folder, onFailure === "whole folder");
    throw withAdvice(host, error, { plan, folder, resume, stepped, removed, args });
  } finally {
    stopListening();
    stopHearing?.();
  }
}
