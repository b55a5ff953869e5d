/**
 * Draws docs/explorer.png, README's picture of the association explorer, of a run that is being viewed:
 *
 *     deno task plca train --name adapted --set baseline= --set training.steps=300
 *     deno task plca view runs/adapted-001
 *     deno run --allow-read --allow-write --allow-env --allow-ffi --allow-sys --allow-run docs/explorer_picture.ts ADDRESS
 *
 * Needs Chromium.
 */
import sharp from "sharp";
import { closeBrowser, withPage } from "../tests/browser.ts";

const [address] = Deno.args;
if (address === undefined) throw new Error("expected the address that plca view printed");
// A source pixel on a car, in a pair of images with many associations.
const CHOICE = "checkpoint=checkpoints%2Flast.safetensors&source=13&target=13&start=159&opacity=55";

await withPage({ width: 1180, height: 1100 }, async ({ page }) => {
  await page.goto(`${address}#${CHOICE}`);
  await page.locator(".scale").waitFor();
  await page.evaluate("document.activeElement.blur()");
  await page.waitForTimeout(500);
  const box = (await page.locator("#coverage").boundingBox())!;
  const shot = await page.screenshot({ clip: { x: 0, y: 0, width: 1180, height: box.y + box.height + 4 } });
  const png = await sharp(shot).png({ palette: true, quality: 90, effort: 10 }).toBuffer();
  await Deno.writeFile(new URL("explorer.png", import.meta.url), png);
});
await closeBrowser();
Deno.exit(0);
