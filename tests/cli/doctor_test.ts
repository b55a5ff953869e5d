import assert from "node:assert/strict";
import { backendLine } from "../../cli/doctor.ts";

Deno.test("doctor tells a GPU, a software adapter that auto refuses, and a missing backend apart", () => {
  const name = "webgpu";
  assert.deepEqual(
    [
      backendLine({ name, available: true, detail: "nvidia RTX" }),
      backendLine({
        name,
        available: true,
        software: true,
        detail: "only a software adapter (llvmpipe)",
      }),
      backendLine({ name, available: false, detail: "no WebGPU adapter found" }),
    ],
    [
      "  webgpu     found          nvidia RTX",
      "  webgpu     software only  only a software adapter (llvmpipe)",
      "  webgpu     missing        no WebGPU adapter found",
    ],
  );
});
