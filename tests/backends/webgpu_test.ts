import { inspectBackends } from "../../backends/select.ts";
import { testLosses } from "./losses.ts";
import { testOperators } from "./operators.ts";

const webgpu = (await inspectBackends()).find(({ name }) => name === "webgpu")!;
if (webgpu.available) {
  testOperators("webgpu");
  testLosses("webgpu");
} else {
  // Software Vulkan is enough: mesa-vulkan-drivers on Debian.
  Deno.test.ignore(`webgpu: every recorded case (${webgpu.detail})`, () => {});
}
