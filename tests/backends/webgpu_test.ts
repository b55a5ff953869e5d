import { webgpuRows } from "../../backends/webgpu/rows.ts";
import { inspectBackends } from "../../backends/select.ts";
import { testDeviceStreaming } from "./device_streaming.ts";
import { testConvolutionGradients } from "./convolution_gradients.ts";
import { testLovaszShaders } from "./lovasz_shaders.ts";
import { testLosses } from "./losses.ts";
import { testNormShaders } from "./norm_shaders.ts";
import { testOperators } from "./operators.ts";
import { testRowShaders } from "./row_shaders.ts";
import { testUpdateShaders } from "./update_shaders.ts";

const webgpu = (await inspectBackends()).find(({ name }) => name === "webgpu")!;
if (webgpu.available) {
  testOperators("webgpu");
  testLosses("webgpu");
  testConvolutionGradients();
  testRowShaders();
  testLovaszShaders();
  testNormShaders();
  testUpdateShaders();
  testDeviceStreaming("webgpu", (rows) => ({ ...webgpuRows, blockRows: () => rows }), 20);
} else {
  // Software Vulkan is enough: mesa-vulkan-drivers on Debian.
  Deno.test.ignore(`webgpu: every recorded case (${webgpu.detail})`, () => {});
}
