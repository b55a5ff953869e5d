/**
 * Puts the files that the packed benchmark wrote on other machines into bench/RESULTS.md:
 *
 *     deno task bench gpu --take FILE [--take FILE]...
 */
import { isSoftware } from "../../backends/webgpu/backend.ts";
import { record, type Section, type SectionId } from "../record.ts";
import { median } from "../statistics.ts";
import type { Measured } from "./measure.ts";
import { MOST_BYTES } from "./pack.ts";
import type { ProductTimes } from "./products.ts";
import type { GpuResult, PartResult } from "./run.ts";

/** What a line of a part may hold: what is measured here, what tests say, and what peer_gpu.py prints. */
type Line = Partial<Omit<Measured & ProductTimes, "megabytes">> & {
  readonly megabytes?: number | null;
  readonly info?: Readonly<Record<"vendor" | "device" | "description", string>>;
  readonly refused?: string;
  readonly passed?: number;
  readonly failed?: readonly string[];
  readonly tf32?: boolean;
  readonly flops?: number;
  readonly torch?: string;
  readonly device?: string;
};

/** Writes the sections of {@linkcode gpuSections}. */
export async function take(results: readonly GpuResult[]): Promise<void> {
  for (const [id, section] of gpuSections(results)) await record(id, section);
}

/**
 * The section `gpu` of what a card measured, and `gpu_software` of what a processor did that imitates one;
 * the two are never mixed.
 * @param results of machines of either kind, the first of its like first; where several of a kind hold a part,
 * the last one that ended well counts
 * @throws Error for a card that was measured with small sizes
 */
export function gpuSections(results: readonly GpuResult[]): readonly [SectionId, Section][] {
  const imitated = results.filter((result) => isImitated(result));
  const real = results.filter((result) => !imitated.includes(result));
  return [
    ...real.length === 0 ? [] : [["gpu", cardSection(real)] satisfies [SectionId, Section]],
    ...imitated.length === 0
      ? []
      : [["gpu_software", imitatedSection(imitated)] satisfies [SectionId, Section]],
  ];
}

/** Whether the processor stood in for a GPU. */
function isImitated(result: GpuResult): boolean {
  const adapter = adapterOf(result);
  if (adapter === undefined) return result.small;
  if (isSoftware(adapter)) return true;
  if (!result.small) return false;
  throw new Error(`${adapter} was measured with --small, which says nothing about a card: leave --small out`);
}

/** The adapter's name as the part of that name told it; undefined if that part failed. */
function adapterOf({ parts }: GpuResult): string | undefined {
  const lines = parts.filter(({ name }) => name === "adapter").flatMap((part) =>
    part.lines
  ) as readonly Line[];
  const { vendor, device, description } = lines.find(({ info }) => info)?.info ?? {};
  return [vendor, device, description].filter((part) => part).join(" ") || undefined;
}

function cardSection(results: readonly GpuResult[]): Section {
  return {
    ...common(
      results,
      (first) => `${first.machine["gpu"] || adapterOf(first) || "an adapter without a name"}`,
    ),
    title: "One GPU",
    text: [
      results.length === 1
        ? "One start of the packed benchmark."
        : `${results.length} starts of the packed benchmark on cards of one kind; what is compared may be of different starts.`,
      ...packText(results),
      COLUMNS_TEXT,
    ],
    commands: [
      PACKING,
      "FOLDER/run.sh --out gpu.json",
      "deno task bench gpu --take gpu.json",
    ],
  };
}

function imitatedSection(results: readonly GpuResult[]): Section {
  const alone = isAlone(results), { seconds } = results[0]!;
  const words = ["--small", ...seconds === undefined ? [] : [`--seconds ${seconds}`], "--out gpu.json"];
  return {
    ...common(results, (first) => adapterOf(first) ?? "a processor that imitates a GPU"),
    title: "The packed GPU benchmark on software Vulkan",
    text: [
      "No GPU: the processor imitates one. This shows that the pack runs where there is nothing but a Vulkan driver, and " +
      `what it measures${
        results.some(({ small }) => small) ? ", at small sizes" : ""
      }; its times say nothing about a GPU.`,
      ...packText(results),
      COLUMNS_TEXT,
    ],
    commands: [
      PACKING,
      `${alone ? "unshare -n " : ""}FOLDER/run.sh ${words.join(" ")}`,
      "deno task bench gpu --take gpu.json",
    ],
  };
}

const PACKING = "deno task bench gpu --pack FOLDER --peer torch_plca.py";

/** Whether none of the starts could reach a network. */
function isAlone(results: readonly GpuResult[]): boolean {
  return results.every(({ network }) => network?.length === 0);
}

/** The pack's size, and that it needed no network, of files that tell it. */
function packText(results: readonly GpuResult[]): string[] {
  const bytes = results.flatMap((result) => result.bytes ?? []);
  const size = `The packed folder has ${(Math.max(...bytes) / 1e6).toFixed(1)} MB, of ${
    MOST_BYTES / 1e6
  } that it may have.`;
  const alone =
    "It ran in a network namespace without a network (`unshare -n`): no interface had an address.";
  const told = [...bytes.length > 0 ? [size] : [], ...isAlone(results) ? [alone] : []];
  return told.length === 0 ? [] : [told.join(" ")];
}

const COLUMNS_TEXT =
  "Seconds: medians of rounds that end with a wait for the device, after one that compiles the shaders; TFLOP/s of " +
  "products: of the fastest round. MB: in use on the device beyond the inputs; of PyTorch, all. Recording: the host's " +
  "part of one more round. `Dawn` is the WebGPU of Chromium in the place of Deno's own.";

/** What both sections have: the table and where it is from. */
function common(
  results: readonly GpuResult[],
  adapter: (first: GpuResult) => string,
): Pick<Section, "columns" | "rows" | "measured"> {
  const parts = new Map<string, PartResult>();
  for (const part of results.flatMap((result) => result.parts)) {
    if (part.state === "ok" || parts.get(part.name)?.state !== "ok") parts.set(part.name, part);
  }
  const first = results[0]!, { machine, deno, started } = first;
  return {
    columns: ["part", "work", "s", "TFLOP/s", "dispatches", "recording s", "MB", "remark"],
    rows: [...parts.values()].flatMap(rowsOf).map((cells) => cells.map(cellText)),
    measured: {
      date: started.slice(0, 10),
      machine: `${adapter(first)}; ${machine["cpu"]}, ${machine["cores"]} cores`,
      versions: `plca ${[...new Set(results.map((result) => result.commit))].join(" and ")}, deno ${deno}`,
    },
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
    teraflops !== undefined && teraflops < 1 ? teraflops.toPrecision(2) : number(teraflops, 1),
    number(line.dispatches, 0),
    number(line.recordingSeconds, 3),
    number(line.megabytes, 0),
    "",
  ]];
}

function lastLine(text: string): string {
  const line = text.trim().split("\n").findLast((one) => one.startsWith("error:")) ??
    text.trim().split("\n").at(-1)!;
  return line.slice(0, 200);
}
