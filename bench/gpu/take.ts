/**
 * Puts the files that the packed benchmark wrote on other machines into bench/RESULTS.md:
 *
 *     deno task bench gpu --take FILE [--take FILE]...
 */
import { record, type Section } from "../record.ts";
import { median } from "../statistics.ts";
import type { Measured } from "./measure.ts";
import type { ProductTimes } from "./products.ts";
import type { GpuResult, PartResult } from "./run.ts";

/** What a line of a part may hold: what is measured here, what tests say, and what peer_gpu.py prints. */
type Line = Partial<Omit<Measured & ProductTimes, "megabytes">> & {
  readonly megabytes?: number | null;
  readonly refused?: string;
  readonly passed?: number;
  readonly failed?: readonly string[];
  readonly tf32?: boolean;
  readonly flops?: number;
  readonly torch?: string;
  readonly device?: string;
};

/** Writes the section `gpu`. @param results as for {@linkcode gpuSection} */
export async function take(results: readonly GpuResult[]): Promise<void> {
  await record("gpu", gpuSection(results));
}

/**
 * The section `gpu`. @param results of one machine and its like, the first one first; where several hold a
 * part, the last one that ended well counts
 */
export function gpuSection(results: readonly GpuResult[]): Section {
  const parts = new Map<string, PartResult>();
  for (const part of results.flatMap((result) => result.parts)) {
    if (part.state === "ok" || parts.get(part.name)?.state !== "ok") parts.set(part.name, part);
  }
  const { machine, deno, started } = results[0]!;
  const small = results.some((result) => result.small);
  return {
    title: "One GPU",
    text: [
      (results.length === 1
        ? "One start of the packed benchmark."
        : `${results.length} starts of the packed benchmark on cards of one kind; what is compared may be of different starts.`) +
      (small ? " The sizes are small: a processor imitated the GPU, and times say nothing about one." : ""),
      "Seconds: medians of rounds that end with a wait for the device, after one that compiles the shaders; TFLOP/s of " +
      "products: of the fastest round. MB: in use on the device beyond the inputs; of PyTorch, all. Recording: the host's " +
      "part of one more round. `Dawn` is the WebGPU of Chromium in the place of Deno's own.",
    ],
    columns: ["part", "work", "s", "TFLOP/s", "dispatches", "recording s", "MB", "remark"],
    rows: [...parts.values()].flatMap(rowsOf).map((cells) => cells.map(cellText)),
    measured: {
      date: started.slice(0, 10),
      machine: `${machine["gpu"] || "a processor that imitates a GPU"}; ${machine["cpu"]}, ${
        machine["cores"]
      } cores`,
      versions: `plca ${[...new Set(results.map((result) => result.commit))].join(" and ")}, deno ${deno}`,
    },
    commands: [
      "deno task bench gpu --pack FOLDER --peer torch_plca.py",
      "FOLDER/run.sh --out gpu.json",
      "deno task bench gpu --take gpu.json",
    ],
  };
}

/** Of a table in Markdown. */
function cellText(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("|", "/");
}

function rowsOf({ name, state, lines, errors }: PartResult): string[][] {
  const rows = (lines as readonly Line[]).flatMap((line) => rowOf(name, line));
  if (state === "ok") return rows;
  const reason = errors === undefined ? "" : `: ${lastLine(errors)}`;
  return [...rows, [name, "", "", "", "", "", "", `${state}${reason}`]];
}

function rowOf(part: string, line: Line): string[][] {
  if (line.passed !== undefined) {
    const failed = line.failed ?? [];
    const which = failed.map((one) => one.slice(0, 120)).join("; ");
    return [[
      part,
      "",
      "",
      "",
      "",
      "",
      "",
      `${line.passed} passed, ${failed.length} failed${which ? `: ${which}` : ""}`,
    ]];
  }
  if (line.torch !== undefined) return [[part, `${line.torch} on ${line.device}`, "", "", "", "", "", ""]];
  if (line.name === undefined) return [];
  if (line.refused !== undefined) {
    return [[part, line.name, "", "", "", "", "", `refused: ${line.refused.slice(0, 200)}`]];
  }
  const seconds = median(line.seconds!);
  const teraflops = line.teraflops ?? (line.flops === undefined ? undefined : line.flops / seconds / 1e12);
  const number = (value: number | null | undefined, digits: number) => value?.toFixed(digits) ?? "";
  return [[
    part,
    `${line.name}${line.tf32 ? ", TF32" : ""}`,
    seconds.toPrecision(3),
    number(teraflops, 1),
    number(line.dispatches, 0),
    number(line.recordingSeconds, 3),
    number(line.megabytes, 0),
    "",
  ]];
}

function lastLine(text: string): string {
  const line = text.trim().split("\n").find((one) => one.startsWith("error:")) ??
    text.trim().split("\n").at(-1)!;
  return line.slice(0, 200);
}
