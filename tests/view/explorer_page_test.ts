/** The association explorer in a real browser, held against what the library computes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import axe from "axe-core/axe.min.js" with { type: "text" };
import type { Page } from "playwright-core";
import { selectBackend } from "../../backends/select.ts";
import { diskFiles } from "../../datasets/files.ts";
import { type Explorer, openExplorer } from "../../explore/explorer.ts";
import type { LevelRequest, LevelView, RowRequest } from "../../explore/types.ts";
import { heat } from "../../web/explorer/heat.ts";
import { coverageWords, cycleWords, outcomeWords, rowWords, targetWords } from "../../web/explorer/words.ts";
import { assertFits, hasChromium, type Opened, type Viewing, withPage } from "../browser.ts";
import { inFolder } from "../cli/fake_host.ts";
import { viewing } from "../cli/viewing.ts";
import { planOfRun, trainTiny } from "../explore/trained_run.ts";
import { hostileRun } from "./hostile_run.ts";

const PAIR: LevelRequest = {
  checkpoint: "checkpoints/last.safetensors",
  statistics: "running",
  source: 0,
  targetSet: "target",
  target: 0,
  level: 0,
};

interface Explored extends Opened {
  readonly address: string;
  /** The run's. */
  readonly run: string;
  /** The library's, on the same run. */
  readonly explorer: Explorer;
}

/** A test in Chromium on a served run. @param make trains it into `folder/run` */
function explorerTest(
  name: string,
  { viewing: look = {}, make = trainTiny }: { viewing?: Viewing; make?: (folder: string) => Promise<string> },
  body: (explored: Explored) => Promise<void>,
): void {
  Deno.test({
    name: `${name} (Chromium)`,
    ignore: !hasChromium(),
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      inFolder(async (folder) => {
        const run = await make(folder);
        const explorer = openExplorer(await planOfRun(run), {
          folder: run,
          files: diskFiles(),
          ready: () => selectBackend("wasm"),
        });
        await viewing(["run"], folder, (address) =>
          withPage(look, async (opened) => {
            await opened.page.goto(address);
            await body({ ...opened, address, run, explorer });
          }));
        explorer.dispose();
      }),
  });
}

const signal = new AbortController().signal;

function level({ explorer }: Explored, change: Partial<LevelRequest> = {}): Promise<LevelView> {
  return explorer.level({ ...PAIR, ...change }, signal);
}

function row(
  { explorer }: Explored,
  wanted: Pick<RowRequest, "kind" | "pixel">,
  change: Partial<LevelRequest> = {},
) {
  return explorer.row({ ...PAIR, ...change, ...wanted }, signal);
}

async function openAssociations({ page }: Explored): Promise<void> {
  await page.getByRole("tab", { name: "Associations" }).click();
  await page.locator("#cycle").waitFor();
}

const NAMES = {
  classes: ["sky", "building", "road", "sidewalk", "vegetation", "car", "person", "pole"],
  ignore: 255,
};

/** Waits until an element says this. */
async function says(page: Page, selector: string, expected: string): Promise<void> {
  const text = () => page.locator(selector).innerText();
  const plain = (own: string) => own.replace(/\s+/g, " ").trim();
  for (let k = 0; k < 300 && plain(await text()) !== plain(expected); k++) await page.waitForTimeout(50);
  assert.equal(plain(await text()), plain(expected));
}

const cycle = (view: LevelView, start: number, names = NAMES) =>
  `${cycleWords(view, start, names)} ${outcomeWords(view, start)}.`;

/** Moves the cursor of an image to its top left. */
async function home(page: Page, image: "Source" | "Target"): Promise<void> {
  const grid = page.getByRole("application", { name: new RegExp(`^${image} image`) });
  await grid.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("PageUp");
}

