/**
 * One part of the GPU benchmark in a process of its own, so that a lost device or a time limit ends that part
 * alone. Prints JSON, a line for each thing measured:
 *
 *     adapter|products|association|operators [--dawn FILE] [--small]
 *     step LAYERS WIDTH CROP IMAGES [--dawn FILE] [--small]
 *     mit-step SIZE CROP IMAGES [--dawn FILE] [--small]
 */
import { createRequire } from "node:module";
import { selectBackend } from "../../backends/select.ts";
import { measure } from "./measure.ts";
import { MATRIX_UNITS, PRODUCTS, timeProduct } from "./products.ts";
import { associations, mitStep, operators, step, type Work } from "./works.ts";

/** Of the rounds of one work. */
const SECONDS = 4;

const WANTED = ["shader-f16", "subgroups", "timestamp-query", MATRIX_UNITS];

interface Given {
  readonly small: boolean;
  readonly rest: readonly string[];
}

const PARTS: Readonly<Record<string, (given: Given) => Promise<void>>> = {
  async adapter() {
    const adapter = await findAdapter();
    const { vendor, architecture, device, description } = adapter.info;
    const units =
      (adapter.info as { subgroupMatrixConfigs?: Iterable<Record<string, unknown>> }).subgroupMatrixConfigs;
    const limits: Record<string, unknown> = {};
    for (const name in adapter.limits) limits[name] = adapter.limits[name as keyof GPUSupportedLimits];
    print({
      info: { vendor, architecture, device, description },
      features: [...adapter.features].sort(),
      limits,
      matrixUnits: [...units ?? []].map(({ componentType, resultComponentType, M, N, K }) =>
        `${componentType} to ${resultComponentType} ${M}x${N}x${K}`
      ),
    });
  },
  async products({ small }) {
    const adapter = await findAdapter();
    // Granted although not listed, at least by Deno: asking decides.
    const device = await firstDevice(adapter, [WANTED, WANTED.slice(0, 3), WANTED.slice(1, 3), []]);
    const granted = new Set<string>(device.features);
    print({ granted: [...granted].sort() });
    for (const product of PRODUCTS) {
      try {
        if (!product.features.every((name) => granted.has(name))) {
          throw new Error("the device has not all of " + product.features.join(", "));
        }
        print({ ...await timeProduct(device, product, small ? 256 : 4096) });
      } catch (error) {
        print({ name: product.name, refused: (error as Error).message.slice(0, 1000) });
      }
    }
  },
  association: ({ small }) => all(associations(small), small),
  operators: ({ small }) => all(operators(small), small),
  step: ({ small, rest: [layers, width, crop, images] }) =>
    whole(step(layers!, Number(width), Number(crop), Number(images)), small),
  "mit-step": ({ small, rest: [size, crop, images] }) =>
    whole(mitStep(size!, Number(crop), Number(images)), small),
};

/** Measures works one after another; one that is refused costs only itself. */
async function all(works: readonly Work[], small: boolean): Promise<void> {
  await selectBackend("webgpu");
  for (const work of works) {
    try {
      print(await measure(work, small ? 0 : SECONDS / 2));
    } catch (error) {
      print({ name: work.name, refused: (error as Error).message.slice(0, 1000) });
    }
  }
}

async function whole(work: Work, small: boolean): Promise<void> {
  await selectBackend("webgpu");
  print(await measure(work, small ? 0 : SECONDS));
}

async function findAdapter(): Promise<GPUAdapter> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no adapter");
  return adapter;
}

function print(value: unknown): void {
  console.log(JSON.stringify(value));
}

async function firstDevice(adapter: GPUAdapter, choices: readonly string[][]): Promise<GPUDevice> {
  const { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize } = adapter.limits;
  const { maxComputeInvocationsPerWorkgroup } = adapter.limits;
  for (const [k, features] of choices.entries()) {
    try {
      return await adapter.requestDevice({
        requiredFeatures: features as GPUFeatureName[],
        requiredLimits: {
          maxBufferSize,
          maxStorageBufferBindingSize,
          maxComputeWorkgroupStorageSize,
          maxComputeInvocationsPerWorkgroup,
        },
      });
    } catch (error) {
      if (k === choices.length - 1) throw error;
    }
  }
  throw new Error("no device");
}

/** Puts Dawn in the place of Deno's own WebGPU. */
function useDawn(addon: string): void {
  const { create, globals } = createRequire(import.meta.url)(addon);
  Object.assign(globalThis, globals);
  const toggles =
    "enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,use_vulkan_memory_model";
  const gpu = create([toggles, "backend=vulkan"]);
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
}

if (import.meta.main) {
  const [name, ...rest] = Deno.args;
  const dawn = rest.indexOf("--dawn");
  if (dawn >= 0) useDawn(rest.splice(dawn, 2)[1]!);
  const small = rest.indexOf("--small");
  if (small >= 0) rest.splice(small, 1);
  const part = PARTS[name ?? ""];
  if (part === undefined) throw new Error(`there is no part ${name}`);
  await part({ small: small >= 0, rest });
  Deno.exit(0);
}
