/**
 * Survival of faults: runs are killed, disks fill up, clocks jump, workers die, many times each, and one run
 * is long. It counts how many runs could be resumed to the bits of an undisturbed one:
 *
 *     deno task bench faults
 */
import { drawnRows, inject } from "../tests/faults/main.ts";
import { SCENARIOS } from "../tests/faults/scenarios.ts";
import { soakApart } from "../tests/faults/soak.ts";
import { record } from "./record.ts";

/** Injects the faults; the long run takes 3000 steps beside them. */
export async function faults(): Promise<void> {
  const tell = (line: string) => console.error(line);
  const [tried, long] = await Promise.all([
    inject(SCENARIOS, { times: undefined, tell }),
    soakApart(3000),
  ]);
  tried.push(long);
  const { head, rows } = drawnRows(tried);
  await record("faults", {
    title: "Faults",
    text: [
      "Faults injected into whole runs in processes of their own: 24 steps of a small network on drawn streets, native " +
      "backend, a checkpoint after every step, a loader worker. Survived: the run was resumed and its last checkpoint " +
      "and evaluation are byte for byte those of the undisturbed run or, where nothing can be resumed, it ended with " +
      "one clear message and whole checkpoints. Steps again: computed twice, at the most in one attempt. The long run " +
      "trains the default recipe's network, with a validation every 100 and a checkpoint every 50 steps.",
    ],
    columns: head,
    rows,
    commands: ["deno task bench faults", "deno task test:faults # the same with a shorter run, as a table"],
  });
}