/** The middles of a canvas's cells, as drawn. */
async function drawn(page: Page, image: "Source" | "Target", { width, height }: LevelView["source"]) {
  const canvas = `document.querySelector("[role=application][aria-label^=${image}] canvas")`;
  const data = await page.evaluate<number[]>(
    `[...${canvas}.getContext("2d").getImageData(0, 0, ${8 * width}, ${8 * height}).data]`,
  );
  return Array.from({ length: width * height }, (_, pixel) => {
    const at = 4 * ((8 * Math.floor(pixel / width) + 4) * 8 * width + 8 * (pixel % width) + 4);
    return data.slice(at, at + 4);
  });
}

/** Waits until every pixel is drawn like this. */
async function looks(
  page: Page,
  image: "Source" | "Target",
  [side, expected]: readonly [LevelView["source"], number[][]],
) {
  // Canvases are painted a moment after the words beside them.
  for (let k = 0; k < 300 && String(await drawn(page, image, side)) !== String(expected); k++) {
    await page.waitForTimeout(50);
  }
  assert.deepEqual(await drawn(page, image, side), expected);
}

/** A heat map of these values. */
function heatMap(
  values: readonly (number | null)[],
  low = Math.min(...values.map((value) => value!)),
  high = Math.max(...values.map((value) => value!)),
) {
  return values.map((value) => [...heat((value! - low) / (high - low)), 255]);
}

explorerTest("cycles, rows and maps are the library's, by pointer and by keys", {}, async (explored) => {
  const { page, requests, complaints, address } = explored;
  await openAssociations(explored);
  const view = await level(explored);
  const { width } = view.source;

  // By keys: every cycle of the first row.
  await home(page, "Source");
  for (let start = 0; start < width; start++) {
    await says(page, "#cycle", cycle(view, start));
    await page.keyboard.press("ArrowRight");
  }
  await says(page, "#cycle", cycle(view, width - 1));
  await says(page, "#coverage", coverageWords(view));

  // By the pointer: the last pixel.
  const last = view.outcome.length - 1;
  const source = page.getByRole("application", { name: /^Source image/ });
  const box = (await source.boundingBox())!;
  await source.click({ position: { x: box.width - 3, y: box.height - 3 } });
  await says(page, "#cycle", cycle(view, last));

  // The heat map is the row, at every pixel.
  const forward = await row(explored, { kind: "forward", pixel: last });
  const chosen = view.forward[last]!;
  const of = `For source pixel (${view.source.height - 1}, ${width - 1})`;
  await says(page, "#readout", `${targetWords(view, chosen, NAMES)} ${rowWords(of, forward, chosen)}`);
  await looks(page, "Target", [view.target, heatMap(forward.similarities)]);

  // Values under the target's cursor, and the aggregation of that pixel.
  await page.getByLabel("Over the target").selectOption("weights");
  await home(page, "Target");
  await says(page, "#readout", `${targetWords(view, 0, NAMES)} ${rowWords(of, forward, 0)}`);
  await page.getByLabel("Over the target").selectOption("aggregation");
  const mixing = await row(explored, { kind: "aggregation", pixel: 0 });
  await says(
    page,
    "#readout",
    `${targetWords(view, 0, NAMES)} ${rowWords("In the aggregation of target pixel (0, 0)", mixing, 0)}`,
  );
  await looks(page, "Target", [
    view.target,
    heatMap(mixing.weights, 0, Math.max(...mixing.weights.slice(1))),
  ]);
  await page.keyboard.press("Tab");
  await home(page, "Target");
  await page.keyboard.press("Enter");
  await says(
    page,
    "#readout",
    `${targetWords(view, chosen, NAMES)} ${
      rowWords(
        `In the aggregation of target pixel (${Math.floor(chosen / view.target.width)}, ${
          chosen % view.target.width
        })`,
        await row(explored, { kind: "aggregation", pixel: chosen }),
        chosen,
      )
    }`,
  );

  // The way back, over the source.
  await page.getByLabel("Over the source").selectOption("return");
  const back = await row(explored, { kind: "back", pixel: chosen });
  await looks(page, "Source", [view.source, heatMap(back.similarities)]);

  assert.ok(requests.length > 10);
  assert.deepEqual(
    requests.filter((url) => !url.startsWith(address)),
    [],
    "only this server, below the token",
  );
  // This test reads canvases, which the page does not.
  assert.deepEqual(complaints.filter((text) => !text.includes("getImageData")), []);
});

