/** A thread that ends the process when another one stays too long in a call that cannot be left. */
import { moduleBeside } from "../core/packaged.ts";
// Run by its address, which no packer sees.
import type {} from "./watch_main.ts";

/** What the thread is told. */
export interface WatchOrder {
  readonly seconds: number;
  readonly words: string;
  /** Shared; 0 until it is called off. */
  readonly over: Int32Array<SharedArrayBuffer>;
}

/** Starts it, as {@linkcode Host.watch} has it. */
export function startWatch(seconds: number, words: string): () => void {
  const over = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(moduleBeside("watch_main", import.meta.url), { type: "module", name: "watch" });
  // Without it the call waits without end, which is no reason to end the process.
  thread.onerror = (event) => event.preventDefault();
  thread.postMessage({ seconds, words, over } satisfies WatchOrder);
  return () => {
    Atomics.store(over, 0, 1);
    Atomics.notify(over, 0);
  };
}
