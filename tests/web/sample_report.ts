/** A report of two runs, drawn by hand, for tests of the page. */
import { zlibSync } from "fflate";
import { encode } from "fast-png";
import { Buffer } from "node:buffer";
import type { Evaluation } from "../../core/events.ts";
import type { Picture, ReportData, ReportPhase, ReportRun } from "../../report/report_data.ts";

/** Texts that would do something, were they more than text. */
export const HOSTILE = {
  markup: "<img src=x onerror=\"document.title='taken'\">",
  end: "</script><script>document.title='taken'</script>",
  reversed: "car\u202egpj.exe",
  ansi: "\x1b[31mred\x1b[0m",
} as const;

/** The classes of the sample: the last two are hostile. */
export const CLASSES = ["road", HOSTILE.markup, HOSTILE.reversed];

const CONFUSION = [[900, 100, 0], [50, 150, 0], [10, 0, 40]];

/** Percent IoU 84.9, 50.0, 80.0. */
export const EVALUATION: Evaluation = {
  split: "val",
  images: 2,
  labelSize: "original 8x4",
  classes: CLASSES,
  iou: [900 / 1060, 150 / 300, 40 / 50],
  miou: 0.7163522,
  pixelAccuracy: 1090 / 1250,
  confusion: CONFUSION,
};

/** `steps` points of each curve. */
export function samplePhase(name: string, more: Partial<ReportPhase> = {}): ReportPhase {
  const x = Array.from({ length: 50 }, (_, k) => k + 1);
  const curve = (value: (step: number) => number) => ({ x, y: x.map(value) });
  return {
    name,
    step: 50,
    steps: 50,
    curves: {
      total: curve((step) => 10 / step),
      rate: curve(() => 2),
      learningRate: curve((step) => 0.01 - step / 1e4),
      "terms/cross-entropy": curve((step) => 4 / step),
      "terms/association/layer4 associated": curve((step) => step / 100),
      "diagnostics/association/layer4 correct": curve((step) => step / 60),
      "diagnostics/seconds/input": curve(() => 0.25),
      [`terms/${HOSTILE.markup}`]: curve((step) => step),
    },
    medians: { rate: 3, "diagnostics/seconds/input": 0.125 },
    miou: { x: [25, 50], y: [0.5, 0.7] },
    best: { step: 50, miou: 0.7, pixelAccuracy: 0.8, iou: [0.7, 0.7, 0.7], labelSize: "original 8x4" },
    latest: { step: 50, miou: 0.7, pixelAccuracy: 0.8, iou: [0.7, 0.7, 0.7], labelSize: "original 8x4" },
    seconds: 75,
    evaluation: EVALUATION,
    ...more,
  };
}

/** An image of 8 x 4 pixels: road on the left of the truth; the second network says road everywhere. */
export function samplePicture(id: string): Picture {
  const plane = (value: (x: number) => number) =>
    Buffer.from(zlibSync(Uint8Array.from({ length: 32 }, (_, k) => value(k % 8)))).toString("base64");
  const png = encode({ width: 8, height: 4, channels: 3, data: new Uint8Array(96).fill(120) });
  return {
    id,
    width: 8,
    height: 4,
    original: `data:image/png;base64,${Buffer.from(png).toString("base64")}`,
    truth: plane((x) => x < 4 ? 0 : 1),
    predictions: [plane((x) => x % 2), plane(() => 0)],
    miou: [0.333333, 0.25],
  };
}

export function sampleRun(title: string, more: Partial<ReportRun> = {}): ReportRun {
  return {
    title,
    state: "finished",
    facts: [["seed", "7"], ["command", `plca train ${HOSTILE.ansi}`]],
    config: `name: a\n# ${HOSTILE.end}\n`,
    notes: [HOSTILE.end],
    phases: [
      samplePhase("source-only", {
        evaluation: { ...EVALUATION, miou: 0.5, iou: [0.6, null, 0.4] },
      }),
      samplePhase("full"),
    ],
    pictures: {
      networks: ["source-only", "full"],
      of: 2,
      best: [samplePicture(HOSTILE.reversed)],
      worst: [samplePicture(HOSTILE.markup)],
    },
    ...more,
  };
}

export function sampleReport(runs: readonly ReportRun[], more: Partial<ReportData> = {}): ReportData {
  return {
    title: runs.map(({ title }) => title).join(", "),
    made: "2030-01-02T03:04:05.000Z",
    version: "0.1.0",
    runs,
    differences: [],
    groups: [{
      classes: CLASSES,
      colours: [[128, 64, 128], [70, 130, 180], [0, 0, 142]],
      runs: runs.map((_, k) => k),
    }],
    ...more,
  };
}
