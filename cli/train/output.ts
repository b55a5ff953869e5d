/**
 * What `plca train` shows while a run goes on: progress for a person, every event as a line of JSON with
 * `--json`, or only notes with `--quiet`. Nothing here reaches the run folder, whose log training writes
 * itself.
 */
import type { RunPlan } from "../../core/plan.ts";
import { type Progress, progress } from "../../report/progress.ts";
import { courseOf } from "../course.ts";
import type { CommandOf } from "../grammar.ts";
import type { Host } from "../host.ts";

/** How much of a run is shown: all of it, the result, or every event as JSON. */
export type Output = Pick<CommandOf<"train">, "quiet" | "json">;

/** Whether the lines for a person are left out before the run's end. */
export function isSilent({ quiet, json }: Output): boolean {
  return quiet || json;
}

/** Shows the events of a run as the options ask for. */
export function outputOf(host: Host, plan: RunPlan, output: Output): Progress {
  const shown = progress(host.stdout, { course: courseOf(plan) });
  if (!isSilent(output)) return shown;
  return {
    event(event) {
      if (output.json) {
        host.stdout.write(`${JSON.stringify({ time: host.now().toISOString(), ...event })}\n`);
      }
    },
    line: (text) => host.stderr.write(`${text}\n`),
    close() {},
  };
}
