/** The process: the only place with console, exit, signals and the environment. */
import process from "node:process";
import { constants, cpus, setPriority, tmpdir } from "node:os";
import { type MachineMemory, machineMemory } from "../backends/machine_memory.ts";
import type { Job } from "./job.ts";
import {
  plcaLine,
  type PlcaStart,
  runLine,
  sharesOfCores,
  type StartedPlca,
  startPlca,
} from "./start_plca.ts";
import { type Order, type Report, startThread, wordsOf } from "./thread.ts";
import { startWatch, type WatchOrder } from "./watch.ts";

/** What commands may know of the process and do to it; tests hand in their own. */
export interface Host {
  readonly args: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** Undefined when unset or not readable. */
  env(name: string): string | undefined;
  now(): Date;
  readonly machine: Machine;
  /** Calls `handler` with 1, 2, ... on each Ctrl-C or termination; the result stops listening. */
  onInterrupt(handler: (count: number) => void): () => void;
  exit(code: number): never;
  /**
   * Ends the process with these words and status 2 after so many seconds, also within a call of a native library,
   * unless the function that it returns is called before. Absent: nothing does.
   */
  watch?(seconds: number, words: string): () => void;
  /** From now on other processes come first, where the system allows that. */
  yieldToOthers(): void;
  /**
   * Runs this command line once more, in a thread that may do no more than `grant` says; returns the exit
   * status. Absent in such a thread, and where commands may do what the process may.
   */
  readonly narrowed?: (grant: Grant, handover: Handover) => Promise<number>;
  /**
   * In such a thread: hands errors that nothing waited for to `handler`, who then ends the command; the
   * result stops that. Without a handler they end the thread.
   */
  readonly onLateFailure?: (handler: (error: unknown) => void) => () => void;
  /** Other processes of plca; absent in such a thread, which may start nothing. */
  readonly processes?: PlcaProcesses;
  /** In such a thread, what was prepared for it. */
  readonly handover?: Handover;
  /** The processes that a launcher of MPI started with this one; absent without one. */
  readonly job?: Job;
}

/** How other processes of plca are started. */
export interface PlcaProcesses {
  start(wanted: PlcaStart): StartedPlca;
  /**
   * Runs plca behind the words of a launcher, with this process's output.
   * @returns its status; undefined when the launcher is not there
   */
  launch(launcher: readonly string[], wanted: Pick<PlcaStart, "args" | "cwd">): Promise<number | undefined>;
  /** The cores in so many parts; undefined where processes cannot be held to parts. */
  sharesOfCores(shares: number): Promise<readonly (readonly number[])[] | undefined>;
}

/** Files and folders, absolute; what lies below a folder counts. Nothing may be started. */
export interface Grant {
  readonly read: readonly string[];
  readonly write: readonly string[];
  /**
   * Where native libraries may come from; `any` for a backend that works on pointers, which Deno allows only
   * whole.
   */
  readonly libraries: readonly string[] | "any";
  /** Where it may listen and call, as in `127.0.0.1`; absent: no network. */
  readonly network?: readonly string[];
}

/** What a thread cannot find out or make itself. */
export interface Handover {
  /** The run's folder, absolute, made and empty; absent where the command makes none. */
  readonly folder?: string;
  /** The commit of this copy of plca; null when it is no git checkout. */
  readonly commit: string | null;
}

/** Where text goes. */
export interface Stream {
  readonly tty: boolean;
  /** Characters a line; 80 when not a terminal. */
  readonly columns: number;
  /** Whether colours are wanted: a terminal, and NO_COLOR not set. */
  readonly color: boolean;
  write(text: string): void;
}

/** For `run.json` and `plca doctor`. */
export interface Machine {
  readonly cores: number;
  /** Those that are there; more than `cores` where this process was bound to some. Absent: as many. */
  readonly installed?: number;
  /** Of the container where there is one with a limit. */
  readonly memory: MachineMemory;
  /** `deno 2.9.6`. */
  readonly runtime: string;
  /** `linux x86_64`. */
  readonly system: string;
}

/** The real process, but for what `own` says. */
function processHost(own: Partial<Host> = {}): Host {
  return {
    args: Deno.args,
    // Tasks run in the project's folder, whichever the person is in.
    cwd: readEnv("INIT_CWD") ?? Deno.cwd(),
    stdout: stream(Deno.stdout),
    stderr: stream(Deno.stderr),
    env: readEnv,
    now: () => new Date(),
    get machine() {
      return {
        cores: navigator.hardwareConcurrency,
        installed: cpus().length,
        memory: machineMemory(),
        runtime: `deno ${Deno.version.deno}`,
        system: `${Deno.build.os} ${Deno.build.arch}`,
      };
    },
    onInterrupt,
    exit: (code) => Deno.exit(code),
    watch: startWatch,
    yieldToOthers() {
      try {
        setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
      } catch {
        // It is a courtesy.
      }
    },
    ...own,
  };
}

