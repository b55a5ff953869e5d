/** What `plca runs` shows of each run: as data, which `--json` prints, and as the table that people read. */
import { printable } from "../core/printable.ts";
import { percent } from "../core/words.ts";
import type { Grid } from "./grid.ts";
import type { Run, RunPhase, RunState } from "../run_folder/read.ts";

/** A run as `plca runs` sums it up; plain data, which `--json` prints as it is. */
export interface RunOverview {
  /** What messages call its folder. */
  readonly folder: string;
  readonly state: RunState;
  /** The error that ended it; present if `state` is `failed` and the log names an error. */
  readonly failure?: string;
  /** The phase in work, or the last one. */
  readonly phase: string;
  /** Updates done in it, as far as the log goes. */
  readonly step: number;
  /** Updates of the phase; 0: not known. */
  readonly steps: number;
  /** In the order in which they are trained; never empty. */
  readonly phases: readonly PhaseScores[];
  /** When something was last written, ISO 8601; null when nothing is known. */
  readonly modified: string | null;
}

/** What a phase reached; mean IoUs in 0..1. */
export interface PhaseScores {
  readonly name: string;
  /**
   * The evaluation after the last step or, before it, the latest validation; null: none yet, or no pixel was
   * labelled.
   */
  readonly last: number | null;
  /** The best validation; null: none yet. */
  readonly best: { readonly step: number; readonly miou: number } | null;
}

/** Sums up a run. */
export function overviewOf(run: Run): RunOverview {
  const { current } = run;
  const failure = run.state === "failed" ? current.log?.failure : undefined;
  return {
    folder: run.folder,
    state: run.state,
    ...(failure === undefined ? {} : { failure }),
    phase: current.name,
    step: current.log?.done ?? 0,
    steps: current.log?.steps ?? 0,
    phases: run.phases.map(scoresOf),
    modified: Number.isNaN(run.modified) ? null : new Date(run.modified).toISOString(),
  };
}

/** What a phase reached. */
function scoresOf({ name, evaluation, log }: RunPhase): PhaseScores {
  const best = log?.best;
  return {
    name,
    last: (evaluation ?? log?.validations.at(-1))?.miou ?? null,
    best: best ? { step: best.step, miou: best.miou } : null,
  };
}

/**
 * The table of `plca runs`, a row for each run. Its mIoU is that of the last phase, in percent. If any run has
 * several phases, a column has the mIoU of the phases before the last.
 * @param now milliseconds since 1970, for the ages
 */
export function runsGrid(runs: readonly RunOverview[], now: number): Grid {
  const several = runs.some(({ phases }) => phases.length > 1);
  return {
    head: ["run", "state", "step", "mIoU %", "best (step)", ...(several ? ["earlier phases"] : []), "age"],
    rows: runs.map((run) => {
      const { last, best } = run.phases.at(-1)!;
      const earlier = run.phases.slice(0, -1).map(({ name, last }) => `${printable(name)} ${percent(last)}`);
      return [
        printable(run.folder),
        run.state,
        stepText(run),
        percent(last),
        best ? `${percent(best.miou)} (${best.step})` : "-",
        ...(several ? [earlier.join(", ") || "-"] : []),
        run.modified === null ? "-" : ageText(now - Date.parse(run.modified)),
      ];
    }),
    notes: runs.flatMap(({ folder, failure }) =>
      failure === undefined ? [] : [`${printable(folder)}: ${printable(failure.split("\n")[0]!)}`]
    ),
  };
}

/**
 * How far a run is, as in `120/400`, or `warmup 120/400` while a phase before the last is trained; "-" when
 * nothing is known.
 */
function stepText({ phase, step, steps, phases }: RunOverview): string {
  if (steps === 0) return "-";
  return phase === phases.at(-1)!.name ? `${step}/${steps}` : `${printable(phase)} ${step}/${steps}`;
}

/** A unit of time, and how many of it make the next one. */
const UNITS = [["s", 60], ["min", 60], ["h", 24], ["d", Infinity]] as const;

/** An age as `12 s`, `3 min`, `5 h`, `2 d`; a time in the future is `0 s`. */
function ageText(milliseconds: number): string {
  let age = Math.max(0, milliseconds / 1000);
  for (const [unit, next] of UNITS) {
    if (age < next) return `${Math.floor(age)} ${unit}`;
    age /= next;
  }
  return "-";
}
