import { encode } from "fast-png";
import sharp from "sharp";
import { DataError } from "../../core/errors.ts";
import type { Dataset, DatasetSetup, FileReader } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { datasets } from "../../datasets/mod.ts";

/** A disk in memory that remembers what was read. */
export interface MemoryFiles extends FileReader {
  readonly opened: string[];
}

/** Files by absolute path. */
export function memoryFiles(contents: Readonly<Record<string, Uint8Array | string>>): MemoryFiles {
  const opened: string[] = [];
  return {
    opened,
    read(path) {
      opened.push(path);
      const found = contents[path];
      if (found === undefined) return Promise.reject(new DataError(path, "there is no such file"));
      return Promise.resolve(typeof found === "string" ? new TextEncoder().encode(found) : found);
    },
    list(folder) {
      const names = Object.keys(contents).filter((path) => path.startsWith(`${folder}/`));
      if (names.length === 0) return Promise.reject(new DataError(folder, "there is no such folder"));
      return Promise.resolve(names.map((path) => path.slice(folder.length + 1)).sort());
    },
  };
}

/** Opens a built-in dataset on `/data`. */
export function openDataset(
  name: string,
  options: Readonly<Record<string, unknown>>,
  setup: Partial<Pick<DatasetSetup, "files" | "root" | "seed" | "stream">> = {},
): Promise<Dataset> {
  const { files = memoryFiles({}), root = "/data", seed = 0, ...streams } = setup;
  const registry = new Registry(datasets);
  const plan = registry.plan("dataset", { type: name, options }, ["data", "source"]);
  return plan.open({ root, seed, files, ...streams });
}

/** A grey PNG of the given ids. */
export function labelPng(width: number, height: number, ids: readonly number[]): Uint8Array {
  return encode({ width, height, channels: 1, data: Uint8Array.from(ids) });
}

/** A PNG or JPEG whose red channel counts pixels. */
export async function picture(width: number, height: number, format: "png" | "jpeg" = "png") {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => at % 3 === 0 ? at / 3 : 7);
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  return new Uint8Array(await image.toFormat(format).toBuffer());
}