explorerTest("levels, checkpoints, images and statistics are the library's", {}, async (explored) => {
  const { page, run } = explored;
  await openAssociations(explored);
  await home(page, "Source");
  await says(page, "#cycle", cycle(await level(explored), 0));
  await page.getByRole("button", { name: "probabilities · negative-kl" }).click();
  await says(page, "#cycle", cycle(await level(explored, { level: 1 }), 0));
  await page.getByRole("button", { name: "previous checkpoint" }).click();
  const before = { level: 1, checkpoint: "checkpoints/last.1.safetensors" };
  await says(page, "#cycle", cycle(await level(explored, before), 0));
  await page.getByRole("combobox", { name: "Checkpoint" }).selectOption({ label: "baseline last.2, step 2" });
  const baseline = { level: 1, checkpoint: "baseline/checkpoints/last.2.safetensors" };
  await says(page, "#coverage", coverageWords(await level(explored, baseline)));
  await page.route("**/api/level?*", async (route) => {
    await new Promise((next) => setTimeout(next, 700));
    await route.continue().catch(() => {});
  });
  await page.getByRole("button", { name: "next source image" }).click();
  const typed = page.getByRole("spinbutton", { name: "Target image" });
  await typed.fill("3");
  // Meanwhile the answer to the former question changes the page around it.
  await page.waitForTimeout(1500);
  await typed.press("Enter");
  await page.unroute("**/api/level?*");
  await page.getByLabel("Batch norm").selectOption("image");
  const other = { ...baseline, source: 1, target: 3, statistics: "image" as const };
  await says(page, "#coverage", coverageWords(await level(explored, other)));
  await says(page, "#cycle", cycle(await level(explored, other), 0));
  await page.getByLabel("Target set").selectOption("val");
  const val = { ...other, targetSet: "val" as const, target: 0 };
  await says(page, "#cycle", cycle(await level(explored, val), 0));

  // The address holds what was chosen.
  await page.reload();
  await says(page, "#cycle", cycle(await level(explored, val), 0));

  // A checkpoint that is rotated away while it is looked at.
  await Deno.remove(join(run, "baseline/checkpoints/last.2.safetensors"));
  await page.getByRole("button", { name: "previous source image" }).click();
  await page.getByText("this checkpoint is not there, or no longer").waitFor();
  await page.getByRole("combobox", { name: "Checkpoint" }).selectOption({ label: "last, step 6" });
  await says(
    page,
    "#coverage",
    coverageWords(await level(explored, { ...val, source: 0, checkpoint: PAIR.checkpoint })),
  );
});

explorerTest("marks and their numbers are whole at every edge of an image", {}, async (explored) => {
  const { page } = explored;
  await openAssociations(explored);
  const view = await level(explored);
  const { width } = view.source;
  await home(page, "Source");
  const corners: readonly (readonly [string, number])[] = [
    ["PageUp", 0],
    ["End", width - 1],
    ["PageDown", view.outcome.length - 1],
    ["Home", view.outcome.length - width],
  ];
  for (const [key, start] of corners) {
    await page.keyboard.press(key);
    await says(page, "#cycle", cycle(view, start));
    const cut = await page.evaluate<string[]>(`[...document.querySelectorAll(".pin")].flatMap((pin) => {
      const picture = pin.parentElement.getBoundingClientRect();
      const sign = pin.firstChild.getBoundingClientRect(), frame = pin.getBoundingClientRect();
      const within = sign.top >= picture.top && sign.bottom <= picture.bottom + 0.5 &&
        sign.left >= picture.left - 0.5 && sign.right <= picture.right + 0.5;
      const clipped = [];
      for (let one = pin.parentElement; one !== document.body; one = one.parentElement) {
        const box = one.getBoundingClientRect();
        const holds = frame.left - 3 >= box.left && frame.right + 3 <= box.right && frame.top - 3 >= box.top &&
          frame.bottom + 3 <= box.bottom;
        if (getComputedStyle(one).overflow !== "visible" && !holds) clipped.push(one.className);
      }
      return within && clipped.length === 0 ? [] : [pin.innerText + " within " + within + ", cut by " + clipped];
    })`);
    assert.deepEqual(cut, [], `start ${start}`);
  }
});

