/**
 * Semaphores of the system's C library: a thread of another library raises one, and this thread waits for it.
 * A promise would not do, because kernels return their results at once, and no promise is fulfilled until
 * they have.
 */

/** A semaphore, and the address that is handed to who raises it. */
export interface Semaphore {
  readonly at: Deno.PointerValue;
  /** Whether it was raised; if so, the raise is used up. */
  taken(): boolean;
  /** Returns once it was raised. */
  wait(): void;
}

/** Makes semaphores. */
export interface Semaphores {
  /** The address of the C function that raises the semaphore at its first argument. */
  readonly raise: Deno.PointerValue;
  make(): Semaphore;
}

const SYMBOLS = {
  dlsym: { parameters: ["pointer", "buffer"], result: "pointer" },
  sem_init: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  sem_wait: { parameters: ["buffer"], result: "i32" },
  sem_trywait: { parameters: ["buffer"], result: "i32" },
} as const;

/** More bytes than a `sem_t` has on any system. */
const BYTES = 128;

/** Those of the C library; undefined on systems other than Linux, and where the library is another one. */
export function openSemaphores(): Semaphores | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
    const raise = symbols.dlsym(null, new TextEncoder().encode("sem_post\0"));
    if (raise === null) return undefined;
    return {
      raise,
      make() {
        // Of an ArrayBuffer: the memory of a small array of its own could move.
        const memory = new Uint8Array(new ArrayBuffer(BYTES));
        symbols.sem_init(memory, 0, 0);
        return {
          at: Deno.UnsafePointer.of(memory),
          taken: () => symbols.sem_trywait(memory) === 0,
          wait() {
            // A signal ends the wait early.
            while (symbols.sem_wait(memory) !== 0);
          },
        };
      },
    };
  } catch {
    return undefined;
  }
}
