/**
 * Runs the JavaScript of `@tensorflow/tfjs-node` inside of Deno, without installing what the package depends
 * on. Its files are CommonJS; they are read, run with a `require` of our own, and get our copy of tfjs-core,
 * so that both share one engine, and substitutes for what today's runtimes no longer have. The files stay as
 * they were published.
 */
import * as tf from "@tensorflow/tfjs-core";
import { createRequire } from "node:module";
import { endianness } from "node:os";
import { dirname, join } from "node:path";
import type { Installed } from "./place.ts";

/** The addon: TensorFlow's eager C interface. It holds tensors and is called with their ids. */
export interface Binding {
  readonly TF_Version: string;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  isUsingGpuDevice(): boolean;
  /** Tensors that TensorFlow holds for us. */
  getNumOfTensors(): number;
}

/** One attribute of an operator. */
export interface Attribute {
  readonly name: string;
  /** One of the binding's `TF_ATTR_`. */
  readonly type: number;
  readonly value: number | boolean | string | readonly number[];
}

/** The part of the package's backend that is called here. */
export interface NodeBackend extends tf.KernelBackend {
  readonly binding: Binding;
  readonly isUsingGpuDevice: boolean;
  /** Runs any operator of TensorFlow. @throws Error with TensorFlow's message */
  executeSingleOutput(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
  ): tf.Tensor;
  /** The same for operators with several results. */
  executeMultipleOutputs(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[];
}

interface BackendModule {
  readonly NodeJSKernelBackend: new (binding: Binding, packageName: string) => NodeBackend;
}

/** The modules outside of the package that its files require. */
const GIVEN: Readonly<Record<string, unknown>> = {
  "@tensorflow/tfjs": tf,
  "@tensorflow/tfjs-core": tf,
  util: {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  },
  os: { endianness },
  // Messages for TensorBoard, which would need google-protobuf.
  "./proto/api_pb": {},
};

/**
 * Loads the addon and with it TensorFlow. @throws Error when a library is missing, or the addon lacks a
 * function
 */
export function loadBinding(folder: string, { addon }: Installed): Binding {
  const loaded = createRequire(import.meta.url)(join(folder, addon)) as
    & Partial<Binding>
    & { readonly failure?: string };
  if (loaded.failure !== undefined) throw new Error(loaded.failure);
  if (typeof loaded.isUsingGpuDevice !== "function") {
    throw new Error(`${join(folder, addon)} has none of the functions that plca calls`);
  }
  return loaded as Binding;
}

/** Registers the package's kernels with our tensor library and creates its backend. */
export function loadBackend(folder: string, installed: Installed, binding: Binding): NodeBackend {
  const files = commonFiles();
  const dist = join(folder, installed.dist);
  const { NodeJSKernelBackend } = files(join(dist, "nodejs_kernel_backend.js")) as BackendModule;
  files(join(dist, "register_all_kernels.js"));
  return new NodeJSKernelBackend(binding, installed.package);
}

/** A function that runs a CommonJS file once and returns its exports. */
function commonFiles(): (path: string) => unknown {
  const loaded = new Map<string, { exports: unknown }>();
  const load = (path: string): unknown => {
    const known = loaded.get(path);
    if (known) return known.exports;
    const module = { exports: {} as unknown };
    loaded.set(path, module);
    const require = (name: string) => {
      if (name in GIVEN) return GIVEN[name];
      if (!name.startsWith(".")) throw new Error(`${path} asks for ${name}, which plca does not give it`);
      return load(`${join(dirname(path), name)}.js`);
    };
    // The last line names the file in stack traces.
    const body = `${Deno.readTextFileSync(path)}\n//# sourceURL=file://${path}`;
    // Warnings of its own about int64 would land in a run's output.
    new Function("require", "module", "exports", "console", body)(require, module, module.exports, {
      warn() {},
    });
    return module.exports;
  };
  return load;
}
