/** The page of `plca report` in a real browser. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import axe from "axe-core/axe.min.js" with { type: "text" };
import type { Page } from "playwright-core";
import type { ReportData } from "../../report/report_data.ts";
import script from "../../web/dist/report.js" with { type: "text" };
import { pageHtml } from "../../view/html.ts";
import { assertFits, type Opened, pageTest, type Viewing } from "../browser.ts";
import {
  CLASSES,
  EVALUATION,
  HOSTILE,
  samplePhase,
  samplePicture,
  sampleReport,
  sampleRun,
} from "./sample_report.ts";

/** Opens a report from the disk; whatever the test does, the page complains of nothing and asks for nothing. */
function reportTest(
  name: string,
  { data, ...viewing }: Viewing & { readonly data: ReportData },
  body: (opened: Opened) => Promise<void>,
): void {
  pageTest(name, viewing, async (opened) => {
    const { page, folder, requests, complaints } = opened;
    const url = pathToFileURL(`${folder}/report.html`).href;
    await Deno.writeTextFile(`${folder}/report.html`, await pageHtml({ title: data.title, script, data }));
    await page.goto(url);
    await page.waitForSelector("main");
    await body(opened);
    assert.deepEqual([...requests], [url]);
    assert.deepEqual([...complaints], []);
    assert.equal(await page.title(), data.title);
  });
}

const TWO = sampleReport([sampleRun("a-001"), sampleRun(HOSTILE.end)], {
  title: "two",
  differences: [{ path: `losses.${HOSTILE.markup}.weight`, values: ["0.1", null] }],
});

/** Cells of a table, row by row. */
function cells(page: Page, table: string): Promise<string[][]> {
  return page.locator(table).first().locator("tr").evaluateAll((rows) =>
    rows.map((row) =>
      [...(row as unknown as { cells: Iterable<{ innerText: string }> }).cells].map((cell) => cell.innerText)
    )
  );
}

reportTest(
  "a report shows the numbers of its data",
  { data: sampleReport([sampleRun("a-001")]) },
  async ({ page }) => {
    assert.equal(await page.locator("h1").innerText(), "a-001");
    assert.match(await page.locator(".summary").innerText(), /71\.6 % mIoU \+21\.6 against source-only/);
    assert.match(
      await page.locator(".summary").innerText(),
      /finished · source-only 50 of 50 steps · full 50 of 50 steps/,
    );
    assert.deepEqual(await cells(page, "table.deltas"), [
      ["", "source-only", "full"],
      ["road", "60.0", "84.9", "+24.9"],
      [HOSTILE.markup, "–", "50.0", "–"],
      ["car[U+202E]gpj.exe", "40.0", "80.0", "+40.0"],
      ["mIoU", "50.0", "71.6", "+21.6"],
      ["pixel accuracy", "87.2", "87.2", "0.0"],
    ]);
    assert.match(
      await page.locator("#results-0").innerText(),
      /2 images of val, pixels counted at size original 8x4/,
    );
    const confusion = page.locator(".confusion").last();
    assert.deepEqual(await confusion.locator("td[data-cell]").allInnerTexts(), [
      "90",
      "10",
      "·",
      "25",
      "75",
      "·",
      "20",
      "·",
      "80",
    ]);
    assert.deepEqual((await cells(page, "#time-0 table")).slice(0, 2), [
      ["", "steps", "first to last event", "steps a second", "input ms"],
      ["source-only", "50 of 50", "1:15", "3", "125"],
    ]);
  },
);

const ROUNDS = [
  samplePhase("source-only", { evaluation: { ...EVALUATION, miou: 0.5, iou: [0.6, null, 0.4] } }),
  samplePhase("warm-up", { evaluation: { ...EVALUATION, miou: 0.6, iou: [0.7, 0.5, 0.6] } }),
  samplePhase("full"),
];

