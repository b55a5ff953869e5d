/**
 * Training steps of ResNet-101 at growing crops, keeping everything for the gradient or computing blocks
 * again:
 *
 *     deno task bench checkpointing
 */
import { runOurs } from "./processes.ts";
import { record } from "./record.ts";

const WORKS = [[129, false], [129, true], [321, false], [321, true], [473, false], [473, true], [
  730,
  true,
]] as const;

/** Measures each crop in a process of its own. */
export async function checkpointing(): Promise<void> {
  const rows: string[][] = [];
  for (const [crop, again] of WORKS) {
    const steps = crop < 400 ? "3" : "1";
    const args = ["step", "[3,4,23,3]", "1", `${crop}`, "1", steps, ...again ? ["checkpointing"] : []];
    const { seconds, peak } = await runOurs(args);
    rows.push([`${crop}x${crop}`, again ? "yes" : "no", seconds.toFixed(2), peak.toFixed(2)]);
    console.log(rows.at(-1)!.join(" | "));
  }
  await record("checkpointing", {
    title: "Larger crops by checkpointing",
    text: [
      "A training step of ResNet-101 with the full objective, one image of each domain, in a process of its own: median of " +
      "three steps after the first, of one from 473x473 on; memory is the highest resident set. Tensors have 4 GB at " +
      "the most.",
    ],
    columns: ["crop", "`checkpointing`", "s a step", "GB"],
    rows,
    commands: ["deno task bench checkpointing"],
  });
}
