/** A thread of this process that may do less than it: the side that starts it. */
import { moduleBeside } from "../core/packaged.ts";
// Run by its address, which no packer sees.
import type {} from "./thread_main.ts";
import type { Grant, Handover, Host } from "./host.ts";

/** What the thread is told: first what to run, then of every Ctrl-C. */
export type Order =
  | {
    readonly type: "run";
    /** Absolute: relative paths given by the person start here. */
    readonly cwd: string;
    readonly handover: Handover;
    /** Stands in every report, so that a message from elsewhere in the thread is none. */
    readonly token: string;
  }
  | { readonly type: "interrupt"; readonly count: number };

/** What the thread tells. */
export type Report =
  /** Its modules are there, and the command begins. */
  | { readonly type: "begun"; readonly token: string }
  /** The process ends, or the command is done: with an exit status. */
  | { readonly type: "exit" | "done"; readonly token: string; readonly code: number }
  /** Something failed that nothing waited for. */
  | { readonly type: "failed"; readonly token: string; readonly message: string; readonly stack: string };

/** A thread ended without telling a status; the message says by what. */
export class ThreadFailure extends Error {
  override name = "ThreadFailure";
}

/** A failure that nothing waited for. */
export function lateFailure(message: string, stack: string): ThreadFailure {
  const failure = new ThreadFailure(`an error that no step waited for: ${message}`);
  failure.stack = stack;
  return failure;
}

/** What an error says to a person, and its stack. */
export function wordsOf(error: unknown): { readonly message: string; readonly stack: string } {
  if (!(error instanceof Error)) return { message: String(error), stack: String(error) };
  const message = `${error.name}: ${error.message}`;
  return { message, stack: error.stack ?? message };
}

/** What {@linkcode startThread} starts. */
export interface ThreadStart {
  readonly grant: Grant;
  /** See {@linkcode Order}. */
  readonly cwd: string;
  readonly handover: Handover;
  readonly onInterrupt: Host["onInterrupt"];
  readonly exit: Host["exit"];
}

/**
 * Runs the process's command line in a thread that may do what `grant` says, and ask for the environment and
 * the machine's state. It hears of a first Ctrl-C; a second ends the process, whatever the thread is doing.
 * @returns the exit status @throws ThreadFailure when the thread ends without one
 */
export function startThread({ grant, cwd, handover, onInterrupt, exit }: ThreadStart): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const permissions: Deno.PermissionOptionsObject = {
    read: [...grant.read],
    write: [...grant.write],
    ffi: grant.libraries === "any" ? true : [...grant.libraries],
    // Packages look for settings under many names.
    env: true,
    sys: true,
    net: grant.network === undefined ? false : [...grant.network],
    run: false,
    import: false,
  };
  const token = crypto.randomUUID();
  let begun = false;
  const thread = new Worker(moduleBeside("thread_main", import.meta.url), {
    type: "module",
    name: "plca",
    deno: { permissions },
  });
  thread.onmessage = ({ data }: MessageEvent<Report | null>) => {
    if (data?.token !== token) return;
    if (data.type === "begun") {
      begun = true;
      return;
    }
    if (data.type === "failed") {
      return reject(lateFailure(data.message, data.stack));
    }
    if (data.type === "exit") exit(data.code);
    resolve(data.code);
  };
  // Its own modules could not be loaded; or a timer failed, which ends a thread whatever it does about that.
  thread.onerror = (event) => {
    event.preventDefault();
    const message = event.message.replace(/^Uncaught (\(in promise\) )?/, "");
    reject(begun ? lateFailure(message, event.message) : new Error(event.message));
  };
  // Nothing tells that a thread closed itself; but then nothing is left to wait for either.
  const closed = () => reject(new ThreadFailure("a call of Deno.exit, process.exit or self.close"));
  globalThis.addEventListener("beforeunload", closed);
  const stopListening = onInterrupt((count) => {
    if (count > 1) exit(130);
    thread.postMessage({ type: "interrupt", count } satisfies Order);
  });
  thread.postMessage({ type: "run", cwd, handover, token } satisfies Order);
  return promise.finally(() => {
    globalThis.removeEventListener("beforeunload", closed);
    stopListening();
  });
}
