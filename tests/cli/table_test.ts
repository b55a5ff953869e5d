import assert from "node:assert/strict";
import { join } from "node:path";
import { CITYSCAPES_SPACES } from "../../datasets/cityscapes_classes.ts";
import { inFolder, plca } from "./fake_host.ts";

const evaluation = (space: keyof typeof CITYSCAPES_SPACES, miou: number) => {
  const { classes, subsets = [] } = CITYSCAPES_SPACES[space];
  return {
    split: "val",
    images: 500,
    labelSize: "original 2048x1024",
    classes,
    iou: classes.map((_, id) => id === 1 ? null : miou),
    miou,
    subsets: subsets.map(({ name, ids }) => ({
      name,
      classes: ids.map((id) => classes[id]),
      miou: miou / 2,
    })),
    pixelAccuracy: 0.5,
    confusion: [],
  };
};

function withRuns(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test(name, () =>
    inFolder(async (folder) => {
      await Deno.mkdir(join(folder, "first"));
      await Deno.mkdir(join(folder, "empty"));
      const write = (file: string, value: unknown) =>
        Deno.writeTextFile(join(folder, file), JSON.stringify(value));
      await write("first/evaluation.json", evaluation("synthia-16", 0.25));
      await write("second.json", evaluation("synthia-16", 0.5));
      await write("nineteen.json", evaluation("cityscapes-19", 0.5));
      await write("other.json", { classes: ["a"], iou: [2] });
      await Deno.writeTextFile(join(folder, "text.json"), "no JSON");
      await body(folder);
    }));
}

withRuns("table shows runs, subsets and the paper's row, and where pixels were counted", async (folder) => {
  const { code, stdout, stderr } = await plca(["table", "first", "second.json", "--paper"], { cwd: folder });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(stdout.split("\n").map((line) => line.replace(/ +/g, " ")), [
    "IoU % road sidew. build. wall fence pole light sign veget. sky person rider car bus motor. bicyc. mIoU mIoU*",
    `first 25.0 - ${"25.0 ".repeat(15)}12.5`,
    `second 50.0 - ${"50.0 ".repeat(15)}25.0`,
    "PLCA (paper, SYNTHIA) 82.6 29.0 81.0 11.2 0.2 33.6 24.9 18.3 82.8 82.3 62.1 26.5 85.6 48.9 26.8 52.2 46.8 54.0",
    "mIoU*: mean of 13 classes, without wall, fence, pole",
    "first: 500 images of val, pixels counted at size original 2048x1024",
    "second: 500 images of val, pixels counted at size original 2048x1024",
    "PLCA (paper, SYNTHIA): Kang et al. 2020, Table 3, counted at size original 2048x1024",
    "",
  ]);
});

withRuns("table as Markdown, LaTeX and CSV", async (folder) => {
  const lines = async (format: string) =>
    (await plca(["table", "first", "--format", format], { cwd: folder })).stdout.split("\n");
  const markdown = await lines("markdown");
  assert.match(markdown[0]!, /^\| IoU % \| road \| sidewalk \|.* bicycle \| mIoU \| mIoU\* \|$/);
  assert.match(markdown[1]!, /^\| --- (\| --: ){18}\|$/);
  assert.match(markdown[2]!, /^\| first \| 25\.0 \| - \| 25\.0 \|.* 12\.5 \|$/);
  const latex = await lines("latex");
  assert.equal(latex[1], "% first: 500 images of val, pixels counted at size original 2048x1024");
  assert.equal(latex[2], `\\begin{tabular}{l${"r".repeat(18)}}`);
  assert.match(latex[4]!, /^ {2}IoU \\% & road & sidewalk & .* & mIoU\* \\\\$/);
  const csv = await lines("csv");
  assert.match(csv[2]!, /^IoU %,road,sidewalk,.*,mIoU,mIoU\*$/);
  assert.match(csv[3]!, /^first,25\.0,-,25\.0,.*,12\.5$/);
});

const WRONG: readonly (readonly [args: string, message: string])[] = [
  ["gone", "gone: there is no such file\n"],
  ["empty", "empty: it has no evaluation.json: its training did not come to its end, or had no val split\n"],
  ["text.json", "text.json: it is not JSON; expected a run folder or what plca eval --json prints\n"],
  [
    "other.json",
    "other.json: it holds no evaluation; expected a run folder or what plca eval --json prints\n",
  ],
];

for (const [args, message] of WRONG) {
  withRuns(`table ${args}: exit 2 and one line`, async (folder) => {
    const { code, stderr } = await plca(["table", ...args.split(" ")], { cwd: folder });
    assert.deepEqual([code, stderr], [2, message]);
  });
}

withRuns("runs of different classes are not put side by side", async (folder) => {
  const { code, stderr } = await plca(["table", "first", "nineteen.json"], { cwd: folder });
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^nineteen has other classes than first: road, .* bicycle; expected road, .* bicycle\n$/,
  );
});
