/** The exported page in a browser, against labels computed by plca. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as tf from "@tensorflow/tfjs-core";
import type { Page } from "playwright-core";
import { selectBackend } from "../../backends/select.ts";
import { pageFiles, type PageParts } from "../../export/page.ts";
import { type Picture, trialsOf } from "../../export/trials.ts";
import { wholeImage } from "../../train/whole_image.ts";
import { assertFits, pageTest } from "../browser.ts";
import { fileOf, networkOf } from "./networks.ts";
import { type Files, withFiles } from "./serve_folder.ts";

const NORMALIZATION = {
  order: "rgb",
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
} as const;

const COLOURS = [[200, 0, 0], [0, 200, 0], [0, 0, 200], [200, 200, 0], [0, 200, 200]] as const;

/** Squares of different colours, so that several classes win somewhere. */
function picture(k: number): Picture {
  const width = 72 + k, height = 61, data = new Uint8Array(3 * width * height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const cell = Math.floor(pixel % width / 16) * 7 + Math.floor(pixel / width / 16) * 3 + k;
    for (let c = 0; c < 3; c++) data[3 * pixel + c] = (cell * (53 + 40 * c) + pixel % 5) % 256;
  }
  return { width, height, data };
}

/** The page's files, and what plca says of every sample. */
async function prepared(samples: number) {
  await selectBackend("native");
  const options = { layers: [1, 1, 1, 1], width: 0.0625 };
  const networks = [
    networkOf("deeplab-v2", options),
    networkOf("deeplab-v2", { ...options, classifier_bias: true }),
  ];
  const pictures = Array.from({ length: samples }, (_, k) => picture(k));
  const parts: PageParts = {
    title: "street: label a picture",
    classes: COLOURS.map((colour, id) => ({ name: `class ${id}`, colour })),
    networks: networks.map((network, k) => ({
      name: k === 0 ? "source-only" : "adapted",
      model: fileOf(network, { wanted: "probabilities" }).model,
    })),
    samples: pictures,
    normalization: NORMALIZATION,
    size: { longest: 640 },
    facts: [["Weights", "none"]],
  };
  const expected = networks.map(({ ensemble }) =>
    trialsOf(pictures, { normalization: NORMALIZATION, bytes: false, free: true }).slice(0, samples).map((
      trial,
    ) =>
      tf.tidy(() => {
        const images = tf.tensor4d(trial.images, [...trial.sides, 3]);
        return [...wholeImage(ensemble, images, { wanted: "labels", inference: {} }).dataSync()];
      })
    )
  );
  networks.forEach((network) => network.dispose());
  const files: Files = new Map((await pageFiles(parts)).map(({ path, bytes }) => [path, bytes]));
  return { files, expected, pictures };
}

/** The class of every pixel, by the colours that the page shows. */
async function labelsOn(page: Page): Promise<number[]> {
  const colours = await page.locator(".stage canvas").evaluate((canvas) => {
    const { width, height } = canvas as unknown as { width: number; height: number };
    const context = (canvas as unknown as {
      getContext(kind: "2d"): { getImageData(...sides: number[]): { data: Uint8Array } };
    })
      .getContext("2d");
    return [...context.getImageData(0, 0, width, height).data];
  });
  return Array.from(
    { length: colours.length / 4 },
    (_, k) => COLOURS.findIndex((colour) => colour.every((value, c) => value === colours[4 * k + c])),
  );
}

/** Waits for the picture of this width. */
async function shows(page: Page, width: number): Promise<void> {
  await page.locator(`.stage canvas[width="${width}"]`).waitFor();
}

const LABELLED = /^Labelled in \d+ ms by (WebGPU|WebAssembly)$/;

pageTest("the page labels ten pictures as plca does, from its own files alone", {}, async (opened) => {
  const { page, requests, complaints } = opened;
  const { files, expected } = await prepared(10);
  await withFiles(files, async (address) => {
    await page.goto(address);
    await page.getByText(LABELLED).waitFor();
    await page.getByLabel("Opacity of the colours").fill("100");
    for (const k of expected[0]!.keys()) {
      await page.getByRole("button", { name: `Sample ${k + 1}`, exact: true }).click();
      await shows(page, 72 + k);
      for (const [side, labels] of expected.entries()) {
        // The line at the right end shows the first network alone, at the left end the second.
        await page.getByLabel("Line between source-only and adapted").fill(side === 0 ? "100" : "0");
        assert.deepEqual(await labelsOn(page), labels[k], `network ${side}, picture ${k}`);
        assert.ok(new Set(labels[k]).size > 1);
      }
    }
    assert.deepEqual(requests.filter((one) => !one.startsWith(address)), []);
    // Chromium's own words where there is no GPU.
    assert.deepEqual(complaints.filter((one) => one !== "No available adapters."), []);
  });
});

pageTest(
  "the page by keys, on a phone, and with files that it cannot read",
  { width: 360, height: 740 },
  async (opened) => {
    const { page } = opened;
    const { files } = await prepared(2);
    await withFiles(files, async (address) => {
      await page.goto(address);
      await page.getByText(LABELLED).waitFor();
      await assertFits(page);
      const line = page.locator(".stage .line");
      assert.equal(await line.getAttribute("style"), "left: 50%;");
      await page.keyboard.press("ArrowRight");
      await page.getByText("Labelled").waitFor();
      assert.match((await line.getAttribute("style"))!, /left: 55/);
      await page.keyboard.press("f");
      assert.ok(await page.getByRole("radio", { name: "Confidence" }).isChecked());
      await page.keyboard.press("2");
      await shows(page, 73);
      await page.locator(".stage canvas").hover({ position: { x: 20, y: 20 } });
      await page.getByText(/^source-only: class \d, \d+ % sure; adapted: class \d, \d+ % sure$/).waitFor();
      await page.locator("input[type=file]").setInputFiles({
        name: "notes.txt",
        mimeType: "text/plain",
        buffer: Buffer.from("no picture"),
      });
      await page.getByText("notes.txt is no picture that this browser reads").waitFor();
      const network = files.get("networks/adapted.onnx")!;
      files.set("networks/adapted.onnx", network.subarray(0, 1000));
      await page.reload();
      await page.getByText(/^networks\/adapted\.onnx is damaged or no network that this page can run \(.*\)$/)
        .waitFor();
      await page.getByRole("button", { name: "Sample 2", exact: true }).click();
      await page.getByText(/^networks\/adapted\.onnx is damaged/).waitFor();
      files.delete("networks/adapted.onnx");
      await page.reload();
      await page.getByText("networks/adapted.onnx cannot be fetched (404): copy the whole folder").waitFor();
    });
  },
);

pageTest(
  "a picture that is chosen before the networks are there is the one that is shown",
  {},
  async (opened) => {
    const { page } = opened;
    const { files } = await prepared(2);
    const { promise: wanted, resolve: go } = Promise.withResolvers<void>();
    await page.route("**/networks/*", async (route) => {
      await wanted;
      await route.continue();
    });
    await withFiles(files, async (address) => {
      await page.goto(address);
      await page.getByText("The networks are loaded …").waitFor();
      await page.getByRole("button", { name: "Sample 2", exact: true }).click();
      await page.getByText("The picture is labelled …").waitFor();
      go();
      await page.getByText(LABELLED).waitFor();
      await shows(page, 73);
    });
  },
);
