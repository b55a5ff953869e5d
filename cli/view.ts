import { join, resolve } from "node:path";
import { selectBackend } from "../backends/select.ts";
import { UserError } from "../core/errors.ts";
import type { BackendName } from "../core/plan.ts";
import { diskFiles } from "../datasets/files.ts";
import { type Explorer, openExplorer } from "../explore/explorer.ts";
import { diskRun } from "../report/run/files.ts";
import { EVENTS, isRunFolder } from "../report/run/run.ts";
import { LiveRun } from "../view/live.ts";
import { serve } from "../view/server.ts";
import { viewPage } from "../view/page.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { planUnrun, reason } from "./recipes.ts";
import { shown, stat } from "./run_folder.ts";
import { LAUNCH, VERSIONS } from "./versions.ts";

/** Those whose tensors can be read at once; a GPU is left to whoever trains on it. */
const BACKENDS: readonly BackendName[] = ["native", "wasm", "cpu"];

/** `plca view`: serves until it is interrupted; returns the exit status. @throws UserError */
export async function viewCommand(host: Host, args: CommandOf<"view">): Promise<number> {
  const folder = args.run === undefined ? await newestRun(host, args.runs) : resolve(host.cwd, args.run);
  const name = shown(host, folder);
  const files = diskRun(folder, name);
  if (!(await stat(folder))?.isDirectory) throw new UserError(`${name}: there is no such folder`);
  if (!await isRunFolder(files)) {
    throw new UserError(`${name} is no run folder: it has neither ${EVENTS} nor run.json`);
  }
  // Training on the same machine comes first.
  host.yieldToOthers();
  const explorer = await explorerOf(host, { folder, set: args.set });
  const server = serve({
    html: await viewPage(name),
    live: new LiveRun(files),
    report: (run) => ({
      title: name,
      made: "",
      version: VERSIONS.plca,
      runs: [{
        title: name,
        state: run.state,
        facts: [],
        config: "",
        notes: [],
        phases: run.phases.map(({ name, log }) => ({
          name,
          step: log?.done ?? 0,
          steps: log?.steps ?? 0,
          interrupted: false,
          curves: {},
          validations: {
            step: log?.validations.map((v) => v.step) ?? [],
            miou: log?.validations.map((v) => v.miou) ?? [],
            pixelAccuracy: [],
            iou: [],
          },
        })),
      }],
      differences: [],
      groups: [],
    }),
    explorer,
    onBug: (error) => host.stderr.write(`${error instanceof Error ? error.stack : error}\n`),
  }, args.port);
  try {
    host.stdout.write(`${name}: ${server.address}\n`);
    host.stdout.write("  for this machine only, and only with that address; Ctrl-C ends it\n");
    await new Promise<void>((end) => {
      const stopListening = host.onInterrupt(() => {
        stopListening();
        end();
      });
    });
    return 0;
  } finally {
    await server.close();
    if (typeof explorer !== "string") explorer.dispose();
  }
}

/** Or why associations cannot be shown; the rest of the run still can. */
async function explorerOf(
  host: Host,
  { folder, set }: { readonly folder: string; readonly set: readonly string[] },
): Promise<Explorer | string> {
  try {
    const plan = await planUnrun(host, { path: join(folder, "config.yaml"), overrides: set });
    if (!plan.losses.some(({ plan: { association } }) => association !== undefined)) {
      const unrun = plan.losses.filter(({ file }) => file !== undefined).map(({ name }) => name);
      return "no term of this run associates pixels" +
        (unrun.length === 0 ? "" : ` (files of losses are not run here: ${unrun.join(", ")})`);
    }
    const { backend } = plan;
    const ready = async () => {
      if (BACKENDS.some((name) => name === backend)) return await selectBackend(backend);
      try {
        return await selectBackend("native");
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return await selectBackend("wasm");
      }
    };
    return openExplorer(plan, { folder, files: diskFiles(), ready });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `the recipe of this run cannot be planned: ${error.message}`;
  }
}

/** The run whose log was written to last. @throws UserError when there is none */
async function newestRun(host: Host, runs: string): Promise<string> {
  const parent = resolve(host.cwd, runs);
  let newest: { readonly folder: string; readonly time: number } | undefined;
  try {
    for await (const { name, isDirectory } of Deno.readDir(parent)) {
      if (!isDirectory) continue;
      const folder = join(parent, name);
      const time = (await stat(join(folder, EVENTS)))?.mtime?.getTime();
      if (time !== undefined && (!newest || time > newest.time)) newest = { folder, time };
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UserError(`${runs}: ${reason(error)}`, { cause: error });
    }
  }
  if (newest) return newest.folder;
  throw new UserError(`there is no run in ${runs}; train one first: ${LAUNCH} task plca train`);
}
