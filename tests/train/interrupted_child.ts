/** Interrupts a run after its second step, while workers prepare the next ones, and must then end by itself. */
import { selectBackend } from "../../backends/select.ts";
import { diskFiles } from "../../datasets/files.ts";
import { train } from "../../train/mod.ts";
import { planned, STREET } from "../datasets/workers/disk.ts";
import { tinyPlan } from "./fakes.ts";

await selectBackend("cpu");
const [dataset, origin] = planned("street", STREET);
const control = new AbortController();
const plan = tinyPlan({
  data: {
    root: "",
    source: dataset,
    target: dataset,
    splits: { val: dataset },
    origins: new Map([[dataset, origin]]),
  },
  input: { ...tinyPlan().input, workers: 2 },
}, { batch: 4 });
const result = await train(plan, {
  runDir: Deno.args[0]!,
  signal: control.signal,
  files: diskFiles(),
  onEvent: (event) => {
    if (event.type === "step" && event.step === 2) control.abort();
  },
});
console.log(JSON.stringify(result));
