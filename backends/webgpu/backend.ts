import { messageOf } from "../../core/words.ts";
import type { Backend, Inspected } from "../backend.ts";

/** Shaders on a GPU. */
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
  start: async () => await (await import("./kernels.ts")).startWebgpu(),
};

async function inspect(): Promise<Inspected> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter found");
  const { vendor, device, description } = adapter.info;
  const label = [vendor, device, description].filter((part) => part).join(" ");
  const software = /llvmpipe|swiftshader|lavapipe|software/i.test(label);
  return software ? { detail: `only a software adapter (${label})`, software } : { detail: label };
}
