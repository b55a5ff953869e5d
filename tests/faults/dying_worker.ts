/** Preloaded: every worker that prepares images throws after a while, whatever it is doing. */
import { inEveryThread } from "./threads.ts";

inEveryThread(
  import.meta.url,
  (specifier) =>
    specifier.includes("/datasets/workers/")
      ? `setTimeout(() => { throw new Error("struck by the test"); }, 1500);`
      : "",
);
