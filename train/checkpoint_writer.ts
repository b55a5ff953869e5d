/**
 * When and by whom the checkpoints of a phase are written: `last` every so many steps and at the end, `best`
 * when a validation was the best so far, and once more when a later step fails. The loop calls it; the format
 * of a file is checkpoint.ts's matter.
 *
 * Only the first of several processes writes; the others wait, so that none of them is steps ahead of what lies
 * on disk.
 */
import { DataError, LossError, UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";
import { checkpointFile } from "../run_folder/layout.ts";
import { UnlikeWeights } from "./alike.ts";
import type { Run } from "./assemble.ts";
import { saveCheckpoint } from "./checkpoint.ts";
import type { PhaseOptions } from "./loop.ts";
import type { Validation } from "./validation.ts";

/** Writes the checkpoints of one phase. */
export class CheckpointWriter {
  readonly #run: Run;
  readonly #phase: PhaseOptions;
  readonly #validation: Pick<Validation, "best" | "validated">;
  #saved: number;

  /** @param validation what the checkpoint says of the validations so far */
  constructor(run: Run, phase: PhaseOptions, validation: Pick<Validation, "best" | "validated">) {
    this.#run = run;
    this.#phase = phase;
    this.#validation = validation;
    this.#saved = phase.from?.state.step ?? 0;
  }

  /** The step of the newest `last` checkpoint on disk; 0 where there is none. */
  get saved(): number {
    return this.#saved;
  }

  /**
   * Has the first process write a checkpoint, while the others wait. All processes must call it.
   * @param step the steps done
   */
  async save(name: "last" | "best", step: number): Promise<void> {
    await this.#phase.team.each(async () => {
      if (this.#phase.team.leads) await this.#write(name, step);
      else if (name === "last") this.#saved = step;
    });
  }

  /**
   * Writes the weights after the last good step, since a failed step changes none. @returns the error, with a
   * line on where the weights lie if it is one that a person can mend
   * @param step the last good one, counted from 1; 0: there is none, and nothing is written
   */
  async withLastGood(error: unknown, step: number): Promise<unknown> {
    if (step === 0 || !this.#phase.team.leads || error instanceof UnlikeWeights) return error;
    let line;
    try {
      const path = this.#saved < step ? await this.#write("last", step) : this.#pathOf("last");
      line = `the weights after step ${step} lie in ${path}`;
    } catch (cause) {
      line = `the weights after step ${step} could not be written: ${messageOf(cause)}`;
      if (this.#saved > 0) line += `\nthose after step ${this.#saved} lie in ${this.#pathOf("last")}`;
    }
    if (!(error instanceof UserError)) return error;
    const cause = error.cause ?? error;
    if (error instanceof DataError) {
      return new DataError(error.file, `${error.message.slice(error.file.length + 2)}\n${line}`, { cause });
    }
    const Kind = error instanceof LossError ? LossError : UserError;
    return new Kind(`${error.message}\n${line}`, { cause });
  }

  #pathOf(name: "last" | "best"): string {
    return `${this.#phase.folder}/${checkpointFile(name)}`;
  }

  /** Writes a checkpoint in this process. @returns its path */
  async #write(name: "last" | "best", step: number): Promise<string> {
    const { emit, plan: { name: recipe, seed }, phase: { name: phase, training } } = this.#phase;
    const { steps, keepCheckpoints } = training;
    const path = this.#pathOf(name);
    const best = this.#validation.best ?? null, { validated } = this.#validation;
    await saveCheckpoint(path, {
      entries: this.#run.state,
      state: { recipe, phase, step, steps, seed, best, validated },
      keep: name === "last" ? keepCheckpoints : 1,
    });
    if (name === "last") this.#saved = step;
    emit({ type: "checkpoint", phase, step, path });
    return path;
  }
}
