import type { Backend } from "../backend.ts";

/** `wasm` with ONNX Runtime's products in the same heap; a process uses one of the two. */
export const native: Backend = {
  name: "native",
  readable: true,
  gpu: false,
  pointers: true,
  inspect: async () => ({ detail: (await import("./runtime.ts")).loadRuntime() }),
  auto: () => Promise.resolve({ takes: true }),
  start: async (memory, threads) => await (await import("./kernels.ts")).startNative(memory, threads),
};
