/** The module that a worker runs; see {@linkcode WorkerPool}. */
/// <reference lib="deno.worker" />
import { toPlain } from "./errors.ts";
import type { Order, Reply } from "./protocol.ts";
import { serve } from "./serve.ts";

const scope = self as unknown as DedicatedWorkerGlobalScope;
const answer = (reply: Reply, transfer: ArrayBuffer[]) => scope.postMessage(reply, transfer);

// Left alone, an error outside of any job would take the thread down while sharp decodes in it, and with it the process.
scope.addEventListener("error", (event) => {
  event.preventDefault();
  answer({ type: "crashed", error: toPlain(event.error) }, []);
});
scope.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  answer({ type: "crashed", error: toPlain(event.reason) }, []);
});

const obey = serve(answer);
scope.addEventListener("message", ({ data }: MessageEvent<Order>) => obey(data));
