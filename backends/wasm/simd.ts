/**
 * Calls the fused kernels of simd/, which work on tensors where they lie. They are AssemblyScript: `deno task
 * kernels` compiles simd/ to simd.wasm, a second WASM module that is given the memory of the first. All
 * arguments are numbers: addresses in bytes, counts and factors; simd/ documents them for each kernel. No
 * argument is checked.
 */
import { heapMemory } from "./heap.ts";

type Numbers = readonly number[];

/** The exported functions. */
export type SimdKernel =
  | "summariseRows"
  | "softmaxRows"
  | "peakGradientTile"
  | "softmaxGradientRows"
  | "symmetricGradientTile"
  | "inverseNorms"
  | "rowDots"
  | "acrossRows"
  | "subtractRows"
  | "gatherRows"
  | "addRows"
  | "transpose"
  | "channelStatistics"
  | "normalizeChannels"
  | "channelGradientSums"
  | "channelGradient"
  | "patches"
  | "addPatches"
  | "winogradInput"
  | "winogradOutput"
  | "winogradSlopes"
  | "winogradFilter"
  | "winogradFilterGradient"
  | "maxPool"
  | "maxPoolGradient"
  | "leakyRelu"
  | "leakyReluGradient"
  | "sgdStep"
  | "addSum"
  | "layerNorm"
  | "layerNormGradient"
  | "columnSums"
  | "addRow"
  | "gelu"
  | "geluGradient"
  | "geluArguments"
  | "geluSlope"
  | "splitHeads"
  | "softmaxScores"
  | "softmaxScoresGradient"
  | "depthwise"
  | "depthwiseScatter"
  | "depthwiseFilterGradient";

let loaded: { readonly memory: WebAssembly.Memory; readonly exports: WebAssembly.Exports } | undefined;

/** Calls a kernel. The module is compiled at the first call. */
export function simd(name: SimdKernel, ...args: Numbers): void {
  const memory = heapMemory();
  if (loaded?.memory !== memory) {
    const module = new WebAssembly.Module(Deno.readFileSync(new URL("simd.wasm", import.meta.url)));
    loaded = { memory, exports: new WebAssembly.Instance(module, { env: { memory } }).exports };
  }
  (loaded.exports[name] as (...args: Numbers) => void)(...args);
}
