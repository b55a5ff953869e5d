/** Sets up the tensor engine: the only global state of plca. */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-layers"; // registers the gradients
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import { UserError } from "../core/errors.ts";
import type { BackendName } from "../core/plan.ts";
import { copySlice } from "./wasm/copy_slice.ts";
import { copiedMultiply } from "./wasm/products.ts";
import { guardHeap } from "./wasm/guard_heap.ts";
import { heapKernels } from "./wasm/kernels.ts";
import { shareIdentity } from "./wasm/share_identity.ts";
import { replaceKernels } from "../ops/kernels.ts";

/** What was chosen. */
export interface SelectedBackend {
  /** What tensors now run on. */
  readonly name: BackendName;
  /** Why a faster one was not, one line each. */
  readonly notes: readonly string[];
}

/** One line of `plca doctor`. */
export interface BackendReport {
  /** As in `backend:`. */
  readonly name: BackendName;
  /** Whether it can be selected here. */
  readonly available: boolean;
  /** A GPU that the processor imitates: `auto` does not take it. */
  readonly software?: boolean;
  /** What was found, or why it cannot be used. */
  readonly detail: string;
}

/**
 * Makes a backend current. `auto` takes TensorFlow where it is installed and sees a CUDA device, WebGPU when it sees a
 * real GPU, then `native`, then `wasm`.
 * One process uses one of `native` and `wasm`, since both live in the same WASM module.
 * @throws UserError when the named backend cannot be used here
 */
export async function selectBackend(name: BackendName | "auto"): Promise<SelectedBackend> {
  if (name !== "auto") {
    const failure = await start(name);
    if (failure !== undefined) throw new UserError(`backend ${name} cannot be used here: ${failure}`);
    return { name, notes: [] };
  }
  const notes: string[] = [];
  const { takesCuda } = await import("./tensorflow/start.ts");
  const tensorflow = takesCuda();
  const unusable = tensorflow.takes ? await start("tensorflow") : tensorflow.reason;
  if (tensorflow.takes && unusable === undefined) return { name: "tensorflow", notes };
  if (unusable !== undefined) notes.push(`tensorflow: ${unusable}`);
  const gpu = await describeGpu();
  if (gpu.real) {
    const failure = await start("webgpu");
    if (failure === undefined) return { name: "webgpu", notes };
    notes.push(`webgpu: ${failure}`);
  } else {
    notes.push(`webgpu: ${gpu.detail}`);
  }
  for (const candidate of ["native", "wasm"] as const) {
    const failure = await start(candidate);
    if (failure === undefined) return { name: candidate, notes };
    notes.push(`${candidate}: ${failure}`);
  }
  throw new UserError(`no tensor backend can be used here\n${notes.join("\n")}`);
}

/** What each backend needs and whether it is there. Does not change the current backend. */
export async function inspectBackends(): Promise<readonly BackendReport[]> {
  const { findTensorflow } = await import("./tensorflow/start.ts");
  let tensorflow: BackendReport;
  try {
    tensorflow = { name: "tensorflow", available: true, detail: findTensorflow().detail };
  } catch (error) {
    tensorflow = { name: "tensorflow", available: false, detail: message(error) };
  }
  const gpu = await describeGpu();
  let native: BackendReport;
  try {
    const { loadRuntime } = await import("./native/runtime.ts");
    native = { name: "native", available: true, detail: loadRuntime() };
  } catch (error) {
    native = { name: "native", available: false, detail: message(error) };
  }
  return [
    tensorflow,
    { name: "webgpu", available: gpu.found, software: gpu.found && !gpu.real, detail: gpu.detail },
    native,
    { name: "wasm", available: true, detail: "TensorFlow.js WASM" },
    { name: "cpu", available: true, detail: "plain JavaScript, for checking only: very slow" },
  ];
}

async function start(name: BackendName): Promise<string | undefined> {
  try {
    if (name === "tensorflow") {
      const { startTensorflow } = await import("./tensorflow/start.ts");
      await startTensorflow();
      return undefined;
    }
    if (name === "webgpu") {
      await import("@tensorflow/tfjs-backend-webgpu");
      const { webgpuKernels } = await import("./webgpu/kernels.ts");
      replaceKernels("webgpu", webgpuKernels());
    }
    if (!await tf.setBackend(name === "native" ? "wasm" : name)) return "it failed to start";
    await tf.ready();
    if (name === "native" || name === "wasm") {
      guardHeap();
      shareIdentity();
      copySlice();
    }
    if (name === "native") {
      const { nativeKernels } = await import("./native/kernels.ts");
      replaceKernels("wasm", nativeKernels());
    } else if (name === "wasm") {
      replaceKernels("wasm", heapKernels(copiedMultiply));
    }
    return undefined;
  } catch (error) {
    return message(error);
  }
}

async function describeGpu(): Promise<{ found: boolean; real: boolean; detail: string }> {
  try {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) return { found: false, real: false, detail: "no WebGPU adapter found" };
    const { vendor, device, description } = adapter.info;
    const label = [vendor, device, description].filter((part) => part).join(" ");
    const software = /llvmpipe|swiftshader|lavapipe|software/i.test(label);
    return { found: true, real: !software, detail: software ? `only a software adapter (${label})` : label };
  } catch (error) {
    return { found: false, real: false, detail: message(error) };
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
