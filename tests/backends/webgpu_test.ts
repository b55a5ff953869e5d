import { rowKernels } from "../../backends/webgpu/rows.ts";
import { inspectBackends } from "../../backends/select.ts";
import { testDevice } from "./device.ts";
import { testDeviceLimits } from "./device_limits.ts";
import { testDeviceStreaming } from "./device_streaming.ts";
import { testConvolutionGradients } from "./convolution_gradients.ts";
import { testHalves } from "./halves.ts";
import { testLovaszShaders } from "./lovasz_shaders.ts";
import { testLosses } from "./losses.ts";
import { testNormShaders } from "./norm_shaders.ts";
import { testOperators } from "./operators.ts";
import { testRowShaders } from "./row_shaders.ts";
import { testUpdateShaders } from "./update_shaders.ts";

/** As they are on a device that offers nothing. */
const ROWS = rowKernels({ bindingBytes: 2 ** 27, subgroups: false });

const webgpu = (await inspectBackends()).find(({ name }) => name === "webgpu")!;
if (webgpu.available) {
  testOperators("webgpu");
  testLosses("webgpu");
  testConvolutionGradients();
  testRowShaders();
  testLovaszShaders();
  testNormShaders();
  testUpdateShaders();
  testDeviceLimits();
  testDevice();
  testHalves();
  testDeviceStreaming("webgpu", (rows) => ({ ...ROWS, blockRows: () => rows }), 20);
} else {
  // Software Vulkan is enough: mesa-vulkan-drivers on Debian.
  Deno.test.ignore(`webgpu: every recorded case (${webgpu.detail})`, () => {});
}
