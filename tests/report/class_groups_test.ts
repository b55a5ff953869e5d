import assert from "node:assert/strict";
import { classGroups } from "../../report/class_groups.ts";
import { distinctColours } from "../../report/colours.ts";
import type { ReportPhase, ReportRun } from "../../report/report_data.ts";

const run = (phase: Partial<ReportPhase> = {}): ReportRun => ({
  title: "",
  state: "finished",
  facts: [],
  notes: [],
  phases: [phase as ReportPhase],
});
const space = (classes: string[]) => ({ name: "s", classes, ignore: 255 });

Deno.test("runs of the same classes are together, others apart", () => {
  const colours = [[1, 2, 3], [4, 5, 6]] as const;
  const groups = classGroups([
    { run: run(), space: { ...space(["road", "sky"]), colours } },
    { run: run(), space: space(["sky", "road"]) },
    { run: run(), space: space(["road", "sky"]) },
  ]);
  assert.deepEqual(groups, [
    { classes: ["road", "sky"], colours, runs: [0, 2] },
    { classes: ["sky", "road"], colours: distinctColours(2), runs: [1] },
  ]);
});

Deno.test("without its recipe a run has the classes of its evaluation, else as many as were validated", () => {
  const evaluation = { classes: ["a", "b"] } as unknown as NonNullable<ReportPhase["evaluation"]>;
  const latest = { iou: [0.5, null, 1] } as unknown as NonNullable<ReportPhase["latest"]>;
  const classes = (phase: Partial<ReportPhase>) =>
    classGroups([{ run: run(phase), space: undefined }])[0]!.classes;
  assert.deepEqual(classes({ evaluation, latest }), ["a", "b"]);
  assert.deepEqual(classes({ latest }), ["class 0", "class 1", "class 2"]);
  assert.deepEqual(classes({}), []);
});
