/**
 * Associations and evaluation, and training steps, beside the PyTorch peer, each in a process of its own, ours
 * and the peer's in turn:
 *
 *     deno task bench speed [torch_plca.py]
 *     deno task bench steps [torch_plca.py]
 *     deno task bench products    (of `speed`: associations beside their own products)
 */
import { fileURLToPath } from "node:url";
import { COMPARED_COLUMNS, COMPARED_TEXT, compareWorks, type Work } from "./compared.ts";
import { findPeer, runOurs, runScript } from "./processes.ts";
import { record } from "./record.ts";
import type { Share } from "./speed_child.ts";
import { median, medianAndRange } from "./statistics.ts";

function associationWork(
  side: number,
  channels: number,
  similarity: string,
  rest: Pick<Work, "rounds" | "goals">,
): Work {
  const metric = similarity === "cosine" ? "cos" : "kl";
  return {
    title: `association, ${similarity}, ${side}x${side}x${channels}, forward + backward`,
    ours: ["association", `${side}`, `${channels}`, similarity],
    peer: (script) => [script, "assoc", "--size", `${side}`, "--channels", `${channels}`, "--metric", metric],
    memory: "extra",
    ...rest,
  };
}

function stepWork(
  title: string,
  shape: { layers: string; width: number; crop: number; batch: number },
  rounds: number,
): Work {
  const { layers, width, crop, batch } = shape;
  const sizes = ["--width", `${width}`, "--crop", `${crop}`, "--batch", `${batch}`];
  return {
    title: `training step, ${title}, crop ${crop}, batch ${batch}+${batch}`,
    ours: ["step", `[${layers}]`, `${width}`, `${crop}`, `${batch}`, "6"],
    peer: (script) => [script, "step", "--layers", layers, ...sizes, "--repeat", "6"],
    rounds,
    memory: "peak",
    goals: [0.85, undefined],
  };
}

/** Associations, forward and backward. */
const ASSOCIATIONS: readonly Work[] = [
  associationWork(92, 2048, "cosine", { rounds: 3, goals: [0.75, 0.15] }),
  associationWork(92, 19, "negative-kl", { rounds: 5, goals: [0.4, 0.1] }),
  associationWork(46, 512, "cosine", { rounds: 7, goals: [0.75, undefined] }),
];

const STEPS: readonly Work[] = [
  stepWork("ResNet-101", { layers: "3,4,23,3", width: 1, crop: 129, batch: 1 }, 5),
  // It takes many seconds, so that chance plays a smaller part in it.
  stepWork("ResNet-101", { layers: "3,4,23,3", width: 1, crop: 321, batch: 1 }, 3),
  stepWork("layers 1,1,1,1, width 0.5", { layers: "1,1,1,1", width: 0.5, crop: 144, batch: 2 }, 5),
];

const EVALUATION: Work = {
  title: "evaluation, ResNet-101, 1460x730, with aggregation",
  ours: ["evaluation", "730", "1460"],
  peer: (script) => [fileURLToPath(new URL("peer_evaluation.py", import.meta.url)), script, "730", "1460"],
  rounds: 3,
  memory: "extra",
  goals: [0.8, 0.5],
};

/** Associations that are measured in turn with their own products: side, channels, rounds. */
const SHARES = [[92, 2048, 3], [46, 512, 9]] as const;

/** Sides of the images whose association's memory is followed. */
const GROWTH = [32, 48, 64, 96, 128];

/** Compares works, ours and the peer's where it is installed. */
async function compared(works: readonly Work[], given: string | undefined) {
  const found = await findPeer(given);
  const peer = typeof found === "string" ? undefined : found;
  if (typeof found === "string") console.log(found);
  return { rows: await compareWorks(works, peer), peer: peer === undefined ? "" : " torch_plca.py" };
}

