/**
 * The kernels of the WASM heap, in AssemblyScript: TypeScript's syntax, WebAssembly's types. `deno task kernels`
 * compiles them to ../simd.wasm.
 *
 * Conventions. An argument of type usize is an address in the heap, in bytes; 0 stands for "absent" where a kernel
 * says so. Tensors are contiguous and float32 unless said otherwise; [a, b] means b changes first. A kernel checks
 * nothing and allocates nothing: results and scratch memory are the caller's, and must not overlap the inputs unless
 * the kernel works in place. Loops take four numbers at a time, then the rest one by one, by the same arithmetic.
 * Long sums are kept in float32 for a while and then carried to float64, so that they do not lose digits. Kernels
 * that work number by number pass NaN on, so that a fault is seen.
 */
export * from "./rows";
export * from "./row_gradients";
export * from "./tables";
export * from "./channels";
export * from "./windows";
export * from "./winograd";
export * from "./update";
export * from "./leaky_relu";
export * from "./tokens";
export * from "./attention";
export * from "./depthwise";
