/**
 * The device, and TensorFlow.js's backend on it. tfjs would ask for a device with the features that it uses
 * itself; its backend takes any device, so ours is asked for with more. What the device can do is found out
 * once, here, by trying and not by its name, and the kernels are made from it (kernels.ts).
 *
 * The backend is tfjs's with two additions. It looks at the size of every tensor before a shader is given it
 * (limits.ts). And it knows when the device is lost, as when a driver is reset: from then on everything
 * throws, since the work would be dropped without an error and zeros would be read.
 */
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { UserError } from "../../core/errors.ts";
import { requireBindable } from "./limits.ts";
import { THREADS } from "./shader.ts";
import { togetherSum } from "./together.ts";

/** What kernels are made for. */
export interface Offers {
  /** Bytes of one tensor that a shader can be given. */
  readonly bindingBytes: number;
  /** Whether threads of a subgroup can add up in registers. */
  readonly subgroups: boolean;
}

/** Milliseconds to wait for the word that the device is lost, after a read has failed. */
const WORD_OF_LOSS = 500;

/** tfjs's backend on a device of ours. */
export class DeviceBackend extends WebGPUBackend implements Offers {
  readonly bindingBytes: number;
  readonly subgroups: boolean;
  #lost: UserError | undefined;
  readonly #loss: Promise<void>;

  /** @param offers what differs from the device, for tests */
  constructor(device: GPUDevice, info: GPUAdapterInfo, offers: Pick<Offers, "subgroups"> & Partial<Offers>) {
    super(device, info);
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    this.bindingBytes = offers.bindingBytes ?? Math.min(maxStorageBufferBindingSize, maxBufferSize);
    this.subgroups = offers.subgroups;
    this.#loss = device.lost.then(({ message }) => {
      const why = message ? `: ${message.trim().replace(/\.$/, "")}` : "";
      this.#lost = new UserError(`webgpu: the device was lost${why}; what it held is gone`);
    });
  }

  /** @throws UserError when the device is lost */
  #requireDevice(): void {
    if (this.#lost) throw this.#lost;
  }

  override runWebGPUProgram(
    ...[program, inputs, ...rest]: Parameters<WebGPUBackend["runWebGPUProgram"]>
  ): ReturnType<WebGPUBackend["runWebGPUProgram"]> {
    this.#requireDevice();
    const { constructor, shaderKey, variableNames, outputShape } = program;
    const name = () => constructor.name === "Object" ? shaderKey : constructor.name;
    requireBindable(
      { what: () => `the result of ${name()}`, shape: rest[2]?.shape ?? outputShape },
      this.bindingBytes,
    );
    inputs.forEach(({ shape }, k) =>
      requireBindable({ what: () => `the input ${variableNames[k]} of ${name()}`, shape }, this.bindingBytes)
    );
    try {
      return super.runWebGPUProgram(program, inputs, ...rest);
    } catch (error) {
      throw (error as Error).name === "OperationError" ? refused(error as Error) : error;
    }
  }

  override async read(...args: Parameters<WebGPUBackend["read"]>): ReturnType<WebGPUBackend["read"]> {
    this.#requireDevice();
    try {
      const values = await super.read(...args);
      this.#requireDevice();
      return values;
    } catch (error) {
      await Promise.race([this.#loss, new Promise((resolve) => setTimeout(resolve, WORD_OF_LOSS))]);
      throw this.#lost ?? error;
    }
  }
}

/** The word that the device is lost comes later than the first refusal. */
function refused(cause: Error): UserError {
  return new UserError(
    `webgpu: the device takes no more work (${cause.message}): it was lost, or its memory is full; lower ` +
      "input.crop or training.batch",
    { cause },
  );
}

/**
 * Asks for the device and makes the backend on it. @throws Error when there is no adapter or it gives no device
 */
export async function makeBackend(): Promise<DeviceBackend> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no WebGPU adapter found");
  const device = await requestDevice(adapter);
  return new DeviceBackend(device, adapter.info, { subgroups: await addsInSubgroups(device) });
}

/** A device with subgroups if the adapter grants them; some grant what they do not list. */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const timed = adapter.features.has("timestamp-query") ? ["timestamp-query"] : [];
  const { limits } = adapter;
  const requiredLimits = {
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxBufferSize: limits.maxBufferSize,
    maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
  };
  const ask = (features: readonly string[]) =>
    adapter.requestDevice({ requiredFeatures: features as GPUFeatureName[], requiredLimits });
  try {
    return await ask([...timed, "subgroups"]);
  } catch {
    return await ask(timed);
  }
}

/** Every thread of two workgroups adds up what the threads of its own have. */
const TRIAL = `
  var<private> localId : vec3<u32>;
  @group(0) @binding(0) var<storage, read_write> result : array<f32>;
  ${togetherSum(true)}
  @compute @workgroup_size(${THREADS})
  fn start(@builtin(local_invocation_id) local : vec3<u32>, @builtin(workgroup_id) group : vec3<u32>) {
    localId = local;
    result[group.x * ${THREADS}u + local.x] = together(f32(local.x + group.x));
  }`;

/**
 * Whether sums by subgroups come out right. The language has no word yet on which threads form a subgroup, so
 * it is tried on the device itself; some compilers also want a line at the top of a shader, where tfjs lets
 * nobody write.
 */
export async function addsInSubgroups(device: GPUDevice): Promise<boolean> {
  if (!new Set<string>(device.features).has("subgroups")) return false;
  device.pushErrorScope("validation");
  const sums = trial(device);
  const error = await device.popErrorScope();
  const found = await sums;
  const sum = THREADS * (THREADS - 1) / 2;
  return error === null && found.length === 2 * THREADS &&
    found.every((value, k) => value === sum + (k < THREADS ? 0 : THREADS));
}

/** What the threads of the trial found; zeros where it did not run. */
async function trial(device: GPUDevice): Promise<readonly number[]> {
  const size = 2 * THREADS * 4;
  const result = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const host = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  try {
    const module = device.createShaderModule({ code: TRIAL });
    const pipeline = device.createComputePipeline({
      compute: { module, entryPoint: "start" },
      layout: "auto",
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer: result } }],
      }),
    );
    pass.dispatchWorkgroups(2);
    pass.end();
    encoder.copyBufferToBuffer(result, 0, host, 0, size);
    device.queue.submit([encoder.finish()]);
    await host.mapAsync(GPUMapMode.READ);
    return [...new Float32Array(host.getMappedRange())];
  } catch {
    return [];
  } finally {
    result.destroy();
    host.destroy();
  }
}