explorerTest("a number beyond the last image becomes that of the last one", {}, async (explored) => {
  const { page } = explored;
  await openAssociations(explored);
  await home(page, "Source");
  const typed = page.getByRole("spinbutton", { name: "Source image" });
  for (const [given, taken] of [["999", 3], ["-5", 0]] as const) {
    await typed.fill(given);
    await typed.press("Enter");
    assert.equal(await typed.inputValue(), String(taken));
    await says(page, "#cycle", cycle(await level(explored, { source: taken }), 0));
  }
});

explorerTest("a deleted run stays on the page, which says that its folder is gone", {}, async (explored) => {
  const { page, run } = explored;
  await page.getByText("tiny step 6 of 6").waitFor();
  await Deno.remove(run, { recursive: true });
  await page.getByRole("alert").getByText("The run's folder is gone").waitFor();
  assert.match(await page.locator(".standing").innerText(), /^last known: finished, tiny step 6 of 6$/);
});

explorerTest("while images are labelled nothing says that none were asked for", {}, async (explored) => {
  const { page } = explored;
  await page.getByText("No images: none were asked for").waitFor();
  let answer = () => {};
  const asked = new Promise<void>((next) => answer = next);
  await page.route("**/api/pictures", async (route) => {
    await asked;
    await route.fulfill({ status: 422, json: { problem: "the folder is not there" } });
  });
  await page.getByRole("button", { name: "Label the val split" }).click();
  await page.getByText("No images: they are being labelled").waitFor();
  assert.equal(await page.getByText("none were asked for").count(), 0);
  answer();
  await page.getByText("No images: the folder is not there").waitFor();
});

explorerTest("a run is followed without a reload, until the server ends", {}, async (explored) => {
  const { page, run } = explored;
  await page.getByText("tiny step 6 of 6").waitFor();
  await page.evaluate("window.stays = true");
  const line = { time: "2030-01-02T00:00:00Z", type: "start", phase: "tiny", steps: 9000, batch: 2 };
  const step = { ...line, type: "step", step: 1234, rate: 1, terms: {}, total: 1, learningRate: 1 };
  await Deno.writeTextFile(
    join(run, "events.jsonl"),
    `${JSON.stringify(line)}\n${JSON.stringify(step)}\n`,
    { append: true },
  );
  await page.getByText("tiny step 1,234 of 9,000").waitFor();
  assert.equal(await page.evaluate("window.stays"), true);
});

explorerTest(
  "it fits a phone, and everything that can be used has a name",
  { viewing: { width: 360, height: 740 } },
  async (explored) => {
    const { page, complaints } = explored;
    await assertFits(page);
    await openAssociations(explored);
    await assertFits(page);
    for (const overlay of ["weights", "aggregation", "covered", "labels", "predictions", "none"]) {
      await page.getByLabel("Over the target").selectOption(overlay);
      await assertFits(page);
    }
    for (const summary of await page.locator("summary:visible").all()) await summary.click();
    await assertFits(page);
    const nameless = await page.evaluate<string[]>(`
      [...document.querySelectorAll("button, select, input, [role=application], [role=tab], [tabindex='0']")]
        .filter((one) => one.checkVisibility())
        .filter((one) => !(one.getAttribute("aria-label") || one.getAttribute("aria-labelledby") ||
          one.labels?.length || one.textContent.trim()))
        .map((one) => one.outerHTML)`);
    assert.deepEqual(nameless, []);
    assert.deepEqual(complaints, []);
  },
);