reportTest("three phases of a run have a column, a curve and a line each", {
  data: sampleReport([sampleRun("a-001", { phases: ROUNDS })]),
}, async ({ page }) => {
  const summary = await page.locator(".summary").innerText();
  assert.match(summary, /71\.6 % mIoU \+21\.6 against source-only/);
  assert.match(summary, /· source-only 50 of 50 steps · warm-up 50 of 50 steps · full 50 of 50 steps/);
  const results = await cells(page, "table.deltas");
  assert.deepEqual(results[0], ["", "source-only", "warm-up", "full"]);
  assert.deepEqual(results.find(([name]) => name === "mIoU")!.slice(0, 2), ["mIoU", "50.0"]);
  const names = (await cells(page, "#time-0 table")).slice(1).map(([name]) => name);
  assert.deepEqual(names, ["source-only", "warm-up", "full"]);
  const lines = page.locator("figure.chart", { hasText: "Sum of the losses" }).locator("svg [stroke]");
  const colours = await lines.evaluateAll((all) =>
    all.map((line) => (line as unknown as { getAttribute(name: string): string }).getAttribute("stroke"))
  );
  assert.equal(new Set(colours).size, 3);
});

reportTest("in a comparison a run has one colour, and a dash for each phase before its last", {
  data: sampleReport([sampleRun("a-001", { phases: ROUNDS }), sampleRun("b-001")]),
}, async ({ page }) => {
  assert.deepEqual((await cells(page, "table.deltas"))[0], [
    "",
    "a-001, source-only",
    "a-001, warm-up",
    "a-001",
    "b-001, source-only",
    "b-001",
  ]);
  const lines = page.locator("figure.chart", { hasText: "Sum of the losses" }).locator("svg [stroke]");
  const looks = await lines.evaluateAll((all) =>
    (all as unknown as { getAttribute(name: string): string }[]).map((line) => [
      line.getAttribute("stroke"),
      line.getAttribute("stroke-dasharray"),
    ])
  );
  assert.equal(new Set(looks.slice(0, 3).map(([colour]) => colour)).size, 1);
  assert.equal(new Set(looks.map(String)).size, 5);
});

reportTest("curves are there as tables with the values that were logged", {
  data: sampleReport([sampleRun("a-001")]),
}, async ({ page }) => {
  const chart = page.locator("figure.chart", { hasText: "Sum of the losses" });
  await chart.getByText("As a table").click();
  const rows = await chart.locator("tbody tr").allInnerTexts();
  assert.equal(rows.length, 40);
  assert.deepEqual([rows[0], rows.at(-1)], ["1\t10\t10", "50\t0.2\t0.2"]);
  const correct = page.locator("figure.chart", { hasText: "same class" });
  await correct.getByText("As a table").click();
  assert.equal(await correct.locator("tbody tr").first().innerText(), "1\t1.7\t1.7");
});

reportTest("hostile texts are text", { data: TWO }, async ({ page }) => {
  await page.locator(".more > summary").click();
  for (const details of await page.getByText("config.yaml, the whole recipe").all()) await details.click();
  const text = await page.locator("main").innerText();
  for (
    const part of [HOSTILE.markup, HOSTILE.end, "car[U+202E]gpj.exe", "plca train [U+001B][31mred[U+001B][0m"]
  ) {
    assert.ok(text.includes(part), part);
  }
  assert.ok(!text.includes("\u202e") && !text.includes("\x1b"));
  assert.equal(await page.locator("script").count(), 2);
  // The images of the two runs, and nothing that a text made.
  assert.equal(await page.locator("img").count(), 4);
  assert.equal(await page.locator("[onerror]").count(), 0);
});

reportTest(
  "the runs' differences and the column that others are measured against",
  { data: TWO },
  async ({ page }) => {
    assert.deepEqual(await cells(page, "[aria-label='Settings that differ'] table"), [
      ["", "a-001", HOSTILE.end],
      [`losses.${HOSTILE.markup}.weight`, "0.1", "not set"],
    ]);
    const road = async () => (await cells(page, "table.deltas"))[1];
    assert.deepEqual(await road(), ["road", "60.0", "84.9", "+24.9", "60.0", "0.0", "84.9", "+24.9"]);
    await page.getByLabel("Points against").selectOption({ index: 1 });
    assert.deepEqual(await road(), ["road", "60.0", "−24.9", "84.9", "60.0", "−24.9", "84.9", "0.0"]);
  },
);

