/**
 * How large a report of a long run is, and how soon and how smoothly a browser shows it:
 *
 *     deno task bench report
 *
 * A short run of the default recipe gets the log of one of 100,000 steps, every one of which is logged in
 * both phases. Needs Chromium.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { closeBrowser, withPage } from "../tests/browser.ts";
import { record } from "./record.ts";
import { median } from "./statistics.ts";

const STEPS = 100_000, VALIDATE_EVERY = 500, MEASURE_EVERY = 10, LOADS = 5;

/** What a browser tells of one load, in milliseconds. */
interface Load {
  readonly painted: number;
  readonly drawn: number;
  /** From a key press to the frame that shows it: the slowest. */
  readonly slowestKey: number;
}

/** Writes the run, its report, and opens it. */
export async function report(): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const run = join(folder, "long");
    const sets = ["training.steps=1", "training.validate_every=0"].flatMap((set) => ["--set", set]);
    await plca(["train", "street", "--run", run, ...sets]);
    await Deno.writeTextFile(join(run, "events.jsonl"), longLog());
    const logged = (await Deno.stat(join(run, "events.jsonl"))).size;
    const started = performance.now();
    await plca(["report", run]);
    const seconds = (performance.now() - started) / 1000;
    const file = join(run, "report.html");
    const size = (await Deno.stat(file)).size;
    const loads: Load[] = [];
    for (let k = 0; k < LOADS; k++) {
      await withPage({}, async ({ page }) => {
        await page.goto(`file://${file}`);
        await page.waitForSelector("main");
        loads.push(await page.evaluate(MEASURE));
      });
    }
    const middle = (of: keyof Load) => `${median(loads.map((load) => load[of])).toFixed(0)} ms`;
    const slowest = (of: keyof Load) => `${Math.max(...loads.map((load) => load[of])).toFixed(0)} ms`;
    await record("report", {
      title: "The report of 100,000 steps",
      text: [
        `A log of ${STEPS} steps in both phases, each of them logged with four losses, a validation every ` +
        `${VALIDATE_EVERY} and measurements every ${MEASURE_EVERY} steps (${
          (logged / 1e6).toFixed(0)
        } MB), becomes a ` +
        `page of ${(size / 1e6).toFixed(1)} MB with its images in ${
          seconds.toFixed(1)
        } s. Chromium opens it from the ` +
        `disk, ${LOADS} times, each time with nothing stored. Keys zoom and move in the first chart.`,
      ],
      columns: ["", "median", "slowest"],
      rows: [
        ["first contentful paint", middle("painted"), slowest("painted")],
        ["everything drawn", middle("drawn"), slowest("drawn")],
        ["slowest key until its frame", middle("slowestKey"), slowest("slowestKey")],
      ],
      commands: ["deno task bench report"],
    });
  } finally {
    await closeBrowser();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs in the page, whose charts are drawn. */
export const MEASURE = `(async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  await frame();
  const drawn = performance.now();
  const [{ startTime: painted }] = performance.getEntriesByName("first-contentful-paint");
  const plot = document.querySelector(".plot");
  let slowestKey = 0;
  for (const key of ["ArrowLeft", "+", "+", "ArrowLeft", "ArrowLeft", "+", "+", "-", "-", "Escape"]) {
    const started = performance.now();
    plot.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await frame();
    slowestKey = Math.max(slowestKey, performance.now() - started);
  }
  return { painted, drawn, slowestKey };
})()`;

/** Runs a command. @returns what it wrote @throws Error with what it said */
export async function plca(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "plca", ...args],
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The log of a run of two phases, 100,000 steps each. */
export function longLog(): string {
  const lines: string[] = [];
  let time = Date.UTC(2026, 0, 1);
  // A fixed sequence that looks like noise.
  let state = 1;
  const noise = () => (state = state * 48271 % 2147483647) / 2147483647 - 0.5;
  for (const phase of ["source-only", "street"]) {
    const write = (event: object) =>
      lines.push(JSON.stringify({ time: new Date(time).toISOString(), ...event }));
    write({ type: "start", phase, steps: STEPS, batch: 4 });
    for (let step = 1; step <= STEPS; step++) {
      time += 300;
      const decay = Math.exp(-3 * step / STEPS);
      const value = (level: number) => level * (decay + 0.3 + 0.2 * noise());
      const terms = {
        "cross-entropy": value(1),
        "lovasz-softmax": value(0.6),
        ...(phase === "street"
          ? {
            association: value(14),
            "association/layer4": value(7),
            "association/probabilities": value(7),
            "label-smoothing": value(2),
          }
          : {}),
      };
      const total = Object.values(terms).reduce((sum, term) => sum + term, 0);
      write({
        type: "step",
        phase,
        step,
        steps: STEPS,
        rate: 3 + noise(),
        terms,
        total,
        learningRate: 0.01 * (1 - step / STEPS) ** 0.9,
      });
      if (step % MEASURE_EVERY === 0) {
        const values = {
          "seconds/input": 0.01 + 0.01 * (noise() + 0.5),
          "seconds/forward": 0.1 + 0.02 * noise(),
          "seconds/backward": 0.2 + 0.02 * noise(),
          "gradient/total": value(3),
          "entropy/target": value(0.5),
          ...(phase === "street"
            ? {
              "association/layer4 covered": 0.4 + 0.2 * noise(),
              "association/layer4 correct": 1 - 0.5 * decay,
            }
            : {}),
        };
        write({ type: "diagnostics", phase, step, values });
      }
      if (step % VALIDATE_EVERY === 0) {
        const iou = Array.from({ length: 8 }, () => 0.5 * (1 - decay) + 0.05 * noise() + 0.03);
        const miou = iou.reduce((sum, share) => sum + share, 0) / 8;
        write({
          type: "validation",
          phase,
          step,
          miou,
          labelSize: "original 160x96",
          pixelAccuracy: miou,
          iou,
          best: false,
        });
      }
    }
    write({ type: "end", phase, step: STEPS, interrupted: false });
  }
  return `${lines.join("\n")}\n`;
}
