/**
 * The places where NVIDIA's driver puts the library that TensorFlow opens. Device files themselves cannot be
 * looked for without wide permissions.
 */
export const CUDA_DRIVERS: readonly string[] = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/usr/local/nvidia/lib64",
  "/usr/lib/wsl/lib",
  "/run/opengl-driver/lib",
].map((folder) => `${folder}/libcuda.so.1`);

/** Whether a CUDA driver is installed; undefined if reading these places is not permitted. Loads nothing. */
export function hasCudaDriver(): boolean | undefined {
  for (const path of CUDA_DRIVERS) {
    try {
      Deno.statSync(path);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return undefined;
    }
  }
  return false;
}
