import type { Backend } from "../backend.ts";

/** TensorFlow.js's WASM module, with kernels of our own (simd/) that work in its heap. */
export const wasm: Backend = {
  name: "wasm",
  readable: true,
  gpu: false,
  pointers: false,
  inspect: () => Promise.resolve({ detail: "TensorFlow.js WASM" }),
  auto: () => Promise.resolve({ takes: true }),
  start: async (memory) => await (await import("./start.ts")).startWasm(memory),
};
