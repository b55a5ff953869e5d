/**
 * Exported files beside the networks they come from:
 *
 *     deno task bench export [FOLDER]
 *
 * FOLDER is what `plca compare --out` wrote: its finished runs are exported as well, one of each method.
 */
import { join } from "node:path";
import { type RunFolder, runFolders } from "./method_runs.ts";
import { record } from "./record.ts";
import { plca } from "./report.ts";

/** A network, trained for a step, and how it is exported. */
interface Exported {
  readonly name: string;
  readonly sets: readonly string[];
  readonly args: readonly string[];
}

const RESNET101 = ["model={type: deeplab-v2, options: {layers: resnet101, width: 1}}"];
const AGGREGATION = "evaluation.aggregation={alpha: 0.5}";

const CASES: readonly Exported[] = [
  { name: "default recipe, logits", sets: [], args: [] },
  { name: "default recipe, bytes to labels", sets: [], args: ["--inputs", "uint8", "--outputs", "labels"] },
  {
    name: "default recipe, probabilities, 16 bits",
    sets: [],
    args: ["--outputs", "probabilities", "--half"],
  },
  { name: "ResNet-101, logits", sets: RESNET101, args: [] },
  {
    name: "ResNet-101, aggregation, probabilities, 96x160 only",
    sets: RESNET101,
    args: ["--aggregate", "--set", AGGREGATION, "--size", "96x160", "--outputs", "probabilities"],
  },
  {
    name: "MiT-B0 with SegFormer's head, logits",
    sets: ["model={type: mit, options: {size: b0}}"],
    args: [],
  },
];

/** What `plca export --json` prints of it. */
interface Found {
  readonly bytes: number;
  readonly operators: number;
  readonly difference: number;
  readonly largest: number;
  readonly pixels: number;
  readonly equal: number;
  readonly time: { readonly file: number; readonly own: number };
}

/** Trains each network for a step and exports it, then the adapted ones of the folder. */
export async function exported([comparison]: readonly string[]): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const rows: string[][] = [];
    const runs = new Map<string, string>();
    for (const { name, sets, args } of CASES) {
      const key = sets.join(), run = runs.get(key) ?? join(folder, `run-${runs.size}`);
      if (!runs.has(key)) await train(run, sets);
      runs.set(key, run);
      const text = await plca([
        "export",
        run,
        "--out",
        join(folder, `${rows.length}.onnx`),
        "--json",
        ...args,
      ]);
      rows.push(rowOf(name, JSON.parse(text)));
    }
    for (const { name, path, run } of comparison === undefined ? [] : await adaptedRuns(comparison)) {
      const text = await plca(["export", path, "--out", join(folder, `${rows.length}.onnx`), "--json"]);
      rows.push(rowOf(`${name}, adapted in ${stepsOf(run)} steps`, JSON.parse(text)));
    }
    await record("export", {
      title: "Exported files",
      text: [
        "Networks of one training step, written by `plca export` and compared with themselves on four drawn scenes of " +
        "160x96 and a batch of two; logits of a network that has learned nothing yet are large. Those called adapted are the runs " +
        "of a comparison of methods, after their last step. Times are of one scene: the file in ONNX Runtime, the network in plca on native.",
      ],
      columns: [
        "",
        "MB",
        "operators",
        "largest difference",
        "largest number",
        "equal labels",
        "file",
        "plca",
        "ratio",
      ],
      rows,
      commands: ["deno task bench export [FOLDER of plca compare street --out FOLDER]"],
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Of each method the finished run of the lowest seed, by name. */
async function adaptedRuns(folder: string): Promise<readonly RunFolder[]> {
  const lowest = new Map<string, RunFolder>();
  for await (const run of runFolders(folder)) {
    if (run.seed < (lowest.get(run.name)?.seed ?? Infinity)) lowest.set(run.name, run);
  }
  return [...lowest.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** Steps of all phases. */
function stepsOf({ phases }: RunFolder["run"]): number {
  return phases.reduce((sum, { log }) => sum + (log?.done ?? 0), 0);
}

async function train(run: string, sets: readonly string[]): Promise<void> {
  const all = [
    "training.steps=1",
    "training.batch=1",
    "baseline=null",
    "losses=[{type: cross-entropy}]",
    "evaluation.limit=1",
    "backend=native",
    ...sets,
  ];
  await plca(["train", "street", "--run", run, "--quiet", ...all.flatMap((set) => ["--set", set])]);
}

function rowOf(
  name: string,
  { bytes, operators, difference, largest, pixels, equal, time }: Found,
): string[] {
  return [
    name,
    (bytes / 1e6).toPrecision(3),
    String(operators),
    ...name.includes("labels") ? ["", ""] : [difference.toPrecision(2), largest.toPrecision(2)],
    `${(100 * equal / pixels).toFixed(3)} %`,
    `${time.file.toPrecision(3)} ms`,
    `${time.own.toPrecision(3)} ms`,
    (time.file / time.own).toFixed(2),
  ];
}
