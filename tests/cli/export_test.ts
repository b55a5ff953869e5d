/** `plca export`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { plca } from "./fake_host.ts";
import { folderTest, tinyRecipe } from "./tiny.ts";

async function trained(folder: string): Promise<void> {
  await Deno.writeTextFile(
    join(folder, "tiny.yaml"),
    tinyRecipe(
      "training: { steps: 1, batch: 1, validate_every: 0 }\nbaseline: null\n" +
        "losses: [{ type: cross-entropy }]\nevaluation: { flip: true }",
    ),
  );
  const { code, stderr } = await plca(["train", "tiny.yaml"], { cwd: folder });
  assert.equal(code, 0, stderr);
}

const RUN = "runs/tiny-001";

folderTest("a run is exported, and the file says what it is", trained, async (folder) => {
  const run = (...args: string[]) => plca(["export", RUN, ...args], { cwd: folder });
  const { code, stdout, stderr } = await run("--out", "tiny.onnx");
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    new RegExp(
      [
        `^${RUN}/checkpoints/last\\.safetensors written to tiny\\.onnx: 0\\.\\d+ MB, \\d+ operators, opset 17`,
        "  in   images: float32 \\[batch, 3, height, width\\]",
        "  out  logits: float32 \\[batch, 8, map_height, map_width\\]",
        "Compared with the network on 2 images of val: largest difference \\S+, 100\\.000 % of \\d+ labels equal",
        "One image: \\S+ ms in ONNX Runtime 1\\.22\\.0, \\S+ ms in plca on wasm \\(ratio \\S+\\)",
        "note: evaluation\\.flip is left out: the file makes one pass over one size\n$",
      ].join("\n"),
    ),
  );
  const session = await InferenceSession.create(join(folder, "tiny.onnx"));
  assert.deepEqual([session.inputNames, session.outputNames], [["images"], ["logits"]]);
  await session.release();
  const text = new TextDecoder("latin1").decode(await Deno.readFile(join(folder, "tiny.onnx")));
  for (const part of ['["sky","building","road"', "checkpoint_sha256", "tiny-001", '"scale":']) {
    assert.ok(text.includes(part), part);
  }

  const again = await run("--out", "tiny.onnx");
  assert.deepEqual([again.code, again.stderr], [
    2,
    "tiny.onnx would be overwritten; choose another file with --out, or allow it with --force\n",
  ]);
});

folderTest("what cannot be exported is said before anything is written", trained, async (folder) => {
  await Deno.mkdir(join(folder, "full"));
  await Deno.writeTextFile(join(folder, "full", "notes.txt"), "");
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], "plca export needs --out FILE.onnx, --page FOLDER or --hub FOLDER\n"],
    [["--out", "tiny.pt"], "--out tiny.pt: expected a name that ends in .onnx\n"],
    [["--page", "full"], "--page full: the folder is not empty (it has notes.txt); choose a new one\n"],
    [
      ["--page", "new", "--outputs", "labels"],
      "--outputs labels is for --out: what the files of --page and --hub take and make is fixed\n",
    ],
    [
      ["--hub", "new", "--inputs", "uint8"],
      "--inputs uint8 is for --out: what the files of --page and --hub take and make is fixed\n",
    ],
    [
      ["--hub", "new", "--half"],
      "--half is for --out and --page: --hub writes a file of 32 bits and one of 16 anyway\n",
    ],
    [
      ["--out", "a.onnx", "--outputs", "labels", "--hub", "new", "--aggregate"],
      "--aggregate: it mixes probabilities, and the files for a hub make logits; use it with --out or --page\n",
    ],
    [["--out", "a.onnx", "--size", "64"], "--size 64: expected HEIGHTxWIDTH in pixels, as in 512x1024\n"],
    [
      ["--out", "a.onnx", "--aggregate"],
      "--aggregate: the recipe has no evaluation.aggregation; give it with --set 'evaluation.aggregation={alpha: 0.5}'\n",
    ],
    [
      ["--out", "a.onnx", "--aggregate", "--set", "evaluation.aggregation={alpha: 0.5}"],
      "--aggregate: it compares all pixels with all others; name the size with --size HEIGHTxWIDTH\n",
    ],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await plca(["export", RUN, ...args], { cwd: folder });
    assert.deepEqual([code, stdout, stderr], [2, "", message]);
  }
  const other = await plca(
    [
      "export",
      RUN,
      "--out",
      "a.onnx",
      "--set",
      "model={type: pspnet, options: {layers: [1, 1, 1, 1], width: 0.0625}}",
    ],
    { cwd: folder },
  );
  assert.equal(other.code, 2);
  assert.match(other.stderr, /last\.safetensors: /);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["full", "runs", "tiny.yaml"]);
});

folderTest("a page names the run and none of the person's folders", trained, async (folder) => {
  await Deno.mkdir(join(folder, "elsewhere"));
  const { code, stdout, stderr } = await plca(
    ["export", join(folder, RUN), "--page", "page", "--images", "1"],
    { cwd: join(folder, "elsewhere") },
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^The page lies in page: 6 files, \d+\.\d MB\. /m);
  const html = await Deno.readTextFile(join(folder, "elsewhere/page/index.html"));
  assert.ok(html.includes("tiny-001/checkpoints/last.safetensors"));
  assert.ok(!html.includes(folder));
});
