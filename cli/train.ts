import { join } from "node:path";
import { selectBackend } from "../backends/select.ts";
import { UserError } from "../core/errors.ts";
import type { StepEvent } from "../core/events.ts";
import type { RunPlan } from "../core/plan.ts";
import { diskFiles } from "../datasets/files.ts";
import { meansText } from "../report/means.ts";
import { progress } from "../report/progress.ts";
import { classTable } from "../report/table.ts";
import { train, type TrainResult } from "../train/mod.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { planOf } from "./recipes.ts";
import { LAST_CHECKPOINT, makeRunFolder, recordRun, shown, stat } from "./run_folder.ts";
import { LAUNCH } from "./versions.ts";

/** `plca train`: returns the exit status. @throws UserError */
export async function trainCommand(host: Host, args: CommandOf<"train">): Promise<number> {
  if (args.name !== undefined && !/^[A-Za-z0-9][\w.-]*$/.test(args.name)) {
    throw new UserError(`--name ${args.name}: expected letters, digits, ".", "_" and "-", as in my_run`);
  }
  const overrides = args.name === undefined ? args.set : [...args.set, `name="${args.name}"`];
  const plan = await planOf(host, args.recipe ?? "street", overrides);
  const backend = await selectBackend(plan.backend);
  const folder = await makeRunFolder(host, { run: args.run, runs: args.runs, name: plan.name });
  await recordRun(host, { folder, plan, backend: backend.name });
  host.stdout.write(`${plan.name}: seed ${plan.seed}, backend ${backend.name}, run ${shown(host, folder)}\n`);
  for (const note of backend.notes) host.stdout.write(`  not chosen: ${note}\n`);

  const view = progress(host.stdout);
  const abort = new AbortController();
  const stopListening = host.onInterrupt((count) => {
    if (count > 1) host.exit(130);
    view.line("Stopping after this step, with a checkpoint. Ctrl-C again stops at once.");
    abort.abort();
  });
  let last: StepEvent | undefined;
  try {
    const result = await train(plan, {
      runDir: folder,
      signal: abort.signal,
      files: diskFiles(),
      onEvent: (event) => {
        if (event.type === "step") last = event;
        view.event(event);
      },
    });
    view.close();
    return await conclude(host, { plan, folder, result, last });
  } catch (error) {
    view.close();
    // A run that never made a step holds nothing worth a number.
    if (last === undefined) await removeRun(folder, args.run === undefined);
    throw error;
  } finally {
    stopListening();
  }
}

async function removeRun(folder: string, whole: boolean): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    await Deno.remove(join(folder, entry.name), { recursive: true });
  }
  if (whole) await Deno.remove(folder);
}

interface Conclusion {
  readonly plan: RunPlan;
  readonly folder: string;
  readonly result: TrainResult;
  readonly last: StepEvent | undefined;
}

async function conclude(host: Host, { plan, folder, result, last }: Conclusion): Promise<number> {
  const run = shown(host, folder);
  const write = (line: string) => host.stdout.write(`${line}\n`);
  if (result.interrupted) {
    const checkpoint = join(folder, LAST_CHECKPOINT);
    const baseline = plan.baseline && join(folder, "baseline", LAST_CHECKPOINT);
    const found = await stat(checkpoint)
      ? checkpoint
      : baseline && await stat(baseline)
      ? baseline
      : undefined;
    write(
      last
        ? `Interrupted in ${last.phase} after ${last.step} of ${last.steps} steps.`
        : "Interrupted before the first step.",
    );
    if (found === undefined) {
      write(`No weights were written; the log lies in ${run}`);
      return 130;
    }
    write(`The weights lie in ${shown(host, found)}. Next:`);
    write(`  ${LAUNCH} task plca eval --checkpoint ${shown(host, found)} --split ${splitOf(plan)}`);
    return 130;
  }
  const { final, baseline, best } = result;
  if (final) {
    const columns = [
      ...(baseline?.final ? [{ title: baseline.name, evaluation: baseline.final }] : []),
      { title: plan.name, evaluation: final },
    ];
    write("");
    write(classTable(columns));
    write("");
    const against = baseline?.final
      ? `; mIoU ${signedPoints(final.miou - baseline.final.miou)} points against ${baseline.name}`
      : "";
    write(`Target ${meansText(final)}${against}.`);
    if (best) {
      write(
        `Best validation: ${meansText({ miou: best.miou, labelSize: final.labelSize })}, step ${best.step}.`,
      );
    }
  }
  write(`The run lies in ${run}. Next:`);
  write(`  ${LAUNCH} task plca eval --run ${run} --split ${splitOf(plan)}`);
  return 0;
}

function splitOf(plan: RunPlan): string {
  return plan.data.splits.val ? "val" : "train";
}

function signedPoints(share: number): string {
  const text = (100 * share).toFixed(1);
  return share >= 0 ? `+${text}` : text;
}
