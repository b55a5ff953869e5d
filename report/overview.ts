/** Runs at a glance. */
import { printable } from "../core/printable.ts";
import type { Grid } from "./grid.ts";
import { percent } from "./means.ts";
import type { Run, RunPhase, RunState } from "../run_folder/run.ts";

/** A run in one line; plain data. */
export interface RunOverview {
  /** As messages call its folder. */
  readonly folder: string;
  readonly state: RunState;
  /** What it failed of, when it did. */
  readonly failure?: string;
  /** The phase in work, or the last one. */
  readonly phase: string;
  /** Updates done in it, as far as the log goes. */
  readonly step: number;
  /** Updates of the phase; 0: not known. */
  readonly steps: number;
  /** The recipe's own objective. */
  readonly own: PhaseScores;
  /** Absent without a baseline. */
  readonly baseline?: PhaseScores & { readonly name: string };
  /** When something was last written, ISO 8601; null when nothing is known. */
  readonly modified: string | null;
}

/** Mean IoUs in 0..1. */
export interface PhaseScores {
  /** The evaluation after the last step or, before it, the latest validation; null: none yet, or no pixel was labelled. */
  readonly last: number | null;
  /** The best validation; null: none yet. */
  readonly best: { readonly step: number; readonly miou: number } | null;
}

/** A run in one line. */
export function overviewOf(run: Run): RunOverview {
  const { current } = run;
  const own = run.phases.find(({ baseline }) => !baseline)!;
  const baseline = run.phases.find(({ baseline }) => baseline);
  const failure = run.state === "failed" ? current.log?.failure : undefined;
  return {
    folder: run.folder,
    state: run.state,
    ...(failure === undefined ? {} : { failure }),
    phase: current.name,
    step: current.log?.done ?? 0,
    steps: current.log?.steps ?? 0,
    own: scoresOf(own),
    ...(baseline ? { baseline: { name: baseline.name, ...scoresOf(baseline) } } : {}),
    modified: Number.isNaN(run.modified) ? null : new Date(run.modified).toISOString(),
  };
}

function scoresOf({ evaluation, log }: RunPhase): PhaseScores {
  const best = log?.best;
  return {
    last: (evaluation ?? log?.validations.at(-1))?.miou ?? null,
    best: best ? { step: best.step, miou: best.miou } : null,
  };
}

/** Runs as a table, percent mIoU. @param now milliseconds since 1970, for the ages */
export function runsGrid(runs: readonly RunOverview[], now: number): Grid {
  const withBaseline = runs.some(({ baseline }) => baseline !== undefined);
  return {
    head: ["run", "state", "step", "mIoU %", "best (step)", ...(withBaseline ? ["baseline"] : []), "age"],
    rows: runs.map((run) => [
      printable(run.folder),
      run.state,
      stepText(run),
      percent(run.own.last),
      run.own.best ? `${percent(run.own.best.miou)} (${run.own.best.step})` : "-",
      ...(withBaseline ? [percent(run.baseline?.last ?? null)] : []),
      run.modified === null ? "-" : ageText(now - Date.parse(run.modified)),
    ]),
    notes: runs.flatMap(({ folder, failure }) =>
      failure === undefined ? [] : [`${printable(folder)}: ${printable(failure.split("\n")[0]!)}`]
    ),
  };
}

/** `120/400`; before the run's own objective is in work, with the phase that is. */
function stepText({ phase, step, steps, baseline }: RunOverview): string {
  const counted = steps === 0 ? "-" : `${step}/${steps}`;
  return baseline !== undefined && phase === baseline.name && steps > 0
    ? `${printable(phase)} ${counted}`
    : counted;
}

const UNITS = [["s", 60], ["min", 60], ["h", 24], ["d", Infinity]] as const;

/** `12 s`, `3 min`, `5 h`, `2 d`; a time to come is `0 s`. */
function ageText(milliseconds: number): string {
  let age = Math.max(0, milliseconds / 1000);
  for (const [unit, next] of UNITS) {
    if (age < next) return `${Math.floor(age)} ${unit}`;
    age /= next;
  }
  return "-";
}
