/** Tests of several processes, skipped (and counted by tests/run.ts) where no MPI is installed. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { type Library, openLibrary } from "../../processes/library.ts";
import { root } from "../own_files.ts";

/** The launcher that lies beside a library, as in a wheel of pip, or else the system's; undefined when there is none. */
function launcherOf(library: string | undefined): string | undefined {
  const beside = library === undefined ? [] : [`${dirname(dirname(library))}/bin/mpiexec.hydra`];
  return [...beside, "mpiexec.mpich", "mpiexec.hydra", "mpiexec"].find((program) => {
    try {
      const { success, stdout } = new Deno.Command(program, { args: ["--version"], stderr: "null" })
        .outputSync();
      // Open MPI's starts programs that find no library of its kind.
      return success && !new TextDecoder().decode(stdout).includes("Open MPI");
    } catch {
      return false;
    }
  });
}

/** The launcher of MPI; undefined when there is none. */
export const launcher = launcherOf(Deno.env.get("PLCA_MPI"));

/**
 * An MPI with the standard interface: named by PLCA_STANDARD_MPI, or the one that plca takes; else why there is none.
 */
export function standardLibrary(): Library | string {
  try {
    const library = openLibrary(Deno.env.get("PLCA_STANDARD_MPI") ?? Deno.env.get("PLCA_MPI"));
    return library.abi.handleBytes === 8 ? library : "no libmpi_abi.so here; PLCA_STANDARD_MPI may name one";
  } catch {
    return "no MPI with the standard interface";
  }
}

/** How a job ended. */
export interface JobOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** A job that runs. */
export interface RunningJob {
  readonly ended: Promise<JobOutcome>;
  readonly pid: number;
  kill(signal: Deno.Signal): void;
}

/** What is started. */
export interface JobWanted {
  readonly processes: number;
  /** What follows `deno run`: a file of this project and its arguments. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The file or name of an MPI, for its launcher and as PLCA_MPI; absent: what plca takes. */
  readonly library?: string;
  /** Words that run what follows them, between the launcher and Deno; absent: none. */
  readonly behind?: readonly string[];
}

/** Starts a job, or without a launcher one process. */
export function startJob(
  { processes, args, cwd, env = {}, library, behind = [] }: JobWanted,
): RunningJob {
  const [file, ...rest] = args;
  const line = [
    ...behind,
    Deno.execPath(),
    ...["run", "--quiet", "--no-check", "--no-prompt", "-A", "--config", join(root, "deno.json")],
    ...[join(root, file!), ...rest],
  ];
  const program = library === undefined ? launcher : launcherOf(library);
  const [first, ...words] = processes === 1 ? line : [program!, "-n", String(processes), ...line];
  const began = performance.now();
  const child = new Deno.Command(first!, {
    args: words,
    cwd,
    env: { ...library === undefined ? {} : { PLCA_MPI: library }, ...env, NO_COLOR: "1", INIT_CWD: cwd },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return {
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    ended: child.output().then(({ code, stdout, stderr }) => ({
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
      seconds: (performance.now() - began) / 1000,
    })),
  };
}

/** Runs a job to its end. */
export function runJob(wanted: JobWanted): Promise<JobOutcome> {
  return startJob(wanted).ended;
}

/**
 * Registers a test that needs MPI; it gets a folder of its own. @param missing why it cannot be run here
 * though there is an MPI
 */
export function mpiTest(name: string, body: (folder: string) => Promise<void>, missing?: string): void {
  const reason = launcher === undefined ? "no MPI" : missing;
  Deno.test({
    name: reason === undefined ? name : `${name} (${reason})`,
    ignore: reason !== undefined,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "plca-job-" });
      try {
        await body(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** @throws AssertionError with what the job said, when it failed */
export function assertSuccess({ code, stderr, stdout }: JobOutcome): void {
  assert.equal(code, 0, `${stdout}\n${stderr}`);
}

/** What plca said until it ended the job, without what the launcher adds. */
export function said(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line !== "");
  return lines.slice(0, lines.findIndex((line) => / ended the job$/.test(line)) + 1).join("\n");
}

/** Waits for something that a job does. */
export async function until(condition: () => boolean): Promise<void> {
  for (const began = performance.now(); !condition();) {
    assert.ok(performance.now() - began < 120_000, "the job makes no steps");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The last step in a log; 0 when there is none. */
export function stepOf(path: string): number {
  try {
    const steps = Deno.readTextFileSync(path).split("\n").filter((line) => line.includes('"step",'));
    return steps.length === 0 ? 0 : JSON.parse(steps.at(-1)!).step;
  } catch {
    return 0;
  }
}

/** The processes that a launcher started, by rank: they are the children of its only child. */
export async function ranksOf(launcher: number): Promise<number[]> {
  const [proxy] = await childrenOf(launcher);
  return await childrenOf(proxy!);
}

/** The processes that one started. */
export async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=", "--ppid", String(pid)] }).output();
  return new TextDecoder().decode(stdout).split(/\s+/).filter((word) => word !== "").map(Number);
}
