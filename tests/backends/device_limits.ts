/** Nothing of ours is given more of a tensor than a device takes, and what is too large ends with an error. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { DeviceBackend } from "../../backends/webgpu/device.ts";
import { requireBindable } from "../../backends/webgpu/limits.ts";
import { webgpuKernels } from "../../backends/webgpu/kernels.ts";
import { UserError } from "../../core/errors.ts";
import type { Kernels, Shape4D } from "../../ops/kernel_types.ts";
import { portable } from "../../ops/portable.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, relative } from "../goldens.ts";

function random(shape: readonly number[], name: string): tf.Tensor {
  return tf.tensor(normals(shape.reduce((a, b) => a * b, 1), 1, name), [...shape]);
}

/**
 * Runs `f` with the kernels of a device that gives shaders at most so many bytes of a tensor. @returns the most
 * that shaders of ours were given; those of tfjs lay out small convolutions as they like
 */
async function within(limit: number, f: (kernels: Partial<Kernels>) => Promise<void>): Promise<number> {
  const backend = tf.backend() as DeviceBackend;
  const { runWebGPUProgram } = backend;
  let most = 0;
  backend.runWebGPUProgram = (program, inputs, dtype, uniforms, output) => {
    const shapes = [output?.shape ?? program.outputShape, ...inputs.map((input) => input.shape)];
    for (const shape of program.shaderKey.startsWith("plca_") ? shapes : []) {
      most = Math.max(most, 4 * shape.reduce((a, b) => a * b, 1));
    }
    return runWebGPUProgram.call(backend, program, inputs, dtype, uniforms, output);
  };
  try {
    await f(webgpuKernels({ bindingBytes: limit, subgroups: backend.subgroups }));
  } finally {
    backend.runWebGPUProgram = runWebGPUProgram;
  }
  return most;
}

async function close(actual: tf.Tensor, expected: tf.Tensor): Promise<void> {
  const [a, b] = await Promise.all([actual.data(), expected.data()]);
  const error = relative(a as Float32Array, b as Float32Array);
  assert.ok(error < 1e-5, `off by ${error}`);
  tf.dispose([actual, expected]);
}

/** Registers the tests. */
export function testDeviceLimits(): void {
  const window = { stride: 1, padding: 2, dilation: 2 };
  const xShape: Shape4D = [2, 16, 16, 8], dyShape: Shape4D = [2, 16, 16, 9];
  const filterShape: Shape4D = [3, 3, 8, 9];

  // An image of dy has 9,216 bytes; with its margin, as the input's gradient needs it, 14,400.
  for (const [images, limit] of [[2, 28_800], [2, 18_432], [1, 14_399], [1, 9_216]] as const) {
    backendTest("webgpu", `input gradients of ${images} images, tensors of ${limit} bytes`, async () => {
      const filter = random(filterShape, "filter") as tf.Tensor4D;
      const dy = random([images, ...dyShape.slice(1)], "dy") as tf.Tensor4D;
      const shape: Shape4D = [images, 16, 16, 8];
      const expected = tf.tidy(() => portable.conv2dInputGradient(dy, filter, shape, window));
      const most = await within(limit, async ({ conv2dInputGradient }) => {
        await close(tf.tidy(() => conv2dInputGradient!(dy, filter, shape, window)), expected);
      });
      assert.ok(most <= limit, `${most} bytes`);
      tf.dispose([filter, dy]);
    });
  }

  backendTest("webgpu", "input gradients of spread pixels in bands of rows", async () => {
    const stride2 = { stride: 2, padding: 1, dilation: 1 }, shape: Shape4D = [2, 15, 11, 8];
    const filter = random([3, 3, 8, 9], "filter") as tf.Tensor4D;
    const dy = random([2, 8, 6, 9], "dy") as tf.Tensor4D;
    const expected = tf.tidy(() => portable.conv2dInputGradient(dy, filter, shape, stride2));
    // A row of the spread image has 468 bytes: bands of three rows. The largest is dy itself.
    const most = await within(5 * 468, async ({ conv2dInputGradient }) => {
      await close(tf.tidy(() => conv2dInputGradient!(dy, filter, shape, stride2)), expected);
    });
    assert.equal(most, 4 * 2 * 8 * 6 * 9);
    tf.dispose([filter, dy]);
  });

  backendTest(
    "webgpu",
    "filter gradients, Lovasz and blocks of rows keep to the device's limit",
    async () => {
      const limit = 40_000;
      const p = tf.softmax(random([500, 19], "p")) as tf.Tensor2D;
      const labels = tf.tensor1d(Int32Array.from({ length: 500 }, (_, k) => k % 19), "int32");
      // All 19 classes sorted at once would be 76,000 bytes.
      const { loss, gradient } = webgpuKernels().lovasz!(p, labels);
      const most = await within(limit, async ({ conv2dFilterGradient, lovasz, deviceRows }) => {
        const x = random(xShape, "x") as tf.Tensor4D, dy = random(dyShape, "dy") as tf.Tensor4D;
        await close(
          conv2dFilterGradient!(dy, x, filterShape, window),
          tf.tidy(() => portable.conv2dFilterGradient(dy, x, filterShape, window)),
        );
        const some = lovasz!(p, labels);
        await close(some.gradient, gradient);
        await close(some.loss, loss);
        const rows = deviceRows!.blockRows(300);
        assert.ok(rows >= 1 && rows * 300 * 4 <= limit, `${rows} rows`);
        tf.dispose([x, dy, p, labels]);
      });
      assert.ok(most <= limit, `${most} bytes`);
    },
  );

  backendTest("webgpu", "a tensor that no shader can be given is named, with what to lower", () => {
    const large = { what: () => "the result of UpsampleProgram", shape: [8, 730, 730, 19] };
    assert.throws(() => requireBindable(large, 2 ** 27), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(
        error.message,
        "webgpu: the result of UpsampleProgram [8, 730, 730, 19] takes 324 MB, and this device gives a shader at " +
          "most 134.2 MB of one tensor (maxStorageBufferBindingSize); lower input.crop or training.batch; for " +
          "predictions lower evaluation.size or set evaluation.window",
      );
      return true;
    });
    requireBindable(large, 4 * 8 * 730 * 730 * 19);
    return Promise.resolve();
  });

  backendTest("webgpu", "operators of TensorFlow.js are looked at as well, results and inputs", () => {
    const { device, subgroups } = tf.backend() as DeviceBackend;
    const small = new DeviceBackend(device, {} as GPUAdapterInfo, { subgroups, bindingBytes: 4_000 });
    const current = tf.backend() as DeviceBackend;
    const x = current.makeTensorInfo([1001], "float32", new Float32Array(1001));
    assert.throws(
      () => small.runWebGPUProgram(program("Spread", [1001]), [], "float32"),
      /^UserError: webgpu: the result of Spread \[1001\] takes 0\.004004 MB, and this device gives a shader at most 0\.004 MB/,
    );
    assert.throws(
      () => small.runWebGPUProgram(program("Narrow", [1]), [x], "float32"),
      /^UserError: webgpu: the input x of Narrow \[1001\] takes 0\.004004 MB/,
    );
    current.disposeData(x.dataId);
    return Promise.resolve();
  });
}

/** A program that is never compiled. */
function program(shaderKey: string, outputShape: number[]) {
  return {
    variableNames: ["x"],
    outputShape,
    shaderKey,
    dispatch: [1, 1, 1] as [number, number, number],
    dispatchLayout: { x: [0] },
    workgroupSize: [64, 1, 1] as [number, number, number],
    getUserCode: () => "",
  };
}
