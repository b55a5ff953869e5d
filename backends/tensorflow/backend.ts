import type { Backend } from "../backend.ts";

/** TensorFlow itself, where it was installed (docs/tensorflow.md), on the processor or a CUDA device. */
export const tensorflow: Backend = {
  name: "tensorflow",
  readable: true,
  gpu: true,
  pointers: false,
  inspect: async () => ({ detail: (await import("./start.ts")).findTensorflow().detail }),
  auto: async () => (await import("./start.ts")).takesCuda(),
  start: async () => await (await import("./start.ts")).startTensorflow(),
};
