/** plca train --resume with data that lies elsewhere now, and with files that are no longer what they were. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encode } from "fast-png";
import { decodeSafetensors, encodeSafetensors } from "../../weights/safetensors.ts";
import { type Outcome, plca } from "./fake_host.ts";
import { folderTest } from "./tiny.ts";

const DISTANCE = fileURLToPath(new URL("../../docs/extending/feature_distance.ts", import.meta.url));

const SIZE = { width: 40, height: 32 };
const NAMES = ["a", "b", "c"];

/** Images and labels of two classes; no two files of a kind have the same pixels. */
async function writeSet(folder: string): Promise<void> {
  for (const kind of ["images", "labels"]) await Deno.mkdir(join(folder, kind), { recursive: true });
  for (const [k, name] of NAMES.entries()) {
    const image = Uint8Array.from({ length: 40 * 32 * 3 }, (_, at) => (at * (7 + k)) % 251);
    const labels = Uint8Array.from({ length: 40 * 32 }, (_, at) => Math.floor(at / (400 + 100 * k)) % 2);
    await Deno.writeFile(
      join(folder, "images", `${name}.png`),
      encode({ ...SIZE, channels: 3, data: image }),
    );
    await Deno.writeFile(
      join(folder, "labels", `${name}.png`),
      encode({ ...SIZE, channels: 1, data: labels }),
    );
  }
}

const recipe = ({ root = "root: set", source = "images: images, labels: labels", more = "" } = {}) =>
  `name: moved
backend: wasm
data:
  ${root}
  source: { type: folder, ${source}, classes: &classes { sky: [0], ground: [1] } }
  target: { type: folder, ${source}, classes: *classes }
  val: { type: folder, ${source}, classes: *classes }
input: { crop: 32 }
model: { type: deeplab-v2, options: { layers: [1, 1, 1, 1], width: 0.0625 } }
losses: [{ type: cross-entropy }]
optimizer: { type: sgd, options: { lr: 0.02 } }
schedule: { type: poly }
training: { steps: 4, batch: 1, checkpoint_every: 2 }
${more}`;

/** A test in a folder with a set `set` and a recipe, whose run `run` was stopped after two of its four steps. */
function test(
  name: string,
  text: string,
  body: (folder: string) => Promise<void>,
  prepare: (folder: string) => Promise<void> = () => Promise.resolve(),
): void {
  folderTest(
    name,
    async (folder) => {
      await writeSet(join(folder, "set"));
      await prepare(folder);
      await Deno.writeTextFile(join(folder, "moved.yaml"), text.replaceAll("FOLDER", folder));
    },
    async (folder) => {
      const stopped = await plca(["train", "moved.yaml", "--run", "run"], {
        cwd: folder,
        onWrite: (line, interrupt) => /^moved .*2\/4 /.test(line) && interrupt(),
      });
      assert.equal(stopped.code, 130, stopped.stderr);
      await body(folder);
    },
  );
}

const resume = (folder: string, ...sets: string[]) =>
  plca(["train", "--resume", "run", ...sets.flatMap((set) => ["--set", set])], { cwd: folder });

function done({ code, stdout, stderr }: Outcome): string {
  assert.deepEqual([stderr, code], ["", 0]);
  return stdout;
}

function refused({ code, stderr }: Outcome, message: string): void {
  assert.deepEqual([stderr, code], [`${message}\n`, 2]);
}

const weights = (folder: string) => Deno.readFile(join(folder, "run/checkpoints/last.safetensors"));
const config = (folder: string) => Deno.readTextFile(join(folder, "run/config.yaml"));
const move = (folder: string, from = "set", to = "elsewhere") =>
  Deno.rename(join(folder, from), join(folder, to));

const WRONG = "; a resumed run needs the data that it began with: correct the path, or begin a new run";