for (const scheme of ["light", "dark"] as const) {
  explorerTest(
    `names, roles and contrasts pass axe-core, ${scheme}`,
    { viewing: { scheme } },
    async (explored) => {
      const { page } = explored;
      const passes = async () =>
        assert.deepEqual(
          await page.evaluate<string[]>(`axe.run().then(({ violations }) =>
          violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html.slice(0, 120)).join(" | ")))`),
          [],
        );
      await page.locator(".plot").first().waitFor();
      await page.evaluate(axe);
      await passes();
      await openAssociations(explored);
      for (const summary of await page.locator("summary:visible").all()) await summary.click();
      await passes();
      await page.getByLabel("Over the target").selectOption("predictions");
      await page.getByLabel("Over the source").selectOption("labels");
      await passes();
    },
  );
}

explorerTest("keys reach everything in order, and the images keep the focus", {}, async (explored) => {
  const { page } = explored;
  await openAssociations(explored);
  await page.getByRole("tab", { name: "Associations" }).focus();
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.getByRole("tab", { name: "Run" }).getAttribute("aria-selected"), "true");
  await page.keyboard.press("ArrowRight");
  const seen: string[] = [];
  for (let k = 0; k < 40; k++) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate<string>(
      "document.activeElement.getAttribute('aria-label') ?? document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent",
    );
    if (seen[0] === name) break;
    seen.push(name);
  }
  const order = [
    "Checkpoint",
    "previous checkpoint",
    "Batch norm",
    "Source image",
    "Target image",
    "layer4 · cosine",
    "Source image: arrow keys choose the pixel where a cycle starts",
    "Over the source",
    "Target image: arrow keys read values, Enter goes back to the chosen pixel",
    "Over the target",
  ];
  assert.deepEqual(seen.filter((name) => order.includes(name)), order);
  // "l" leads to the next level, and the cursor can go on.
  await home(page, "Source");
  await page.keyboard.press("l");
  await says(page, "#cycle", cycle(await level(explored, { level: 1 }), 0));
  await page.keyboard.press("ArrowDown");
  const second = await level(explored, { level: 1 });
  await says(page, "#cycle", cycle(second, second.source.width));
  await page.keyboard.press("o");
  assert.equal(await page.getByLabel("Over the target").inputValue(), "weights");
  // Where the choice is the first one, its button does nothing and stays.
  assert.equal(
    await page.getByRole("button", { name: "previous source image" }).getAttribute("aria-disabled"),
    "true",
  );
});

explorerTest(
  "hostile names of classes, files and lines are text",
  { make: hostileRun.make },
  async (explored) => {
    const { page, complaints } = explored;
    await page.getByText(hostileRun.note, { exact: false }).first().waitFor();
    await openAssociations(explored);
    const names = { classes: hostileRun.classes, ignore: 255 };
    await home(page, "Source");
    const view = await level(explored);
    await says(page, "#cycle", cycle(view, 0, names));
    assert.ok(
      (await page.locator("figcaption").allInnerTexts()).some((text) => text.includes(hostileRun.image)),
    );
    for (const overlay of ["predictions", "covered"]) {
      await page.getByLabel("Over the target").selectOption(
        overlay,
      );
    }
    await page.getByLabel("Over the source").selectOption("labels");
    assert.equal(await page.evaluate("window.taken"), undefined);
    assert.equal(await page.locator("img[src='x'], b:has-text('bold'), script[src]").count(), 0);
    assert.deepEqual(complaints, []);
    // Without labels there is nothing to be right or wrong about.
    assert.equal(view.target.labels, null);
    assert.equal(await page.locator("option", { hasText: /^labels$/ }).count(), 1, "for the source only");
  },
);
