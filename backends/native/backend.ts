import type { Backend } from "../backend.ts";

/**
 * The module of `wasm`, whose heap ONNX Runtime reads and writes directly for all matrix products. A process
 * uses one of the two, because both register kernels for the same module.
 */
export const native: Backend = {
  name: "native",
  readable: true,
  gpu: false,
  pointers: true,
  inspect: async () => ({ detail: (await import("./runtime.ts")).loadRuntime() }),
  auto: () => Promise.resolve({ takes: true }),
  start: async (memory, threads) => await (await import("./kernels.ts")).startNative(memory, threads),
};
