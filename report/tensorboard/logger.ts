/**
 * A run in TensorBoard's files. TensorBoard appends what it reads, file after file; a run that is resumed
 * must therefore say that it takes values back, which the session record at the beginning of each file does.
 */
import type { TrainEvent } from "../../core/events.ts";
import type { LabelSpace, Rgb } from "../../core/label_space.ts";
import type { LogsPlan, Normalization } from "../../core/plan.ts";
import type { RunLogger } from "../logger.ts";
import { type EventFile, makeEventFolder, newEventFile } from "./event_file.ts";
import { histogramOf } from "./histogram.ts";
import { type Moment, sessionStart, type Summary, summaryEvent } from "./messages.ts";
import { validationPicture } from "./picture.ts";
import { evaluationScalars, scalarsOf } from "./scalars.ts";

/** What is written, and where. */
export interface TensorBoardOptions {
  /** Each phase gets a folder in it: TensorBoard shows them as runs. */
  readonly folder: string;
  readonly plan: LogsPlan;
  readonly labelSpace: LabelSpace;
  /** By train id. */
  readonly colours: readonly Rgb[];
  readonly normalization: Normalization;
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
}

/**
 * A log of a run for TensorBoard. A phase's file begins with its first event with a step; a phase that is
 * resumed, or begins anew in the same folder, begins a further file, which takes back what earlier files have
 * from there on.
 * @throws UserError from every method when a file cannot be written
 */
export function tensorBoard(options: TensorBoardOptions): RunLogger {
  const { folder, plan, labelSpace: { classes }, now = Date.now } = options;
  let phase = "", starting = false;
  let file: EventFile | undefined;

  // Names of recipes are safe; a library's user may choose others.
  const folderOf = (phase: string) => `${folder}/${phase.replace(/[^\w.-]|^\.+$/g, "_")}`;
  const begin = (next: string, step: number) => {
    file?.close();
    file = newEventFile(folderOf(next), now());
    file.write(sessionStart({ time: now(), step }));
    phase = next;
  };
  const write = (step: number, values: readonly Summary[]) => {
    if (values.length === 0) return;
    const moment: Moment = { time: now(), step };
    file?.write(summaryEvent(moment, values));
  };

  return {
    event(event: TrainEvent) {
      if (event.type === "start") {
        starting = true;
        // What cannot be written is told before the first step.
        return makeEventFolder(folderOf(event.phase));
      }
      if (event.type === "checkpoint" || event.type === "end") return;
      if (starting || event.phase !== phase) {
        if (!("step" in event)) return;
        begin(event.phase, event.type === "resume" ? event.step + 1 : 0);
        starting = false;
      }
      if ("step" in event) write(event.step, scalarsOf(event, classes));
    },
    pictures: plan.images,
    picture({ step, index, ...image }) {
      const picture = validationPicture(image, options);
      write(step, [{ tag: `validation/image ${index + 1}`, image: picture }]);
    },
    wantsHistograms: (step) => plan.histograms > 0 && step % plan.histograms === 0,
    histogram({ step, name, values }) {
      const histogram = histogramOf(values);
      if (histogram) write(step, [{ tag: `weights/${name}`, histogram }]);
    },
    evaluation: (step, evaluation) => write(step, evaluationScalars("final", evaluation, classes)),
    close() {
      file?.close();
      file = undefined;
    },
  };
}