reportTest(
  "a chart is read and zoomed by keys",
  { data: sampleReport([sampleRun("a-001")]) },
  async ({ page }) => {
    const chart = page.locator("figure.chart", { hasText: "Sum of the losses" });
    const values = () => chart.locator(".legend .value").allInnerTexts();
    await chart.locator(".plot").focus();
    await page.keyboard.press("Home");
    assert.deepEqual(await values(), ["10", "10", "step 1"]);
    await page.keyboard.press("ArrowRight");
    assert.deepEqual(await values(), ["5", "5", "step 2"]);
    await page.keyboard.press("End");
    assert.deepEqual(await values(), ["0.2", "0.2", "step 50"]);
    const whole = chart.getByRole("button", { name: "Whole range" });
    assert.equal(await whole.count(), 0);
    await page.keyboard.press("+");
    await page.keyboard.press("Home");
    assert.equal((await values())[2], "step 26");
    assert.equal(await whole.count(), 1);
    await page.keyboard.press("Escape");
    assert.equal(await whole.count(), 0);
    const key = chart.getByRole("button", { name: "full" });
    await key.focus();
    await page.keyboard.press("Enter");
    assert.equal(await key.getAttribute("aria-pressed"), "false");
  },
);

reportTest(
  "a chart is zoomed by dragging, and a double click shows the whole range",
  { data: sampleReport([sampleRun("a-001")]) },
  async ({ page }) => {
    const chart = page.locator("figure.chart", { hasText: "Sum of the losses" });
    const over = chart.locator(".u-over");
    await over.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await over.boundingBox())!;
    const [low, high, middle] = [x + 0.5 * width, x + 0.75 * width, y + height / 2];
    await page.mouse.move(low, middle);
    await page.mouse.down();
    await page.mouse.move(high, middle, { steps: 4 });
    await page.mouse.up();
    const whole = chart.getByRole("button", { name: "Whole range" });
    await whole.waitFor();
    await chart.locator(".plot").focus();
    const step = async (key: string) => {
      await page.keyboard.press(key);
      return Number((await chart.locator(".legend .value").last().innerText()).replace("step ", ""));
    };
    // Half and three quarters of the steps from 1 to 50.
    const [first, last] = [await step("Home"), await step("End")];
    assert.ok(Math.abs(first - 25.5) <= 1.5 && Math.abs(last - 37.75) <= 1.5, `${first} to ${last}`);
    await page.mouse.dblclick(low, middle);
    await whole.waitFor({ state: "detached" });
    assert.equal(await step("Home"), 1);
  },
);

reportTest("everything that can be used is reached by Tab, and the focus is seen", {
  data: sampleReport([sampleRun("a-001")]),
}, async ({ page }) => {
  const reached = new Set<string>();
  for (let k = 0; k < 120; k++) {
    await page.keyboard.press("Tab");
    const [name, outline] = await page.evaluate<[string, string]>(
      `(() => { const one = document.activeElement;
        return [one.getAttribute("aria-label") ?? one.labels?.[0]?.innerText ?? one.innerText, getComputedStyle(one).outlineStyle]; })()`,
    );
    if (await page.evaluate("document.activeElement === document.body")) break;
    reached.add(name.split("\n")[0]!);
    assert.notEqual(outline, "none", name);
  }
  for (
    const name of [
      "Results",
      "Sum of the losses: arrow keys read values, plus and minus zoom, Escape shows the whole range",
      "As a table",
      "More curves",
      "road taken for road: 90.0 %",
      "config.yaml, the whole recipe",
    ]
  ) assert.ok(reached.has(name), `${name} of ${[...reached].join(" | ")}`);
});

reportTest("arrow keys move in a confusion matrix, which says each cell in words", {
  data: sampleReport([sampleRun("a-001")]),
}, async ({ page }) => {
  const confusion = page.locator(".confusion").last();
  await confusion.locator("td[data-cell]").first().focus();
  await page.keyboard.press("ArrowDown");
  assert.equal(
    await confusion.locator(".readout").innerText(),
    `25.0 % of ${HOSTILE.markup} is taken for road (50 of 200 pixels)`,
  );
  await page.keyboard.press("ArrowRight");
  assert.equal(
    await confusion.locator(".readout").innerText(),
    `75.0 % of ${HOSTILE.markup} is found (150 of 200 pixels)`,
  );
});

