/**
 * The last lines of `plca train`: the table of the final evaluations and the command that comes next, or
 * where an interrupted run stands and how it goes on.
 */
import type { RunPlan } from "../../core/plan.ts";
import { meansText } from "../../report/means.ts";
import { type ClassColumn, classTable } from "../../report/table.ts";
import { readEvaluation } from "../../run_folder/evaluation.ts";
import { diskRun } from "../../run_folder/files.ts";
import { phaseFolders } from "../../run_folder/layout.ts";
import type { TrainResult } from "../../train/mod.ts";
import { commandLine } from "../command_line.ts";
import type { Host } from "../host.ts";
import { latestCheckpoint, shown } from "../run_folder.ts";
import type { Interruption } from "./interruption.ts";

/** A training that ended by itself or by an interruption. */
interface Conclusion {
  readonly plan: RunPlan;
  /** Absolute. */
  readonly folder: string;
  readonly result: TrainResult;
  readonly stop: Interruption;
  readonly quiet: boolean;
  /** Whether this process made a step. */
  readonly stepped: boolean;
}

/** Writes the last lines. @returns the exit status: 0, or 130 when interrupted */
export async function conclude(
  host: Host,
  { plan, folder, result, stop, quiet, stepped }: Conclusion,
): Promise<number> {
  const run = shown(host, folder);
  const write = (line: string) => host.stdout.write(`${line}\n`);
  if (result.interrupted) {
    const weights = await latestCheckpoint(plan, folder);
    write(stop.text());
    if (weights === undefined) {
      write(`No weights were written; the log lies in ${run}`);
      return 130;
    }
    write(`The weights lie in ${shown(host, weights)}. Next:`);
    write(`  ${commandLine(host, `train --resume ${run}`)}`);
    write(`  ${commandLine(host, `eval --checkpoint ${shown(host, weights)} --split ${splitOf(plan)}`)}`);
    return 130;
  }
  if (!stepped) write(`All steps of ${run} were done already; nothing was trained.`);
  const { final, best } = result;
  if (final) {
    const columns = await evaluations(plan, folder);
    const [first] = columns;
    if (!quiet) write("");
    write(classTable(columns));
    write("");
    const from = columns.length > 1 ? first!.evaluation.miou : null;
    const against = from === null || final.miou === null
      ? ""
      : `; mIoU ${signedPoints(final.miou - from)} points against ${first!.title}`;
    write(`Target ${meansText(final)}${against}.`);
    if (best) {
      write(
        `Best validation: ${meansText({ miou: best.miou, labelSize: final.labelSize })}, step ${best.step}` +
          `${final.inference === undefined ? "" : " (one pass, without what the final evaluation adds)"}.`,
      );
    }
  }
  if (quiet) {
    write(`The run lies in ${run}.`);
    return 0;
  }
  write(`The run lies in ${run}. Next:`);
  write(`  ${commandLine(host, `eval --run ${run} --split ${splitOf(plan)}`)}`);
  return 0;
}

/** Of the phases that were evaluated, in order. */
async function evaluations({ resolved }: RunPlan, run: string): Promise<ClassColumn[]> {
  const columns: ClassColumn[] = [];
  for (const { name, folder } of phaseFolders(resolved)) {
    const evaluation = await readEvaluation(diskRun(run), folder);
    if (evaluation) columns.push({ title: name, evaluation });
  }
  return columns;
}

function splitOf(plan: RunPlan): string {
  return plan.data.splits.val ? "val" : "train";
}

function signedPoints(share: number): string {
  const text = (100 * share).toFixed(1);
  return share >= 0 ? `+${text}` : text;
}
