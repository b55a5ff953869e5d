/** Puts the file of the packed benchmark into bench/RESULTS.md. */
import { record } from "../record.ts";
import { median } from "../statistics.ts";
import type { GpuResult, PartResult } from "./run.ts";

/** What a line of a part may hold; see measure.ts, products.ts and peer_gpu.py. */
interface Line {
  readonly name?: string;
  readonly seconds?: readonly number[];
  readonly teraflops?: number;
  readonly dispatches?: number;
  readonly recordingSeconds?: number;
  readonly megabytes?: number | null;
  readonly refused?: string;
  readonly passed?: number;
  readonly failed?: readonly string[];
  readonly tf32?: boolean;
  readonly flops?: number;
  readonly torch?: string;
  readonly device?: string;
}

/** Writes the section `gpu`. */
export async function take(result: GpuResult): Promise<void> {
  const { machine, commit, deno, started, parts } = result;
  await record("gpu", {
    title: "One GPU",
    text: [
      `Measured on ${started.slice(0, 10)} by the packed benchmark: ${
        machine["gpu"] || "no card that nvidia-smi knows"
      }; ` +
      `${machine["cpu"]}, ${machine["cores"]} cores; plca ${commit}, deno ${deno}.` +
      (result.small
        ? " The sizes are small: a processor imitated the GPU, and times say nothing about one."
        : ""),
      "Seconds: medians of rounds that end with a wait for the device, after one that compiles the shaders. MB: in use on the " +
      "device beyond the inputs; of PyTorch, all. Recording: the host's part of a round. `Dawn` is the WebGPU of Chromium in the place of Deno's own.",
    ],
    columns: ["part", "work", "s", "TFLOP/s", "dispatches", "recording s", "MB", "remark"],
    rows: parts.flatMap(rowsOf).map((cells) => cells.map((cell) => cell.replace(/\s+/g, " "))),
    machine: `${machine["gpu"] || "a processor that imitates a GPU"}; ${machine["cpu"]}, ${
      machine["cores"]
    } cores`,
    commands: [
      "deno task bench gpu --pack FOLDER --peer torch_plca.py",
      "FOLDER/run.sh --out gpu.json",
      "deno task bench gpu --take gpu.json",
    ],
  });
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
  return line.replaceAll("|", "/").slice(0, 200);
}
