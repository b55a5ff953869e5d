import "@tensorflow/tfjs-backend-wasm";
import type { Kernels } from "../../ops/kernel_types.ts";
import { replaceKernels } from "../../ops/kernels.ts";
import type { Started } from "../backend.ts";
import { useEngine } from "../engine.ts";
import { heapSoftmax } from "./attention.ts";
import { copySlice } from "./copy_slice.ts";
import { heapKernels } from "./kernels.ts";
import { limitsOf } from "./limits.ts";
import { heapRoom } from "./room.ts";
import { knowLibrary, knownKernels } from "./running.ts";
import { registerMissingGradients } from "./missing_gradients.ts";
import { copiedProducts } from "./products.ts";
import { shareIdentity } from "./share_identity.ts";

/**
 * Makes the WASM module current, with room.ts and the two mended kernels that `wasm` and `native` need.
 * @param memory bytes that tensors may take; absent: what the machine has free
 * @throws Error when it does not start
 */
export async function startHeap(memory?: number): Promise<Started> {
  await useEngine("wasm");
  const room = heapRoom();
  room.limit(limitsOf(memory));
  shareIdentity();
  copySlice();
  registerMissingGradients();
  return { moved: () => room.moved };
}

/**
 * Makes the backend `wasm` current.
 * @param memory as for {@linkcode startHeap}
 * @throws Error when it does not start
 */
export async function startWasm(memory?: number): Promise<Started> {
  const started = await startHeap(memory);
  useKernels(heapKernels(copiedProducts, heapSoftmax));
  return started;
}

/** Makes operators use these kernels. From now on room.ts knows which kernel runs. */
export function useKernels(kernels: Partial<Kernels>): void {
  knowLibrary("wasm");
  replaceKernels("wasm", knownKernels(kernels));
}
