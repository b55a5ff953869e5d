import type { Host } from "../../cli/host.ts";
import { main } from "../../cli/main.ts";

/** What a test varies. */
export interface Fake {
  readonly cwd: string;
  /** Whether it is a terminal; absent: no. */
  readonly tty?: boolean;
  /** The environment; empty if absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** Sees every text as it is written; `interrupt` is a Ctrl-C. */
  readonly onWrite?: (text: string, interrupt: () => void) => void;
  /** What runs; absent: `plca`. */
  readonly program?: (host: Host) => Promise<number>;
}

/** What a command did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The process ended through `exit`. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Runs `plca` with these arguments in a process that is not there. */
export async function plca(args: readonly string[], fake: Fake): Promise<Outcome> {
  let [stdout, stderr, interrupts] = ["", "", 0];
  const handlers = new Set<(count: number) => void>();
  const interrupt = () => {
    interrupts++;
    for (const handler of handlers) handler(interrupts);
  };
  const stream = (write: (text: string) => void) => ({
    tty: fake.tty ?? false,
    columns: 80,
    color: false,
    write(text: string) {
      write(text);
      fake.onWrite?.(text, interrupt);
    },
  });
  const host: Host = {
    args,
    cwd: fake.cwd,
    stdout: stream((text) => stdout += text),
    stderr: stream((text) => stderr += text),
    env: (name) => fake.env?.[name],
    now: () => new Date(Date.UTC(2030, 0, 2)),
    machine: {
      cores: 3,
      memory: { total: 2 ** 34, free: 2 ** 33, limited: false },
      runtime: "deno test",
      system: "test",
    },
    onInterrupt(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    exit(code): never {
      throw new Exit(code);
    },
    yieldToOthers() {},
    processes: {
      start: ({ args }) => {
        // One after the other: they share this process's tensors.
        const ended = last.then(() => plca(args, { cwd: fake.cwd }));
        last = ended;
        return { ended, peakMemory: () => 2e9, interrupt() {} };
      },
      launch: () => Promise.resolve(undefined),
      sharesOfCores: () => Promise.resolve(undefined),
    },
  };
  let last: Promise<unknown> = Promise.resolve();
  const code = await (fake.program ?? main)(host);
  return { code, stdout, stderr };
}

/** Calls `body` with the host of such a process. @returns what it returned, and what it wrote */
export async function withHost<T>(
  fake: Fake & { readonly args?: readonly string[] },
  body: (host: Host) => T | Promise<T>,
): Promise<Outcome & { readonly result: T }> {
  let result: T | undefined;
  const outcome = await plca(fake.args ?? [], {
    ...fake,
    async program(host) {
      result = await body(host);
      return 0;
    },
  });
  return { ...outcome, result: result as T };
}

/** Calls `body` with a new empty folder that is removed afterwards. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
