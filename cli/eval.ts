import { dirname, join, resolve } from "node:path";
import { selectBackend } from "../backends/select.ts";
import { UserError } from "../core/errors.ts";
import { diskFiles } from "../datasets/files.ts";
import { classTable } from "../report/table.ts";
import { readCheckpoint } from "../train/checkpoint.ts";
import { evaluate } from "../train/mod.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { planOf } from "./recipes.ts";
import { LAST_CHECKPOINT, latestRun, shown, stat } from "./run_folder.ts";

/** `plca eval`: returns the exit status. @throws UserError */
export async function evalCommand(host: Host, args: CommandOf<"eval">): Promise<number> {
  const { folder, checkpoint } = await chosen(host, args);
  const config = join(folder, "config.yaml");
  if (!await stat(config)) {
    throw new UserError(
      `${shown(host, folder)} is no run folder: it has no config.yaml; choose one with --run`,
    );
  }
  const plan = await planOf(host, config, args.set);
  await selectBackend(plan.backend);
  const abort = new AbortController();
  const stopListening = host.onInterrupt((count) => {
    if (count > 1) host.exit(130);
    abort.abort();
  });
  try {
    const { split } = args;
    const result = await evaluate(plan, {
      checkpoint,
      split,
      signal: abort.signal,
      files: diskFiles(),
      onImage: (done, images) => {
        if (!host.stderr.tty) return;
        host.stderr.write(done < images ? `\r${split}: image ${done}/${images}` : "\r\x1b[K");
      },
    });
    if (abort.signal.aborted) {
      host.stderr.write("Interrupted before every image was evaluated.\n");
      return 130;
    }
    if (args.json) {
      host.stdout.write(`${JSON.stringify({ checkpoint, ...result }, null, 2)}\n`);
      return 0;
    }
    host.stdout.write(`${shown(host, checkpoint)} on ${split}\n\n`);
    host.stdout.write(
      `${classTable([{ title: await titleOf(checkpoint) ?? plan.name, evaluation: result }])}\n`,
    );
    return 0;
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    host.stderr.write("Interrupted before every image was evaluated.\n");
    return 130;
  } finally {
    stopListening();
  }
}

/** The phase that wrote a checkpoint; undefined when it does not say. */
async function titleOf(checkpoint: string): Promise<string | undefined> {
  return (await readCheckpoint(checkpoint, diskFiles())).state?.phase;
}

interface Chosen {
  /** Absolute. */
  readonly folder: string;
  /** Absolute. */
  readonly checkpoint: string;
}

async function chosen(host: Host, { run, checkpoint, runs }: CommandOf<"eval">): Promise<Chosen> {
  if (checkpoint !== undefined) {
    const file = resolve(host.cwd, checkpoint);
    if (!(await stat(file))?.isFile) throw new UserError(`--checkpoint ${checkpoint}: there is no such file`);
    if (run !== undefined) return { folder: resolve(host.cwd, run), checkpoint: file };
    const owner = dirname(dirname(file));
    for (const folder of [owner, dirname(owner)]) {
      if (await stat(join(folder, "config.yaml"))) return { folder, checkpoint: file };
    }
    return { folder: await latestRun(host, runs), checkpoint: file };
  }
  const folder = run === undefined ? await latestRun(host, runs) : resolve(host.cwd, run);
  if (!(await stat(folder))?.isDirectory) throw new UserError(`--run ${run}: there is no such folder`);
  const last = join(folder, LAST_CHECKPOINT);
  if (!await stat(last)) {
    throw new UserError(
      `${shown(host, folder)} has no ${LAST_CHECKPOINT}; its training wrote no weights yet`,
    );
  }
  return { folder, checkpoint: last };
}
