import type { RunFiles } from "../../run_folder/files.ts";

/** A run folder in memory. @param contents by path; more may be put there later */
export function memoryRun(contents: Map<string, string | Uint8Array>, locked?: boolean): RunFiles {
  const bytesOf = (path: string) => {
    const found = contents.get(path);
    return typeof found === "string" ? new TextEncoder().encode(found) : found;
  };
  const below = (path: string) =>
    [...contents.keys()].filter((each) => each.startsWith(`${path}/`)).map((each) =>
      each.slice(path.length + 1)
    );
  return {
    folder: "runs/a-001",
    stat(path) {
      const bytes = bytesOf(path);
      return Promise.resolve(bytes && { size: bytes.length, modified: 1000 });
    },
    read(path, { offset, length }) {
      return Promise.resolve(bytesOf(path)!.slice(offset, offset + length));
    },
    list: (path) => Promise.resolve(below(path).filter((each) => !each.includes("/")).sort()),
    folders(path) {
      const parts = below(path).filter((each) => each.includes("/")).map((each) => each.split("/")[0]!);
      return Promise.resolve([...new Set(parts)].sort());
    },
    isLocked: () => Promise.resolve(locked),
  };
}

/** Values as lines of a log. */
export function linesOf(...values: readonly unknown[]): string {
  return values.map((value) => `${typeof value === "string" ? value : JSON.stringify(value)}\n`).join("");
}

/** A step as training logs it. */
export function stepLine(step: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  const time = new Date(1e12 + 1000 * step).toISOString();
  return {
    time,
    type: "step",
    phase: "a",
    step,
    steps: 40,
    rate: 2,
    terms: { ce: step / 2 },
    total: step,
    learningRate: 0.1,
    ...more,
  };
}

/** A validation as training logs it. */
export function validationLine(step: number, miou: number | null, more: Record<string, unknown> = {}) {
  return {
    time: new Date(1e12 + 1000 * step).toISOString(),
    type: "validation",
    phase: "a",
    step,
    miou,
    labelSize: "original 40x32",
    pixelAccuracy: 0.5,
    iou: [miou, null],
    best: true,
    ...more,
  };
}
