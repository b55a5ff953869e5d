/** `deno task bench [NAME [ARGUMENT...]]`: measures and writes bench/RESULTS.md. */
import { camvid } from "./camvid.ts";
import { speed } from "./speed.ts";
import { street } from "./street.ts";

const BENCHMARKS: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  speed,
  street,
  camvid,
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
