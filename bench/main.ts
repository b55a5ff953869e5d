/**
 * `deno task bench [NAME [ARGUMENT...]]`: measures and writes bench/RESULTS.md; without a name all of
 * `EVERYTHING`.
 */
import { ablation } from "./ablation.ts";
import { backbones } from "./backbones.ts";
import { camvid } from "./camvid.ts";
import { clusters } from "./clusters.ts";
import { checkpointing } from "./checkpointing.ts";
import { exported } from "./export.ts";
import { faults } from "./faults.ts";
import { input } from "./input.ts";
import { methods } from "./methods.ts";
import { methodSteps } from "./method_steps.ts";
import { dinov2, levels, networks } from "./miniatures.ts";
import { pseudoLabels } from "./pseudo_labels.ts";
import { published } from "./published.ts";
import { report } from "./report.ts";
import { products, speed, steps } from "./speed.ts";
import { street } from "./street.ts";
import { view } from "./view.ts";
import { tensorflow } from "./tensorflow.ts";
import { gpu } from "./gpu.ts";

const BENCHMARKS: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  speed,
  products,
  steps,
  backbones,
  tensorflow,
  checkpointing,
  clusters,
  published,
  input,
  street,
  camvid,
  ablation,
  methods,
  "method-steps": methodSteps,
  "pseudo-labels": pseudoLabels,
  networks,
  levels,
  dinov2,
  faults,
  report,
  view,
  export: exported,
  gpu,
};

/** Minutes each; `street` trains six times, and `camvid` needs the data. */
const EVERYTHING = ["speed", "steps", "tensorflow", "checkpointing", "input"];

const [name, ...args] = Deno.args;
if (name !== undefined && BENCHMARKS[name] === undefined) {
  console.error(
    `deno task bench [NAME [ARGUMENT...]], with NAME one of ${Object.keys(BENCHMARKS).join(", ")}`,
  );
  Deno.exit(2);
}
for (const one of name === undefined ? EVERYTHING : [name]) await BENCHMARKS[one]!(args);
// The native library's threads would keep the process alive.
Deno.exit(0);
