/** The module that a worker runs; see {@linkcode WorkerPool}. */
import { toPlain } from "./errors.ts";
import type { Order, Reply } from "./protocol.ts";
import { serve } from "./serve.ts";

const scope = globalThis as unknown as Worker;
const answer = (reply: Reply, transfer: ArrayBuffer[]) => scope.postMessage(reply, transfer);

// Left alone, an error outside of any job would take the thread down while sharp decodes in it, and with it
// the process.
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  answer({ type: "crashed", error: toPlain(event.error) }, []);
});
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  answer({ type: "crashed", error: toPlain(event.reason) }, []);
});

const obey = serve(answer);
scope.addEventListener("message", ({ data }: MessageEvent<Order>) => obey(data));
