/** A thread of this process that may do less than it: the side that starts it. */
import type { Grant, Handover } from "./host.ts";

/** What the thread is told first. */
export interface Order {
  /** Absolute: relative paths given by the person start here. */
  readonly cwd: string;
  readonly handover: Handover;
}

/** What the thread tells last: the process ends, or the command is done. Both with the exit status. */
export type Report = { readonly type: "exit" | "done"; readonly code: number };

/** A thread ended without telling a status; the message says by what. */
export class ThreadFailure extends Error {
  override name = "ThreadFailure";
}

/**
 * Runs the process's command line in a thread that may do what `grant` says, and ask for the environment and the machine's state.
 * @returns the exit status @throws ThreadFailure when the thread ends without one
 */
export function startThread(
  { grant, order, exit }: {
    readonly grant: Grant;
    readonly order: Order;
    readonly exit: (code: number) => never;
  },
): Promise<number> {
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
  const thread = new Worker(new URL("./thread_main.ts", import.meta.url), {
    type: "module",
    name: "plca",
    deno: { permissions },
  });
  thread.onmessage = ({ data }: MessageEvent<Report>) => {
    if (data.type === "exit") exit(data.code);
    resolve(data.code);
  };
  thread.onerror = (event) => {
    event.preventDefault();
    reject(new ThreadFailure(`an error that no step waited for: ${event.message}`));
  };
  // Nothing tells that a thread closed itself; but then nothing is left to wait for either.
  const closed = () => reject(new ThreadFailure("a call of Deno.exit, process.exit or self.close"));
  globalThis.addEventListener("beforeunload", closed);
  thread.postMessage(order);
  return promise.finally(() => globalThis.removeEventListener("beforeunload", closed));
}
