/** The files of ONNX Runtime Web that a page of `plca export` runs networks with. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { IN_PACKAGE } from "../core/packaged.ts";

/** Their names, for WebGPU and WebAssembly; the first is the script that the page starts. */
export const RUNTIME = [
  "ort.webgpu.min.js",
  "ort-wasm-simd-threaded.jsep.mjs",
  "ort-wasm-simd-threaded.jsep.wasm",
];

/** The package of these files alone that the npm package of plca comes with. */
const PART = "@plca/onnxruntime-web";

/** Where they lie. */
export function runtimeFolder(): string {
  const { resolve } = createRequire(import.meta.url);
  return dirname(IN_PACKAGE ? resolve(`${PART}/package.json`) : resolve("onnxruntime-web"));
}