reportTest("label maps are in the chosen colours, or show mistakes only", {
  data: sampleReport([sampleRun("a-001")]),
}, async ({ page }) => {
  const canvas = page.getByRole("img", { name: `${HOSTILE.markup}, labelled by full: mIoU 25.0 %` });
  await canvas.waitFor();
  const colours = () =>
    canvas.evaluate((node) => {
      const { width, height } = node as unknown as { width: number; height: number };
      const context = (node as unknown as {
        getContext(
          kind: string,
        ): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8Array } };
      }).getContext("2d");
      return [1, width - 2].map((x) => [...context.getImageData(x, height - 2, 1, 1).data].join(" "));
    });
  assert.deepEqual(await colours(), ["128 64 128 255", "128 64 128 255"]);
  await page.getByLabel("Mistakes only").check();
  assert.deepEqual(await colours(), ["200 204 210 255", "128 64 128 255"]);
  await page.getByLabel("Class colours").selectOption("safe");
  const [, wrong] = await colours();
  assert.notEqual(wrong, "128 64 128 255");
  await canvas.hover({ position: { x: 5, y: 5 } });
  assert.match(await page.locator(".figure").last().innerText(), /truth road\s[^]*full 25\.0 % road/);
});

for (const scheme of ["light", "dark"] as const) {
  reportTest(
    `names, roles and contrasts pass axe-core, ${scheme}`,
    { data: TWO, scheme },
    async ({ page }) => {
      await page.locator(".more > summary").click();
      await page.evaluate(axe);
      const violations = await page.evaluate<string[]>(`axe.run().then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html.slice(0, 120)).join(" | ")))`);
      assert.deepEqual(violations, []);
    },
  );
}

reportTest("a phone's width is enough", { data: TWO, width: 360, height: 740 }, async ({ page }) => {
  await page.locator(".more > summary").click();
  await assertFits(page);
});

reportTest(
  "movement is switched off for who wants none",
  { data: TWO, reducedMotion: true },
  async ({ page }) => {
    const duration = await page.evaluate(
      "getComputedStyle(document.querySelector('button')).transitionDuration",
    );
    assert.equal(duration, "0s");
  },
);

const NONE = { miou: null, pixelAccuracy: null, iou: [null, null, null] };

reportTest(
  "a val split without a labelled pixel: no numbers, no curve, no image at 0",
  {
    data: sampleReport([
      sampleRun("unlabelled", {
        phases: [{
          ...samplePhase("full", { miou: { x: [25, 50], y: [null, null] } }),
          evaluation: { ...EVALUATION, ...NONE },
        }],
        pictures: {
          networks: ["full"],
          of: 1,
          best: [{ ...samplePicture("one"), miou: [null] }],
          worst: [],
        },
      }),
    ]),
  },
  async ({ page }) => {
    assert.match(await page.locator(".summary .big").innerText(), /^– mIoU/);
    const rows = await cells(page, "table.deltas");
    assert.deepEqual(rows.slice(-2), [["mIoU", "–"], ["pixel accuracy", "–"]]);
    assert.match(
      await page.locator("main").innerText(),
      /No mIoU was logged: the recipe has no val split, none of its pixels is labelled, or no validation came yet\./,
    );
    assert.match(await page.locator(".pictures").innerText(), /full –\s*$/);
  },
);

const BARE = sampleReport([
  sampleRun("empty", { state: "empty", phases: [bare()], notes: [], facts: [] }),
  sampleRun("going", {
    state: "running",
    phases: [{ ...samplePhase("full", { step: 20 }), ...without("evaluation") }],
  }),
].map(({ pictures: _, config: __, ...run }) => ({
  ...run,
  withoutPictures: `the folder ${HOSTILE.markup} is not there`,
})));