function readEnv(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

function stream(target: typeof Deno.stdout | typeof Deno.stderr): Stream {
  const tty = target.isTerminal();
  return {
    tty,
    get columns() {
      try {
        // Some terminals do not know their size and say 0.
        return tty ? Math.max(20, Deno.consoleSize().columns || 80) : 80;
      } catch {
        return 80;
      }
    },
    color: tty && !readEnv("NO_COLOR"),
    write(text) {
      const bytes = new TextEncoder().encode(text);
      try {
        for (let written = 0; written < bytes.length;) written += target.writeSync(bytes.subarray(written));
      } catch (error) {
        // The reader of a pipe may leave early, as `head` does.
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
    },
  };
}

/**
 * Milliseconds: of a Ctrl-C in a terminal `deno task` passes on a second one, which comes to the whole group
 * already.
 */
const SAME_KEY = 400;

function onInterrupt(handler: (count: number) => void): () => void {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  let count = 0, last = -Infinity;
  const listener = () => {
    const now = performance.now();
    const same = now - last < SAME_KEY;
    last = now;
    if (!same) handler(++count);
  };
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  return () => {
    for (const signal of signals) Deno.removeSignalListener(signal, listener);
  };
}

/** Runs `main`, then ends the process with the status it returns. */
export async function runProcess(main: (host: Host) => Promise<number>): Promise<never> {
  // Without it, software Vulkan drivers print errors of their own whenever a GPU is looked for.
  if (readEnv("XDG_RUNTIME_DIR") === undefined) Deno.env.set("XDG_RUNTIME_DIR", tmpdir());
  const host: Host = processHost({
    narrowed: (grant, handover) =>
      startThread({ grant, handover, cwd: host.cwd, onInterrupt, exit: exitAtOnce }),
    processes: {
      start: startPlca,
      launch: (launcher, { args, cwd }) => runLine([...launcher, ...plcaLine(args)], cwd),
      sharesOfCores,
    },
  });
  const code = await main(host);
  // ONNX Runtime's threads would keep the process alive.
  process.exit(code);
}

/**
 * Ends the process while a thread computes: what native libraries do at an exit would pull memory from under
 * it.
 */
function exitAtOnce(code: number): never {
  const library = { linux: "libc.so.6", darwin: "libSystem.dylib" }[Deno.build.os as string];
  try {
    if (library !== undefined) {
      Deno.dlopen(library, { _exit: { parameters: ["i32"], result: "void" } }).symbols._exit(code);
    }
  } catch {
    // Not allowed to or not there.
  }
  Deno.exit(code);
}

/** In a thread of {@linkcode runProcess}: runs `main` as soon as it hears for what, then tells the status. */
export function runThread(main: (host: Host) => Promise<number>): void {
  const thread = globalThis as unknown as Pick<Worker, "onmessage" | "postMessage">;
  let interrupts = 0;
  const handlers = new Set<(count: number) => void>();
  const failed = new Set<(error: unknown) => void>();
  const run = async ({ cwd, handover, token }: Extract<Order, { type: "run" }>) => {
    const tell = (report: Report) => thread.postMessage(report);
    tell({ type: "begun", token });
    tellFailures((error) => {
      if (failed.size > 0) return failed.forEach((handler) => handler(error));
      tell({ type: "failed", ...wordsOf(error), token });
    });
    const code = await main(processHost({
      cwd,
      handover,
      onInterrupt(handler) {
        handlers.add(handler);
        // It may have come before anyone listened.
        if (interrupts > 0) queueMicrotask(() => handlers.has(handler) && handler(interrupts));
        return () => handlers.delete(handler);
      },
      onLateFailure(handler) {
        failed.add(handler);
        return () => failed.delete(handler);
      },
      exit(code): never {
        tell({ type: "exit", code, token });
        // Ends the thread only.
        return process.exit(code);
      },
    }));
    tell({ type: "done", code, token });
  };
  thread.onmessage = ({ data: order }: MessageEvent<Order>) => {
    if (order.type === "run") return void run(order);
    interrupts = order.count;
    for (const handler of handlers) handler(interrupts);
  };
}

/** Milliseconds in which a launcher reads the last words of a process. */
const FAREWELL = 300;

/** In a thread that watches another one: waits, and ends the process unless it was called off. */
export function runWatch(): void {
  const thread = globalThis as unknown as Pick<Worker, "onmessage"> & { close(): void };
  thread.onmessage = ({ data: { seconds, words, over } }: MessageEvent<WatchOrder>) => {
    if (Atomics.wait(over, 0, 0, 1000 * seconds) === "timed-out") {
      stream(Deno.stderr).write(words);
      Atomics.wait(over, 0, 0, FAREWELL);
      exitAtOnce(2);
    }
    thread.close();
  };
}

/** Errors outside of every call that is waited for. */
function tellFailures(tell: (error: unknown) => void): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    tell(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    tell(event.error);
  });
}
