/**
 * Draws docs/report.png from a report with one best and one worst image. Needs Chromium:
 *
 *     deno task plca train --set training.diagnostics={} --run runs/picture
 *     deno task plca report runs/picture --images 1
 *     deno run --allow-read --allow-write --allow-env --allow-ffi --allow-sys --allow-run docs/report_picture.ts runs/picture/report.html
 */
import type { Buffer } from "node:buffer";
import { resolve } from "node:path";
import sharp from "sharp";
import { closeBrowser, withPage } from "../tests/browser.ts";

const WIDTH = 1100, GAP = 16;

/** What is shown, from top to bottom: the page's own parts. */
const PARTS = [
  ".summary",
  "#results-0",
  "#curves-0 .card >> nth=0",
  "#curves-0 .card >> nth=1",
  "section.run .card >> nth=0",
];

const parts: { image: Buffer; width: number; height: number }[] = [];
await withPage({ width: WIDTH, height: 900 }, async ({ page }) => {
  await page.goto(`file://${resolve(Deno.args[0]!)}`);
  await page.waitForSelector(".pictures canvas");
  for (const part of PARTS) {
    const image = await page.locator(part).screenshot();
    const { width, height } = await sharp(image).metadata();
    parts.push({ image, width, height });
  }
});
await closeBrowser();

const width = Math.max(...parts.map(({ width }) => width)) + 2 * GAP;
let [left, top, row] = [GAP, GAP, 0];
const places = parts.map(({ image, width: own, height }) => {
  if (left > GAP && left + own > width) [left, top, row] = [GAP, top + row + GAP, 0];
  const place = { input: image, left, top };
  left += own + GAP;
  row = Math.max(row, height);
  return place;
});
const picture = sharp({
  create: { width, height: top + row + GAP, channels: 3, background: "#fbfbfa" },
}).composite(places);
await sharp(await picture.png().toBuffer()).png({ palette: true, colours: 128 }).toFile("docs/report.png");
Deno.exit(0);
