/**
 * The backends, in the order in which `auto` tries them: a GPU if there is one, then the processor as fast as
 * it goes. To add a backend, write its record and put it into this list.
 */
import type { Backend } from "./backend.ts";
import { cpu } from "./cpu.ts";
import { native } from "./native/backend.ts";
import { tensorflow } from "./tensorflow/backend.ts";
import { wasm } from "./wasm/backend.ts";
import { webgpu } from "./webgpu/backend.ts";

/** Every backend that a recipe can name. */
export const BACKENDS: readonly Backend[] = [tensorflow, webgpu, native, wasm, cpu];

/**
 * The backends for looking at a run while it trains: they leave the GPU alone, and their values can be read
 * at once.
 */
export const READABLE: readonly Backend[] = BACKENDS.filter(({ readable, gpu }) => readable && !gpu);
