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

withRuns("table shows runs, subsets and the paper's rows, and where pixels were counted", async (folder) => {
  const { code, stdout, stderr } = await plca(["table", "first", "second.json", "--paper"], { cwd: folder });
  assert.deepEqual([code, stderr], [0, ""]);
  const lines = stdout.split("\n").map((line) => line.replace(/ +/g, " "));
  assert.deepEqual(lines.slice(0, 5), [
    "IoU % road sidew. build. wall fence pole light sign veget. sky person rider car bus motor. bicyc. mIoU mIoU*",
    `first 25.0 - ${"25.0 ".repeat(15)}12.5`,
    `second 50.0 - ${"50.0 ".repeat(15)}25.0`,
    "Source Only (paper) 51.2 21.8 67.8 8.2 0.1 26.2 17.7 17.3 69.2 67.1 52.7 22.8 62.3 31.6 21.0 46.1 36.4 42.2",
    "AdaptSeg (paper, AT) 84.3 42.7 77.5 - - - 4.7 7.0 77.9 82.5 54.3 21.0 72.3 32.2 18.9 32.3 - 46.7",
  ]);
  assert.deepEqual(lines.slice(12), [
    "PLCA (paper) 82.6 29.0 81.0 11.2 0.2 33.6 24.9 18.3 82.8 82.3 62.1 26.5 85.6 48.9 26.8 52.2 46.8 54.0",
    "mIoU*: mean of 13 classes, without wall, fence, pole",
    "first: 500 images of val, pixels counted at size original 2048x1024",
    "second: 500 images of val, pixels counted at size original 2048x1024",
    "(paper): Kang et al. 2020, Table 3, SYNTHIA to Cityscapes; DeepLab-v2 with ResNet-101; PLCA counted at size " +
    "original 2048x1024, the others as their own papers report them; AT: adversarial training, ST: self-training",
    "",
  ]);
});

withRuns(
  "the paper's rows as CSV, Markdown and LaTeX: a cell that its text has lost is empty",
  async (folder) => {
    const lines = async (format: string) =>
      (await plca(["table", "nineteen.json", "--paper", "--format", format], { cwd: folder })).stdout.split(
        "\n",
      );
    const csv = await lines("csv");
    assert.ok(
      csv.includes(
        '"PatchAlign (paper, AT)",92.3,51.9,82.1,29.2,25.1,24.5,,33.0,82.4,32.8,82.2,58.6,27.2,84.3,33.4,46.3,2.2,29.5,32.3,46.5,-,-',
      ),
    );
    assert.ok(csv.some((line) => /^# PatchAlign \(paper, AT\): its traffic light is lost /.test(line)));
    const markdown = await lines("markdown");
    assert.ok(
      markdown.some((line) => /^\| CRST \(paper, ST\) \| 91\.0 \|.*\| 47\.1 \| - \| - \|$/.test(line)),
    );
    const latex = await lines("latex");
    assert.ok(latex.some((line) => /^ {2}PLCA \(paper\) & 84\.0 & .* & 47\.7 & - & - \\\\$/.test(line)));
  },
);

withRuns("a mean over nothing is no number", async (folder) => {
  const whole = evaluation("synthia-16", 0.25);
  const none = {
    ...{ ...whole, iou: whole.iou.map(() => null), miou: null, pixelAccuracy: null },
    subsets: whole.subsets.map((subset) => ({ ...subset, miou: null })),
  };
  await Deno.writeTextFile(join(folder, "none.json"), JSON.stringify(none));
  const { code, stdout } = await plca(["table", "none.json", "--format", "csv"], { cwd: folder });
  assert.equal(code, 0);
  assert.match(stdout, /^none(?:,-){18}$/m);
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
  ["gone", "gone: there is no such run folder or file\n"],
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