test("a run goes on with the folder where its data lies now, and remembers it", recipe(), async (folder) => {
  await move(folder);
  refused(
    await resume(folder),
    `data.root ${folder}/set: there is no such folder\n` +
      "if it was moved, say where it lies now: npx --yes deno@2.9.6 task plca train --resume run --set data.root=PATH",
  );
  const told = done(await resume(folder, "data.root=elsewhere"));
  assert.ok(
    told.includes(
      "\n  data.root changed in run/config.yaml: the same 12 files by name and size\nmoved: 4 steps, batch 1\nmoved: goes on after step 2\n",
    ),
    told,
  );
  assert.ok((await config(folder)).includes(`data:\n  root: ${folder}/elsewhere\n`));
  done(await resume(folder));
  done(await plca(["eval", "--run", "run", "--quiet"], { cwd: folder }));
  // The same bits as a run that was never stopped.
  const found = await weights(folder);
  await Deno.remove(join(folder, "run"), { recursive: true });
  done(await plca(["train", "moved.yaml", "--set", "data.root=elsewhere", "--run", "run"], { cwd: folder }));
  assert.deepEqual(
    decodeSafetensors(found, "x").tensors,
    decodeSafetensors(await weights(folder), "x").tensors,
  );
});

test("data that is another is refused by the first file that differs", recipe(), async (folder) => {
  const before = await config(folder);
  await move(folder);
  const bytes = await Deno.readFile(join(folder, "elsewhere/labels/b.png"));
  await Deno.writeFile(join(folder, "elsewhere/labels/b.png"), new Uint8Array([...bytes, 0]));
  refused(
    await resume(folder, "data.root=elsewhere"),
    `data.source: ${folder}/elsewhere/labels/b.png has ${
      bytes.length + 1
    } bytes, and had ${bytes.length} when the run began${WRONG}`,
  );
  await Deno.writeFile(join(folder, "elsewhere/labels/b.png"), bytes);
  for (const kind of ["images", "labels"]) {
    await Deno.copyFile(join(folder, `elsewhere/${kind}/a.png`), join(folder, `elsewhere/${kind}/aa.png`));
  }
  refused(
    await resume(folder, "data.root=elsewhere"),
    `data.source: ${folder}/elsewhere/images/aa.png is there, and was not when the run began${WRONG}`,
  );
  for (const kind of ["images", "labels"]) {
    await Deno.remove(join(folder, `elsewhere/${kind}/aa.png`));
    await Deno.remove(join(folder, `elsewhere/${kind}/c.png`));
  }
  refused(
    await resume(folder, "data.root=elsewhere"),
    `data.source: there is no images/c.png in ${folder}/elsewhere, which the run began with${WRONG}`,
  );
  refused(await resume(folder, "data.root=gone"), `data.root ${folder}/gone: there is no such folder`);
  assert.equal(await config(folder), before);
});

const OTHER = (setting: string) =>
  `--resume run: ${setting} would make it another run; with --resume, --set takes only where data and weights lie ` +
  "now, as in --set data.root=FOLDER. A new run: " +
  `npx --yes deno@2.9.6 task plca train run/config.yaml --set ${setting}=...`;

test("data that changed where it lies is told, and the run goes on", recipe(), async (folder) => {
  await Deno.remove(join(folder, "set/images/c.png"));
  await Deno.remove(join(folder, "set/labels/c.png"));
  const told = done(await resume(folder));
  const lines = told.split("\n").filter((line) => line.includes("differs from one"));
  const note = (place: string) =>
    `moved: ${place}: there is no images/c.png in ${folder}/set, which the run began with; ` +
    "from here on the run differs from one that was not interrupted";
  assert.deepEqual(
    lines.toSorted(),
    ["data.source", "data.val"].map(note),
  );
});

test("nothing else can be changed", recipe(), async (folder) => {
  await move(folder);
  refused(await resume(folder, "seed=3"), OTHER("seed"));
  refused(await resume(folder, "data.root=elsewhere", "training.steps=9"), OTHER("training.steps"));
  refused(await resume(folder, "backend=cpu"), OTHER("backend"));
  refused(
    await resume(folder, "data.root=elsewhere", "data.source.other=ignore"),
    OTHER("data.source.other"),
  );
  refused(await resume(folder, "input.workers=0"), OTHER("input.workers"));
});

test("a run that recorded nothing says what could not be checked", recipe(), async (folder) => {
  await Deno.remove(join(folder, "run/inputs.json"));
  await move(folder);
  const told = done(await resume(folder, "data.root=elsewhere"));
  assert.ok(
    told.includes(
      "\n  data.root changed in run/config.yaml: not checked, because nothing was recorded of it when the run began: data.source, data.val\n",
    ),
    told,
  );
  // From now on it is known.
  await move(folder, "elsewhere", "third");
  assert.match(done(await resume(folder, "data.root=third")), /: the same 12 files by name and size\n/);
});

