import { messageOf } from "../../core/words.ts";
import type { Backend, Inspected } from "../backend.ts";

/**
 * Compute shaders on a GPU, by TensorFlow.js's WebGPU backend and shaders of our own. Values are on the
 * device: reading one waits for all work before it, so nothing is read within a step.
 */
export const webgpu: Backend = {
  name: "webgpu",
  readable: false,
  gpu: true,
  pointers: false,
  inspect,
  async auto() {
    try {
      const { software, detail } = await inspect();
      return software ? { takes: false, reason: detail } : { takes: true };
    } catch (error) {
      return { takes: false, reason: messageOf(error) };
    }
  },
  start: async (_memory, _threads, precision) =>
    await (await import("./kernels.ts")).startWebgpu(precision === "half"),
};

/**
 * Asks for an adapter. A software adapter (a GPU that the processor imitates) works but is slow, and is
 * marked. @throws Error when there is no adapter
 */
async function inspect(): Promise<Inspected> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter found");
  const { vendor, device, description } = adapter.info;
  const label = [vendor, device, description].filter((part) => part).join(" ");
  const software = isSoftware(label);
  return software ? { detail: `only a software adapter (${label})`, software } : { detail: label };
}

/** Whether an adapter of that name is a GPU that the processor imitates. */
export function isSoftware(adapter: string): boolean {
  return /llvmpipe|swiftshader|lavapipe|software/i.test(adapter);
}
