/** A training in processes that plca has a launcher start, and start again when one of them dies. */
import { resolve } from "node:path";
import { UserError } from "../../core/errors.ts";
import { countOf } from "../../core/words.ts";
import { LAST_CHECKPOINT, phaseFolders } from "../../run_folder/layout.ts";
import { makeRunFolder } from "../../run_folder/make.ts";
import type { CommandOf } from "../grammar.ts";
import type { Host } from "../host.ts";
import { planUnrun } from "../recipes.ts";
import { shown, stat } from "../run_folder.ts";

/** Statuses that another start does not change: done, a mistake that was told, interrupted. */
const FINAL = [0, 2, 130];

/** Trains until the training is over or was begun often enough. @returns the last status @throws UserError */
export async function launchTraining(
  host: Host,
  args: CommandOf<"train">,
  launcher: string,
): Promise<number> {
  const { processes } = host;
  if (processes === undefined || host.job) {
    throw new UserError("--launch: a launcher started this process already");
  }
  const words = launcher.split(/\s+/).filter((word) => word !== "");
  const { folder, folders } = await runOf(host, args);
  let stopped = false;
  const stopListening = host.onInterrupt(() => stopped = true);
  const others = wordsWithout(host.args, ["--launch", "--restarts", "--run"]);
  let line = args.resume === undefined ? [...others, "--run", folder] : others;
  try {
    for (let left = args.restarts;; left--) {
      const code = await processes.launch(words, { args: line, cwd: host.cwd });
      if (code === undefined) throw new UserError(`--launch "${launcher}": there is no program ${words[0]}`);
      if (FINAL.includes(code) || stopped || left === 0) return code;
      const begun = await Promise.all(folders.map((one) => stat(`${folder}/${one}/${LAST_CHECKPOINT}`)));
      // Without a checkpoint it begins anew in the same folder, as a resumed run does.
      const from = begun.some(Boolean) ? "the last checkpoint" : "its start";
      host.stderr.write(
        `A process died (status ${code}); ${shown(host, folder)} goes on from ${from}, ${
          countOf(left - 1, "restart")
        } left.\n`,
      );
      line = ["train", "--resume", folder, ...wordsOf(args)];
    }
  } finally {
    stopListening();
  }
}

interface LaunchedRun {
  /** Absolute. */
  readonly folder: string;
  /** Of its phases, below it. */
  readonly folders: readonly string[];
}

async function runOf(host: Host, args: CommandOf<"train">): Promise<LaunchedRun> {
  if (args.resume !== undefined) {
    const plan = await planUnrun(host, {
      path: `${resolve(host.cwd, args.resume)}/config.yaml`,
      overrides: [],
    });
    return {
      folder: resolve(host.cwd, args.resume),
      folders: phaseFolders(plan.resolved).map(({ folder }) => folder),
    };
  }
  const overrides = args.name === undefined ? args.set : [...args.set, `name="${args.name}"`];
  const plan = await planUnrun(host, { path: args.recipe ?? "street", overrides });
  const { folder } = await makeRunFolder({ cwd: host.cwd, run: args.run, runs: args.runs, name: plan.name });
  return { folder, folders: phaseFolders(plan.resolved).map(({ folder }) => folder) };
}

/** The words without some options and their values. */
function wordsWithout(words: readonly string[], options: readonly string[]): string[] {
  return words.filter((word, k) =>
    !options.some((option) => word === option || word.startsWith(`${option}=`) || words[k - 1] === option)
  );
}

/** How much is told. */
function wordsOf({ quiet, json }: CommandOf<"train">): string[] {
  return [...quiet ? ["--quiet"] : [], ...json ? ["--json"] : []];
}