/** Measures associations and the evaluation. */
export async function speed([given]: readonly string[]): Promise<void> {
  const { rows, peer } = await compared([...ASSOCIATIONS, EVALUATION], given);
  const growth = [];
  for (const name of ["negative-kl", "cosine"]) growth.push(await growthOf(name));
  await record("speed", {
    title: "Association and evaluation beside the PyTorch peer",
    text: [
      COMPARED_TEXT,
      "Memory is the highest resident set above that before the work.",
      ...growth,
    ],
    columns: COMPARED_COLUMNS,
    rows,
    commands: [`deno task bench speed${peer}`],
  });
  await products();
}

/** Measures associations in turn with the products that they compute, which is what no other way could save. */
export async function products(): Promise<void> {
  const rows: string[][] = [];
  for (const [side, channels, rounds] of SHARES) {
    const args = ["share", `${side}`, `${channels}`, "cosine", `${rounds}`];
    const found = await runScript("speed_child.ts", args) as Share;
    const { association, alone, large, operations } = found;
    const rate = (seconds: readonly number[], count = operations) =>
      medianAndRange(seconds.map((time) => count / time / 1e9), 0);
    rows.push([
      `cosine, ${side}x${side}x${channels}, forward + backward (${rounds} rounds)`,
      `${found.products}`,
      (operations / 1e12).toPrecision(3),
      medianAndRange(association, 2),
      medianAndRange(alone, 2),
      medianAndRange(alone.map((time, k) => time / association[k]!), 2),
      rate(association),
      rate(alone),
      rate(large, 2 * 4096 ** 3),
    ]);
    console.log(rows.at(-1)!.join(" | "));
  }
  await record("own_products", {
    title: "Associations beside their own products",
    text: [
      "How much of an association is matrix products? In one process, in turn: the association; the products that it asked " +
      "the library for, once more alone, in the same shapes and order and by the same threads, on memory of their own; a " +
      "product of 4096 x 4096 x 4096. Median and range over rounds after a first one; share: products alone by association " +
      "of the same round.",
    ],
    columns: [
      "association",
      "products",
      "TFLOP",
      "s",
      "products alone, s",
      "share",
      "GFLOP/s",
      "products alone, GFLOP/s",
      "4096 x 4096 x 4096, GFLOP/s",
    ],
    rows,
    commands: ["deno task bench products"],
  });
}

/** Measures training steps. */
export async function steps([given]: readonly string[]): Promise<void> {
  const { rows, peer } = await compared(STEPS, given);
  await record("steps", {
    title: "Training steps beside the PyTorch peer",
    text: [COMPARED_TEXT, "Memory is the highest resident set."],
    columns: COMPARED_COLUMNS,
    rows,
    commands: [`deno task bench steps${peer}`],
  });
}

/** How the memory of an association grows from 32x32 to 128x128 pixels. */
async function growthOf(similarity: string): Promise<string> {
  const channels = similarity === "cosine" ? 256 : 19;
  const memory: number[] = [];
  for (const side of GROWTH) {
    const runs = [];
    for (let k = 0; k < 3; k++) {
      runs.push(await runOurs(["association", `${side}`, `${channels}`, similarity]));
    }
    memory.push(median(runs.map(({ extra }) => extra)));
  }
  const sizes = GROWTH.map((side, k) => `${memory[k]!.toFixed(3)} at ${side}x${side}`).join(", ");
  const large = GROWTH.findIndex((side) => side >= 64);
  return `Growth of an association's memory, ${similarity} on ${channels} channels, median of 3, GB: ${sizes}. ` +
    `Fitted over all of them, memory grows with the pixels to the power ${
      exponent(memory, 0).toFixed(2)
    }, from 64x64 on ` +
    `to the power ${exponent(memory, large).toFixed(2)}.`;
}

/** The slope of a line through the logarithms, by least squares. */
function exponent(memory: readonly number[], from: number): number {
  const all = memory.map((value, k) => [Math.log(GROWTH[k]! ** 2), Math.log(value)] as const);
  const points = all.slice(from);
  const middle = [0, 1].map((k) => points.reduce((sum, point) => sum + point[k]!, 0) / points.length);
  const [x0, y0] = middle as [number, number];
  const slope = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0);
  return slope / points.reduce((sum, [x]) => sum + (x - x0) ** 2, 0);
}
