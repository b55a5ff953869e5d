/**
 * How soon and how smoothly a browser shows a run of 100,000 steps that goes on, and how fast the association
 * explorer is:
 *
 *     deno task bench view
 *
 * Needs Chromium.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { closeBrowser, withPage } from "../tests/browser.ts";
import { record } from "./record.ts";
import { longLog, MEASURE, plca } from "./report.ts";
import { median } from "./statistics.ts";

const LOADS = 5, UPDATES = 5, MOVES = 20;

/** In milliseconds. */
interface Seen {
  readonly painted: number;
  /** All charts are there. */
  readonly drawn: number;
  readonly slowestKey: number;
  /** The page's longest task while the run goes on and it follows. */
  readonly slowestUpdate: number;
  /** From the choice of a pair to its cycles. */
  readonly pair: number;
  /** From a key press to the new pixel's map. */
  readonly move: number;
}

/** Writes the run, serves it, and looks at it. */
export async function view(): Promise<void> {
  const folder = await Deno.makeTempDir();
  const run = join(folder, "long");
  try {
    const sets = ["training.steps=1", "training.validate_every=0"].flatMap((set) => ["--set", set]);
    await plca(["train", "street", "--run", run, ...sets]);
    const log = longLog().trimEnd();
    // Without its end, it goes on.
    const open = log.slice(0, log.lastIndexOf("\n") + 1);
    const seen: Seen[] = [];
    for (let k = 0; k < LOADS; k++) {
      await Deno.writeTextFile(join(run, "events.jsonl"), open);
      seen.push(await look(run));
    }
    const row = (name: string, of: keyof Seen) => {
      const values = seen.map((one) => one[of]);
      return [name, `${median(values).toFixed(0)} ms`, `${Math.max(...values).toFixed(0)} ms`];
    };
    await record("view", {
      title: "Viewing a run of 100,000 steps",
      text: [
        `The log of the section above (${
          (open.length / 1e6).toFixed(0)
        } MB) without its end, in \`plca view\`. ` +
        `Chromium opens it ${LOADS} times, each time from a server that has just been started; ${UPDATES} steps are ` +
        `added while the page follows. The explorer compares two images of 160x96 in a network of the default recipe.`,
      ],
      columns: ["", "median", "slowest"],
      rows: [
        row("first contentful paint", "painted"),
        row("all curves drawn", "drawn"),
        row("slowest key until its frame", "slowestKey"),
        row("longest task of the page while it follows", "slowestUpdate"),
        row("another pair of images until its cycles are shown", "pair"),
        row("a key until the next pixel's similarity map, median", "move"),
      ],
      commands: ["deno task bench view"],
    });
  } finally {
    await closeBrowser();
    await Deno.remove(folder, { recursive: true });
  }
}

async function look(run: string): Promise<Seen> {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "plca", "view", run],
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const address = /http:\S+/.exec((await lines.read()).value ?? "")![0];
    let seen: Seen | undefined;
    await withPage({}, async ({ page }) => {
      await page.goto(address);
      await page.waitForSelector(".plot");
      const charts = await page.evaluate<Pick<Seen, "painted" | "drawn" | "slowestKey">>(MEASURE);
      seen = { ...charts, slowestUpdate: await follow(page, run), ...await explore(page) };
    });
    return seen!;
  } finally {
    server.kill("SIGINT");
    await server.status;
    await lines.cancel();
  }
}

async function follow(page: Page, run: string): Promise<number> {
  await page.evaluate(`
    window.tasks = [0];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: "longtask" });`);
  for (let step = 1; step <= UPDATES; step++) {
    const event = {
      type: "step",
      phase: "street",
      step: 100_000 + step,
      steps: 200_000,
      rate: 3,
      total: 1,
      learningRate: 0.01,
    };
    const line = JSON.stringify({ time: new Date().toISOString(), ...event, terms: { "cross-entropy": 1 } });
    await Deno.writeTextFile(join(run, "events.jsonl"), `${line}\n`, { append: true });
    await page.getByText(`step ${(100_000 + step).toLocaleString("en")} of 200,000`).first().waitFor();
  }
  return await page.evaluate("Math.max(...window.tasks)");
}

async function explore(page: Page): Promise<Pick<Seen, "pair" | "move">> {
  await page.getByRole("tab", { name: "Associations" }).click();
  await page.waitForSelector(".scale");
  const next = page.getByRole("button", { name: "next source image" });
  const coverage = () => page.locator("#coverage").innerText();
  const [before, started] = [await coverage(), performance.now()];
  await next.click();
  while (await coverage() === before) await page.waitForTimeout(5);
  const pair = performance.now() - started;
  const moves: number[] = [];
  const readout = page.locator("#readout");
  for (let k = 0; k < MOVES; k++) {
    await page.getByRole("application", { name: /^Source/ }).focus();
    const pressed = performance.now();
    await page.keyboard.press("ArrowRight");
    // The row's values are said when its map is there.
    while (!(await readout.innerText()).includes("For source pixel")) await page.waitForTimeout(2);
    moves.push(performance.now() - pressed);
  }
  return { pair, move: median(moves) };
}