test(
  "folders of one dataset that are named whole",
  recipe({ root: "root: FOLDER", source: "images: FOLDER/set/images, labels: FOLDER/set/labels" }),
  async (folder) => {
    await move(folder);
    refused(
      await resume(folder),
      `${folder}/set/images: there is no such folder\nif it was moved, say where it lies now: ` +
        "npx --yes deno@2.9.6 task plca train --resume run --set data.source.images=PATH",
    );
    const sets = ["source", "target", "val"].flatMap((name) => [
      `data.${name}.images=${folder}/elsewhere/images`,
      `data.${name}.labels=${folder}/elsewhere/labels`,
    ]);
    assert.match(done(await resume(folder, ...sets)), /: the same 12 files by name and size\n/);
    assert.doesNotMatch(await config(folder), /\/set\//);
  },
);

test(
  "a list, and a stream's own dataset",
  recipe({
    source: "list: list.txt",
    more: `streams: { more: { dataset: { type: folder, list: list.txt, classes: *classes } } }
`,
  }).replace("losses: [", "losses: [{ type: cross-entropy, name: second, options: { stream: more } }, "),
  async (folder) => {
    await move(folder);
    await Deno.rename(join(folder, "elsewhere/list.txt"), join(folder, "elsewhere/images.txt"));
    const sets = ["data.source", "data.target", "data.val", "streams.more.dataset"].map((at) =>
      `${at}.list=images.txt`
    );
    assert.match(
      done(await resume(folder, "data.root=elsewhere", ...sets)),
      /: the same 18 files by name and size\n/,
    );
    await Deno.writeTextFile(join(folder, "elsewhere/images.txt"), LIST.split("\n").toReversed().join("\n"));
    await move(folder, "elsewhere", "third");
    refused(
      await resume(folder, "data.root=third"),
      `data.source: images/a.png comes in another place than when the run began${WRONG}`,
    );
  },
  (folder) => Deno.writeTextFile(join(folder, "set/list.txt"), LIST),
);

const LIST = NAMES.map((name) => `images/${name}.png labels/${name}.png\n`).join("");

test(
  "a frozen network's file: read where it lies now, refused when it is another",
  recipe({
    more: `networks: { teacher: { type: frozen, weights: FOLDER/teacher.safetensors } }
`,
  }).replace("losses: [", `losses: [{ use: ${DISTANCE}, options: { network: teacher } }, `),
  async (folder) => {
    await move(folder, "teacher.safetensors", "moved.safetensors");
    refused(
      await resume(folder),
      `${folder}/teacher.safetensors: there is no such file\nif it was moved, say where it lies now: ` +
        "npx --yes deno@2.9.6 task plca train --resume run --set networks.teacher.weights=PATH",
    );
    const path = join(folder, "moved.safetensors");
    const { tensors } = decodeSafetensors(await Deno.readFile(path), path);
    const whole = await Deno.readFile(path);
    tensors.get("backbone.bn1.weight")!.data[0] = 7;
    await Deno.writeFile(path, encodeSafetensors({ tensors, metadata: {} }));
    refused(
      await resume(folder, "networks.teacher.weights=moved.safetensors"),
      `${path}: the file has changed since the run began, which names it in moved: networks.teacher.weights; ` +
        "a resumed run needs what it began with: put that file back, or begin a new run",
    );
    await Deno.writeFile(path, whole);
    done(await resume(folder));
  },
  async (folder) => {
    await Deno.writeTextFile(join(folder, "first.yaml"), recipe());
    done(await plca(["train", "first.yaml", "--run", "first"], { cwd: folder }));
    await Deno.copyFile(
      join(folder, "first/checkpoints/last.safetensors"),
      join(folder, "teacher.safetensors"),
    );
    const { tensors } = decodeSafetensors(await Deno.readFile(join(folder, "teacher.safetensors")), "x");
    await Deno.writeFile(join(folder, "teacher.safetensors"), encodeSafetensors({ tensors, metadata: {} }));
  },
);
