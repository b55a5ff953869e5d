/**
 * `plca`: parses the command line, runs one command, turns errors into words and an exit status. A UserError
 * is shown as its message and gives 2; any other error is a bug of plca, is shown with its stack, and gives
 * 1.
 */
import { UserError } from "../core/errors.ts";
import { ablateCommand } from "./ablate.ts";
import { checkCommand } from "./check.ts";
import { compareCommand } from "./compare.ts";
import { completionCommand } from "./completion.ts";
import { dataCheckCommand } from "./data_check.ts";
import { dataStatsCommand } from "./data_stats.ts";
import { doctorCommand } from "./doctor.ts";
import { evalCommand } from "./eval.ts";
import { exportCommand } from "./export.ts";
import { type Command, parseArguments, ParsingEnd } from "./grammar.ts";
import { type Host, runProcess } from "./host.ts";
import { JobProcess } from "./job.ts";
import { listCommand } from "./list.ts";
import { newCommand } from "./new.ts";
import { newRecipeCommand } from "./new_recipe/command.ts";
import { predictCommand } from "./predict.ts";
import { reportCommand } from "./report.ts";
import { runsCommand } from "./runs.ts";
import { schemaCommand } from "./schema.ts";
import { tableCommand } from "./table.ts";
import { trainCommand } from "./train/command.ts";
import { VERSIONS } from "./versions.ts";
import { viewCommand } from "./view.ts";
import { weightsCommand } from "./weights.ts";

/**
 * Runs one command. Status 0: done; 1: a bug in plca; 2: something the person can mend; 130: interrupted.
 */
export async function main(host: Host): Promise<number> {
  const job = JobProcess.of(host);
  if (job === undefined) return await attempt(host, () => run(host, parseArguments(host, VERSIONS.plca)));
  try {
    const command = parseArguments(job.host, VERSIONS.plca);
    const code = job.isIdle(command.command) ? 0 : await run(job.host, command);
    return await job.end({ code }, () => {});
  } catch (error) {
    if (error instanceof ParsingEnd) return error.code;
    return await job.end({ code: statusOf(error), error }, (host) => tell(host, error));
  }
}

/** Runs a command and tells the person what it throws. @returns the exit status */
async function attempt(host: Host, command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    if (error instanceof ParsingEnd) return error.code;
    tell(host, error);
    return statusOf(error);
  }
}

/** The exit status of what a command throws: the person can mend it, or it is a bug. */
function statusOf(error: unknown): number {
  return error instanceof UserError ? 2 : 1;
}

/** A mistake in a line; a bug with its stack. */
function tell({ stderr }: Host, error: unknown): void {
  if (error instanceof UserError) return stderr.write(`${error.message}\n`);
  const stack = error instanceof Error ? error.stack ?? error.message : String(error);
  stderr.write(`${stack}\nThis is a bug in plca: nothing in your recipe or data should lead here.\n`);
}

/** Runs the command that was parsed. @returns the exit status */
function run(host: Host, command: Command): Promise<number> {
  switch (command.command) {
    case "train":
      return trainCommand(host, command);
    case "eval":
      return evalCommand(host, command);
    case "predict":
      return predictCommand(host, command);
    case "export":
      return exportCommand(host, command);
    case "ablate":
      return ablateCommand(host, command);
    case "compare":
      return compareCommand(host, command);
    case "table":
      return tableCommand(host, command);
    case "report":
      return reportCommand(host, command);
    case "runs":
      return runsCommand(host, command);
    case "check":
      return checkCommand(host, command);
    case "data check":
      return dataCheckCommand(host, command);
    case "data stats":
      return dataStatsCommand(host, command);
    case "list":
      return listCommand(host, command);
    case "schema":
      return schemaCommand(host);
    case "doctor":
      return doctorCommand(host);
    case "completion install":
      return completionCommand(host, command);
    case "new":
      return newCommand(host, command);
    case "new recipe":
      return newRecipeCommand(host, command);
    case "view":
      return viewCommand(host, command);
    case "weights":
      return weightsCommand(host, command);
  }
}

// Not awaited: a module that is still waiting when nothing is left to wait for ends before anyone can say
// why.
if (import.meta.main) runProcess(main);
