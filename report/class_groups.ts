/**
 * Which runs can be compared class by class. A table of IoUs puts numbers of one class into one column, so
 * runs with other classes, or the same in another order, must not share it.
 */
import type { Rgb } from "../core/label_space.ts";
import { classColours, distinctColours } from "./colours.ts";
import type { ClassGroup, ReportRun } from "./report_data.ts";
import type { LabelSpace } from "../core/label_space.ts";

/** A run, and the label space of its recipe; undefined where the recipe could not be read. */
export interface RunClasses {
  readonly run: ReportRun;
  readonly space: LabelSpace | undefined;
}

/**
 * Runs with the same class names in the same order together, in the order of their first run. A run whose
 * recipe could not be read has the classes of its evaluations, or numbers where only its validations tell how
 * many there are.
 */
export function classGroups(runs: readonly RunClasses[]): ClassGroup[] {
  const groups = new Map<string, { classes: readonly string[]; colours: readonly Rgb[]; runs: number[] }>();
  runs.forEach((each, k) => {
    const classes = classesOf(each);
    const key = JSON.stringify(classes);
    const group = groups.get(key);
    if (group) return group.runs.push(k);
    const colours = each.space ? classColours(each.space) : distinctColours(Math.min(classes.length, 341));
    groups.set(key, { classes, colours, runs: [k] });
  });
  return [...groups.values()];
}

/** The names of a run's classes; `class 0` and so on where only their number is known. */
function classesOf({ run, space }: RunClasses): readonly string[] {
  if (space) return space.classes;
  const named = run.phases.find(({ evaluation }) => evaluation)?.evaluation?.classes;
  if (named) return named;
  const counted = run.phases.find(({ latest }) => latest)?.latest?.iou.length ?? 0;
  return Array.from({ length: counted }, (_, id) => `class ${id}`);
}
