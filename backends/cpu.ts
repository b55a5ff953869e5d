import type { Backend } from "./backend.ts";

/**
 * Plain loops in JavaScript, with the portable kernels of ops/: the reference when a faster backend is in
 * doubt.
 */
export const cpu: Backend = {
  name: "cpu",
  readable: true,
  gpu: false,
  pointers: false,
  inspect: () => Promise.resolve({ detail: "plain JavaScript, for checking only: very slow" }),
  auto: () => Promise.resolve({ takes: false }),
  async start() {
    await import("./plain_engine.ts");
    await (await import("./engine.ts")).useEngine("cpu");
  },
};
