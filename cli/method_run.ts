/**
 * What a finished run tells in a comparison of methods: its results, the snapshots that one would choose, and
 * what it cost in time and memory.
 */
import type { Evaluation } from "../core/events.ts";
import type { MethodRun } from "../report/comparison.ts";
import { snapshotPicks } from "../report/snapshots.ts";
import { diskRun } from "../run_folder/files.ts";
import type { PhaseLog } from "../run_folder/phase_log.ts";
import { readRun } from "../run_folder/read.ts";
import { readCost } from "./trial_processes.ts";

/** Reads the logs of a finished run. @param folder absolute @param evaluation that of its last weights */
export async function readMethodRun(folder: string, evaluation: Evaluation): Promise<MethodRun> {
  const { phases } = await readRun(diskRun(folder));
  const seconds = secondsPerStep(phases.flatMap(({ log }) => log ?? []));
  const { peakBytes } = await readCost(folder);
  return {
    evaluation,
    picks: snapshotPicks(phases.at(-1)?.log?.validations ?? []),
    ...(seconds === undefined ? {} : { secondsPerStep: seconds }),
    ...(peakBytes === undefined ? {} : { peakBytes }),
  };
}

/**
 * Seconds of a step: each phase counts its steps at the median of its logged rates, and the sum is divided by
 * all steps. Undefined where a phase logged no rate.
 */
function secondsPerStep(logs: readonly PhaseLog[]): number | undefined {
  let seconds = 0, steps = 0;
  for (const { series, done } of logs) {
    const rates = series.get("rate")?.values.toSorted() ?? new Float64Array();
    const rate = rates[Math.floor(rates.length / 2)];
    if (rate === undefined || !(rate > 0)) return undefined;
    seconds += done / rate;
    steps += done;
  }
  return steps > 0 ? seconds / steps : undefined;
}
