/** A finished run with three phases, made by hand. */
import { dirname, join } from "node:path";
import { linesOf, stepLine, validationLine } from "./memory_run.ts";

/** Their names, in the order in which they are trained: mIoU 0.2, 0.3 and 0.5 in the end. */
export const PHASES = ["source-only", "warm-up", "adapted"] as const;

function evaluation(phase: string, miou: number): string {
  return JSON.stringify({
    phase,
    step: 40,
    split: "val",
    images: 2,
    labelSize: "original 40x32",
    classes: ["road", "sky"],
    iou: [miou, null],
    miou,
    pixelAccuracy: 0.7,
    confusion: [[1, 0], [0, 0]],
  });
}

/** Its files by path. The recipe is called otherwise than its last phase. */
export const THREE_PHASES: Readonly<Record<string, string>> = {
  "config.yaml":
    "name: rounds\nbaseline: { name: source-only }\nphases: [{ name: warm-up }, { name: adapted }]\n",
  "run.json": JSON.stringify({ recipe: "rounds", seed: 3 }),
  "events.jsonl": linesOf(
    ...PHASES.flatMap((phase, k) => [
      { type: "start", phase, steps: 40, batch: 2 },
      stepLine(40, { phase, terms: { [`loss-${k}`]: k } }),
      validationLine(40, [0.2, 0.3, 0.4][k]!, { phase }),
      { type: "end", phase, step: 40, interrupted: false },
    ]),
  ),
  "baseline/evaluation.json": evaluation("source-only", 0.2),
  "baseline/checkpoints/last.safetensors": "x",
  "phases/warm-up/evaluation.json": evaluation("warm-up", 0.3),
  "phases/warm-up/checkpoints/best.safetensors": "x",
  "phases/warm-up/checkpoints/last.safetensors": "x",
  "evaluation.json": evaluation("adapted", 0.5),
  "checkpoints/last.safetensors": "x",
};

/** Writes it into a folder, which is made. */
export async function writeThreePhases(folder: string): Promise<void> {
  for (const [path, text] of Object.entries(THREE_PHASES)) {
    await Deno.mkdir(join(folder, dirname(path)), { recursive: true });
    await Deno.writeTextFile(join(folder, path), text);
  }
}
