/** A server of a small made-up run. */
import { join } from "node:path";
import { diskRun } from "../../run_folder/files.ts";
import { LiveRun } from "../../run_folder/follow.ts";
import { serve, type Served, type Viewing } from "../../view/server.ts";
import { inFolder } from "../cli/fake_host.ts";

/** What a test may change. */
export type Change = Partial<Served>;

/** A run's log with these steps. */
export function logOf(phase: string, steps: number): string {
  const lines: object[] = [{ type: "start", phase, steps: 100, batch: 2 }];
  for (let step = 1; step <= steps; step++) {
    lines.push({
      type: "step",
      phase,
      step,
      steps: 100,
      rate: 5,
      terms: { ce: 1 / step },
      total: 1 / step,
      learningRate: 0.1,
    });
  }
  return lines.map((line) => `${JSON.stringify({ time: "2030-01-02T00:00:00.000Z", ...line })}\n`).join("");
}

/** Serves a folder with a log of three steps while `body` runs. */
export async function withServer(
  change: Change,
  body: (server: Viewing, folder: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "events.jsonl"), logOf("tiny", 3));
    const server = serve({
      html: "<!doctype html><title>page</title>",
      live: new LiveRun(diskRun(folder, "run"), 20),
      report: ({ phases }) => ({
        title: "run",
        made: "",
        version: "",
        runs: [{
          title: "run",
          state: "running",
          facts: [],
          phases: phases.map(({ name, log }) => ({
            name,
            step: log?.done ?? 0,
            steps: log?.steps ?? 0,
            curves: {},
            medians: {},
            miou: { x: [], y: [] },
          })),
          notes: [],
        }],
        differences: [],
        groups: [],
      }),
      pictures: () => Promise.resolve({ withoutPictures: "none" }),
      explorer: "no term of this run associates pixels",
      onBug: (error) => {
        throw error;
      },
      ...change,
    }, 0);
    try {
      await body(server, folder);
    } finally {
      await server.close();
    }
  });
}
