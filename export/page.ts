/**
 * A folder that labels pictures in a browser: the page, the networks' files, and the ONNX Runtime that runs
 * them. The page asks for nothing but the folder's files.
 */
import { join } from "node:path";
import { rgbPng } from "../report/pictures.ts";
import { pageHtml } from "../view/html.ts";
import script from "../web/dist/label.js" with { type: "text" };
import type { LabelPageData } from "./label_page_data.ts";
import { RUNTIME, runtimeFolder } from "./page_runtime.ts";
import style from "../web/label/style.css" with { type: "text" };
import type { Picture } from "./trials.ts";

/** A file; its path is relative to the folder, with `/`. */
export interface PageFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Everything the page is made of. */
export interface PageParts extends Omit<LabelPageData, "networks" | "samples"> {
  /** One network, or two that the page compares, the left one first. */
  readonly networks: readonly { readonly name: string; readonly model: Uint8Array }[];
  readonly samples: readonly Picture[];
}

/** Every file of the folder; the page asks for nothing else. */
export async function pageFiles({ networks, samples, ...rest }: PageParts): Promise<readonly PageFile[]> {
  const models = networks.map(({ name, model }) => ({ name, path: `networks/${name}.onnx`, bytes: model }));
  const pictures = samples.map((picture, k) => ({
    name: `Sample ${k + 1}`,
    path: `samples/${k + 1}.png`,
    bytes: rgbPng(picture),
  }));
  const named = (all: readonly (PageFile & { readonly name: string })[]) =>
    all.map(({ name, path }) => ({ name, file: path }));
  const data: LabelPageData = { ...rest, networks: named(models), samples: named(pictures) };
  const html = await pageHtml({
    title: rest.title,
    script,
    style,
    data,
    server: true,
    runtime: `runtime/${RUNTIME[0]}`,
  });
  const folder = runtimeFolder();
  return [
    { path: "index.html", bytes: new TextEncoder().encode(html) },
    ...models,
    ...pictures,
    ...await Promise.all(RUNTIME.map(async (name) => ({
      path: `runtime/${name}`,
      bytes: await Deno.readFile(join(folder, name)),
    }))),
  ];
}
