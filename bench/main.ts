/** `deno task bench [NAME [ARGUMENT...]]`: measures and writes bench/RESULTS.md. */
import { association } from "./association.ts";
import { camvid } from "./camvid.ts";
import { step } from "./step.ts";
import { street } from "./street.ts";
import { webgpu } from "./webgpu.ts";

const BENCHMARKS: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  association,
  step,
  street,
  camvid,
  webgpu,
};

const [name, ...args] = Deno.args;
const chosen = name === undefined ? undefined : BENCHMARKS[name];
if (chosen === undefined) {
  console.error(`deno task bench NAME [ARGUMENT...], with NAME one of ${Object.keys(BENCHMARKS).join(", ")}`);
  Deno.exit(2);
}
await chosen(args);
// ONNX Runtime's threads would keep the process alive.
Deno.exit(0);
