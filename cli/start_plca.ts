/** Another plca beside this one: how long trainings run several at a time, each on its share of the cores. */
import { startLine } from "./start_line.ts";

/** A process that was started. */
export interface StartedPlca {
  /** Its status, and the end of what it wrote to stderr. */
  readonly ended: Promise<{ readonly code: number; readonly stderr: string }>;
  /** The most memory that it held so far, in bytes; undefined where the system does not tell. */
  peakMemory(): number | undefined;
  /** Asks it to stop as Ctrl-C does. */
  interrupt(): void;
}

/** How a process is started. */
export interface PlcaStart {
  readonly args: readonly string[];
  /** Relative paths of `args` begin here. */
  readonly cwd: string;
  /** The cores that it may use; absent: all. */
  readonly cores?: readonly number[] | undefined;
}

/** So much of stderr is kept. */
const KEPT = 4000;

/** Starts a process with what the task `plca` of deno.json may do. */
export function startPlca({ args, cwd, cores }: PlcaStart): StartedPlca {
  const line = plcaLine(args);
  const [program, ...rest] = cores === undefined ? line : ["taskset", "-c", cores.join(","), ...line];
  const child = new Deno.Command(program!, {
    args: rest,
    cwd,
    env: { INIT_CWD: cwd, NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let peak: number | undefined;
  const timer = setInterval(async () => {
    const found = await residentSize(child.pid);
    if (found !== undefined) peak = Math.max(found, peak ?? 0);
  }, 1000);
  const stderr = endOf(child.stderr);
  return {
    ended: (async () => {
      const { code } = await child.status;
      clearInterval(timer);
      return { code, stderr: await stderr };
    })(),
    peakMemory: () => peak,
    interrupt() {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended.
      }
    },
  };
}

/**
 * Runs a line with this process's output, to its end. @returns its status; undefined when the program is not
 * there
 */
export async function runLine(line: readonly string[], cwd: string): Promise<number | undefined> {
  const [program, ...args] = line;
  try {
    const { code } = await new Deno.Command(program!, { args, cwd, env: { INIT_CWD: cwd }, stdin: "null" })
      .spawn().status;
    return code;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What starts plca again: Deno and its arguments. */
export function plcaLine(args: readonly string[]): readonly string[] {
  return [Deno.execPath(), ...startLine(), ...args];
}

async function endOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) text = (text + part).slice(-KEPT);
  return text;
}

/**
 * The largest resident size of a process so far, or else the present one, in bytes; undefined where no
 * program tells.
 */
async function residentSize(pid: number): Promise<number | undefined> {
  // Deno reads nothing of /proc itself.
  const status = await outputOf("cat", [`/proc/${pid}/status`]) ?? "";
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ??
    await outputOf("ps", ["-o", "rss=", "-p", `${pid}`]);
  const size = 1024 * Number(kilobytes);
  return size > 0 ? size : undefined;
}

/** What a program prints; undefined when it fails or is not there. */
async function outputOf(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args: [...args], stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The cores of this process in `shares` parts, of which none is empty: each of the first has one more where
 * they do not come out even. Undefined where a process cannot be held to cores: there is no `taskset`, or
 * there are fewer cores than parts.
 */
export async function sharesOfCores(shares: number): Promise<readonly (readonly number[])[] | undefined> {
  const cores = await allowedCores();
  if (cores === undefined || cores.length < shares) return undefined;
  return Array.from({ length: shares }, (_, k) => {
    const from = (part: number) => Math.ceil(part * cores.length / shares);
    return cores.slice(from(k), from(k + 1));
  });
}

/** The numbers of the cores that this process may use. */
async function allowedCores(): Promise<readonly number[] | undefined> {
  const list = /: ([\d,-]+)\s*$/.exec(await outputOf("taskset", ["-cp", String(Deno.pid)]) ?? "")?.[1];
  return list === undefined ? undefined : coresIn(list);
}

/** `0-2,5` as [0, 1, 2, 5]. */
export function coresIn(list: string): readonly number[] {
  return list.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, k) => first! + k);
  });
}
