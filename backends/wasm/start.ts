import "@tensorflow/tfjs-backend-wasm";
import type { Kernels } from "../../ops/kernel_types.ts";
import { replaceKernels } from "../../ops/kernels.ts";
import { useEngine } from "../engine.ts";
import { heapSoftmax } from "./attention.ts";
import { copySlice } from "./copy_slice.ts";
import { heapKernels } from "./kernels.ts";
import { limitsOf } from "./limits.ts";
import { heapRoom } from "./room.ts";
import { knowLibrary, knownKernels } from "./running.ts";
import { copiedMultiply, copiedMultiplyPlanes } from "./products.ts";
import { shareIdentity } from "./share_identity.ts";

/** Makes the WASM module current and mends what both backends in it need. @throws Error when it does not start */
export async function startHeap(): Promise<void> {
  await useEngine("wasm");
  heapRoom().limit(limitsOf());
  shareIdentity();
  copySlice();
}

/** Makes the backend `wasm` current. @throws Error when it does not start */
export async function startWasm(): Promise<void> {
  await startHeap();
  useKernels(heapKernels(copiedMultiply, { multiply: copiedMultiplyPlanes, softmax: heapSoftmax }));
}

/** Makes operators use these kernels, and lets the room in the heap know which kernel runs. */
export function useKernels(kernels: Partial<Kernels>): void {
  knowLibrary("wasm");
  replaceKernels("wasm", knownKernels(kernels));
}
