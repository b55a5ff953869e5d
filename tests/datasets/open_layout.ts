/** Opens gtav, synthia and cityscapes on files in memory. */
import assert from "node:assert/strict";
import { DataError } from "../../core/errors.ts";
import type { Dataset, DatasetSetup } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { datasets } from "../../datasets/mod.ts";
import type { Files } from "./layouts.ts";
import { memoryFiles } from "./memory_files.ts";

/** A dataset of files below `/data`. */
export function open(
  name: string,
  files: Readonly<Record<string, Uint8Array | string>>,
  options: Readonly<Record<string, unknown>> = {},
  setup: Partial<DatasetSetup> = {},
): Promise<Dataset> {
  const registry = new Registry(datasets);
  const plan = registry.plan("dataset", { type: name, options }, ["data", "source"]);
  const disk = memoryFiles(
    Object.fromEntries(Object.entries(files).map(([path, content]) => [`/data/${path}`, content])),
  );
  return Promise.resolve(plan.open({ root: "/data", seed: 0, files: disk, ...setup }));
}

/** Asserts the error's class and exact text. */
export async function refuses(work: Promise<unknown>, message: string) {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof DataError, String(error));
    assert.equal(error.message, message);
    return true;
  });
}

/** Train ids of an image. */
export async function labelsOf(dataset: Promise<Dataset>, index = 0): Promise<number[]> {
  return [...(await (await dataset).read(index, { labels: true })).labels!];
}

/** All files but these. */
export const without = (files: Files, ...paths: string[]): Files =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !paths.includes(path)));
