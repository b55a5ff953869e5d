/**
 * What benchmarks measured: one JSON file each in bench/results, and bench/RESULTS.md drawn from all of them.
 */
import project from "../deno.json" with { type: "json" };
import { processorName } from "./processor.ts";

/** The sections of RESULTS.md, in its order. */
const SECTIONS = [
  "speed",
  "own_products",
  "steps",
  "backbones",
  "backbone_operators",
  "tensorflow",
  "tensorflow_operators",
  "checkpointing",
  "published",
  "published_frozen",
  "input",
  "street",
  "camvid",
  "ablation",
  "methods",
  "methods_classes",
  "methods_camvid",
  "methods_camvid_classes",
  "method_steps",
  "pseudo_labels",
  "networks",
  "levels",
  "dinov2",
  "faults",
  "clusters",
  "clusters_kills",
  "clusters_published",
  "clusters_nodes",
  "report",
  "view",
  "export",
  "gpu",
  "gpu_software",
] as const;

/** A section of RESULTS.md. */
export type SectionId = typeof SECTIONS[number];

/** A measurement, as it stands in RESULTS.md. */
export interface Section {
  readonly title: string;
  /** What repeats it, from the project's folder. */
  readonly commands: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Paragraphs above the table. */
  readonly text: readonly string[];
  /** When, where and with what it was measured; absent: now, here, with this. */
  readonly measured?: Measured;
}

/** The circumstances of a measurement. */
export interface Measured {
  readonly date: string;
  readonly machine: string;
  readonly versions: string;
}

type Recorded = Omit<Section, "measured"> & Measured;

const RESULTS = new URL("results/", import.meta.url);
const PAGE = new URL("RESULTS.md", import.meta.url);

/**
 * Keeps a measurement and draws the page again. Whoever measures may say in `BENCH_NOTE` what a reader has to
 * know of the hour, as that other work ran beside; it becomes the last paragraph above the table.
 */
export async function record(id: SectionId, { measured, text, ...section }: Section): Promise<void> {
  const note = Deno.env.get("BENCH_NOTE");
  const texts = note === undefined ? text : [...text, note];
  const recorded: Recorded = { ...section, text: texts, ...measured ?? await hereAndNow() };
  await Deno.mkdir(RESULTS, { recursive: true });
  await Deno.writeTextFile(new URL(`${id}.json`, RESULTS), `${JSON.stringify(recorded, null, 2)}\n`);
  await Deno.writeTextFile(PAGE, await page());
}

async function hereAndNow(): Promise<Measured> {
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: await machine(),
    versions: [
      `plca ${await commit()}`,
      `deno ${Deno.version.deno}`,
      ...["@tensorflow/tfjs-core", "onnxruntime-node"].map((name) => `${name} ${pinned(name)}`),
    ].join(", "),
  };
}

async function machine(): Promise<string> {
  const memory = `${Math.round(Deno.systemMemoryInfo().total / 2 ** 30)} GiB`;
  return [await processorName(), `${navigator.hardwareConcurrency} cores`, memory].join(", ");
}

function pinned(name: string): string {
  const specifier = (project.imports as Record<string, string>)[name]!;
  return specifier.slice(specifier.lastIndexOf("@") + 1);
}

/** The current commit, and whether something but bench/ differs from it. */
export async function commit(): Promise<string> {
  const git = async (...args: string[]) => {
    const { stdout } = await new Deno.Command("git", { args, cwd: new URL("..", import.meta.url) }).output();
    return new TextDecoder().decode(stdout).trim();
  };
  const changed = await git("status", "--porcelain", "--", ".", ":!bench");
  return `${await git("rev-parse", "--short", "HEAD")}${changed === "" ? "" : " with changes"}`;
}

async function page(): Promise<string> {
  const parts = [
    "# Measured results",
    "Written by the benchmarks from `bench/results/`; no figure is typed by hand. These machines are noisy: compare " +
    "ratios and medians, and read single differences below about 10 % as nothing.",
  ];
  for (const id of SECTIONS) {
    const text = readOr(new URL(`${id}.json`, RESULTS), "");
    if (text !== "") parts.push(draw(JSON.parse(text)));
  }
  return await formatted(`${parts.join("\n\n")}\n`);
}

function draw({ title, text, columns, rows, commands, date, machine, versions }: Recorded): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const table = [line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
  const how = ["```sh", ...commands, "```"].join("\n");
  return [`## ${title}`, ...text, table, how, `Measured on ${date}: ${machine}; ${versions}.`].join("\n\n");
}

async function formatted(markdown: string): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    cwd: new URL("..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}

function readOr(path: string | URL, otherwise: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return otherwise;
  }
}