function bare() {
  const { best: _, latest: __, seconds: ___, evaluation: ____, ...phase } = samplePhase("full");
  const none = { x: [], y: [] };
  return { ...phase, step: 0, steps: 0, curves: {}, medians: {}, miou: none };
}

function without(_: "evaluation") {
  const { evaluation: __, ...rest } = samplePhase("full", { step: 20 });
  return { ...rest, evaluation: undefined as never };
}

reportTest(
  "runs that have not begun, go on, or have no data say what is missing",
  { data: BARE },
  async ({ page }) => {
    const text = await page.locator("main").innerText();
    assert.match(text, /empty\n+– mIoU\n+not begun · full not begun/);
    assert.match(text, /still going on · full 20 of 50 steps/);
    assert.ok(text.includes(`No images: the folder ${HOSTILE.markup} is not there`));
    assert.ok(text.includes("There is no evaluation of the last weights yet."));
    assert.ok(text.includes("Its config.yaml could not be read."));
    assert.ok(
      text.includes("validation of step 50 in one pass per image, pixels counted at size original 8x4"),
    );
  },
);

reportTest("before a step of the last phase there is nothing of associations, and the page says so", {
  data: sampleReport([sampleRun("a-001", {
    state: "running",
    facts: [["begun", "2030-01-02T03:04:05.000Z"]],
    phases: [samplePhase("source-only", { curves: { total: { x: [1], y: [1] } } }), bare()],
  })]),
}, async ({ page }) => {
  assert.match(
    await page.locator("#associations-0").innerText(),
    /Nothing was measured of them: no step of the last phase was logged yet\.$/,
  );
  // One network has no difference to name, and all dates are written alike.
  assert.equal(await page.locator("table.deltas caption").innerText(), "IoU in percent");
  const made = await page.locator("header time").innerText();
  assert.match(made, /^[123] Jan 2030, \d\d:\d\d$/);
  assert.equal(await page.locator(".facts dd").innerText(), made);
});

reportTest("with steps but no association the page says what that means", {
  data: sampleReport([
    sampleRun("a-001", { phases: [samplePhase("full", { curves: { total: { x: [1], y: [1] } } })] }),
  ]),
}, async ({ page }) => {
  assert.match(
    await page.locator("#associations-0").innerText(),
    /Nothing was measured of them: no loss associates pixels, or the run is of an older plca\.$/,
  );
});

reportTest("on a phone the values of what differs are beside their keys, and tables hint that they scroll", {
  data: sampleReport([sampleRun("street-001"), sampleRun("street-002")], {
    differences: [{
      path: "losses.association.options.levels.probabilities.similarity",
      values: ["negative-kl", "cosine"],
    }],
  }),
  width: 360,
  height: 740,
}, async ({ page }) => {
  const table = page.locator("[aria-label='Settings that differ']");
  for (const value of await table.locator("td").filter({ hasText: /./ }).all()) {
    const { x, width } = (await value.boundingBox())!;
    assert.ok(x >= 0 && x + width <= 360, `${await value.innerText()} ends at ${x + width}`);
  }
  assert.match(
    await page.evaluate<string>("getComputedStyle(document.querySelector('.settings')).backgroundAttachment"),
    /local.*scroll/,
  );
});

reportTest("runs of other classes are shown apart", {
  data: sampleReport([
    sampleRun("a-001"),
    sampleRun("b-001", {
      phases: [
        samplePhase("full", {
          evaluation: { ...EVALUATION, classes: ["x", "y"], iou: [1, 0.5], confusion: [[1, 0], [0, 1]] },
        }),
      ],
    }),
  ], {
    groups: [
      { classes: CLASSES, colours: [[1, 2, 3], [4, 5, 6], [7, 8, 9]], runs: [0] },
      { classes: ["x", "y"], colours: [[1, 2, 3], [4, 5, 6]], runs: [1] },
    ],
  }),
}, async ({ page }) => {
  assert.deepEqual(await page.locator("h2.group").allInnerTexts(), [
    `3 classes: road, ${HOSTILE.markup}, car[U+202E]gpj.exe`,
    "2 classes: x, y",
  ]);
  assert.deepEqual(await page.locator("table.deltas").count(), 2);
});
