/** How TensorFlow comes into a process: silently, only when asked for, and with words where it is missing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findTensorflow, takesCuda } from "../../backends/tensorflow/start.ts";
import { hasCudaDriver } from "../../backends/tensorflow/cuda.ts";
import {
  hasTensorflow,
  installedTensorflow,
  RECORD,
  tensorflowFolder,
} from "../../backends/tensorflow/place.ts";
import { inFolder } from "../cli/fake_host.ts";
import { tinyRecipe } from "../cli/tiny.ts";
import { tensorflowIsInstalled } from "../tensorflow.ts";

/** Said of a test that is skipped. */
const MISSING = tensorflowIsInstalled ? "" : " (not installed: deno task setup:tensorflow)";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a script of the project with no more permissions than it needs. */
async function script(text: string, permissions: readonly string[]) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--no-check", ...permissions, text],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("a folder without the record that setup writes last holds no installation", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "tfjs_binding.node"), "");
    assert.equal(installedTensorflow(folder), undefined);
    assert.equal(installedTensorflow(join(folder, "nowhere")), undefined);
    const record = { package: "p", version: "1", dist: "d", addon: "a", libraries: "/l" };
    await Deno.writeTextFile(join(folder, RECORD), JSON.stringify(record));
    assert.deepEqual(installedTensorflow(folder), record);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what is missing, or does not load, is said with the command that mends it", async () => {
  const folder = await Deno.makeTempDir();
  const setup = "npx --yes deno@2.9.6 task setup:tensorflow";
  try {
    assert.throws(() => findTensorflow(folder), { message: `not installed; ${setup} adds it` });
    const record = { package: "p", version: "1", dist: "d", addon: "a.node", libraries: "/l" };
    await Deno.writeTextFile(join(folder, RECORD), JSON.stringify(record));
    assert.throws(() => findTensorflow(folder), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /^it does not load: .*a\.node/);
      assert.ok(error.message.endsWith(`; ${setup} installs it again`), error.message);
      return true;
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a damaged record is named with the command that mends it, and auto notes it", async () => {
  const folder = await Deno.makeTempDir(), path = join(folder, RECORD);
  const setup = "npx --yes deno@2.9.6 task setup:tensorflow";
  const expected = "expected texts package, version, dist, addon, libraries";
  try {
    for (
      const [text, reason] of [
        ["", "it is not JSON"],
        ["{ half", "it is not JSON"],
        ["null", expected],
        ["[]", expected],
        ['{ "package": "p", "version": "1", "dist": "d", "addon": 3, "libraries": "/l" }', expected],
      ] as const
    ) {
      await Deno.writeTextFile(path, text);
      const message = `${path} is damaged: ${reason}; ${setup} installs it again`;
      assert.throws(() => findTensorflow(folder), { message });
      assert.deepEqual(takesCuda(folder), { takes: false, reason: message });
      assert.equal(hasTensorflow(folder), true);
    }
    await Deno.remove(path);
    assert.equal(hasTensorflow(folder), false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: `tensorflow: what the system says of a library that is not there is said${MISSING}`,
  ignore: !tensorflowIsInstalled,
  async fn() {
    const folder = await Deno.makeTempDir(), own = installedTensorflow()!;
    try {
      await Deno.copyFile(join(tensorflowFolder(), own.addon), join(folder, "quiet.node"));
      // As where its libraries are gone, the addon beside it does not load.
      await Deno.writeTextFile(join(folder, "tfjs_binding.node"), "");
      await Deno.writeTextFile(join(folder, RECORD), JSON.stringify({ ...own, addon: "quiet.node" }));
      const text = `
        import { findTensorflow } from "./backends/tensorflow/start.ts";
        try { findTensorflow(${JSON.stringify(folder)}); } catch (error) { console.log(error.message); }`;
      const { stdout } = await script(text, []);
      assert.match(
        stdout,
        /^it does not load: \/.+tfjs_binding\.node: file too short; npx --yes deno@2\.9\.6 task setup:tensorflow installs it again\n$/,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("auto takes TensorFlow on a CUDA device only, and speaks of it only where it is installed", async () => {
  const driver = hasCudaDriver();
  const { takes, reason } = takesCuda();
  if (!tensorflowIsInstalled) assert.deepEqual({ takes, reason }, { takes: false, reason: undefined });
  else if (driver === false) {
    assert.deepEqual({ takes, reason }, { takes: false, reason: "no CUDA driver found" });
  } else assert.ok(takes || reason !== undefined);
  if (takes) return;
  const notes = `
    import { selectBackend } from "./backends/select.ts";
    const { name, notes } = await selectBackend("auto");
    console.log(name, JSON.stringify(notes.filter((note) => note.startsWith("tensorflow"))));
    Deno.exit(0);`;
  const { stdout } = await script(notes, ["--unstable-webgpu"]);
  const expected = reason === undefined ? [] : [`tensorflow: ${reason}`];
  assert.match(stdout, /^(native|wasm|webgpu) /);
  assert.deepEqual(JSON.parse(stdout.slice(stdout.indexOf(" "))), expected);
});

Deno.test("its folder lies in the project, hidden", () => {
  assert.equal(tensorflowFolder(), join(root, ".tensorflow"));
});

Deno.test({
  name: `tensorflow: loading it and a product write nothing to stderr${MISSING}`,
  ignore: !tensorflowIsInstalled,
  async fn() {
    const text = `
      import * as tf from "@tensorflow/tfjs-core";
      import { selectBackend } from "./backends/select.ts";
      console.log((await selectBackend("tensorflow")).name);
      console.log([...tf.matMul([[1, 2]], [[3], [4]]).dataSync()].join());
      Deno.exit(0);`;
    const { stdout, stderr } = await script(text, []);
    assert.equal(stderr, "");
    assert.equal(stdout, "tensorflow\n11\n");
  },
});

Deno.test({
  name: `tensorflow: it loads and computes where a graphics driver was loaded before${MISSING}`,
  ignore: !tensorflowIsInstalled,
  async fn() {
    const text = `
      import * as tf from "@tensorflow/tfjs-core";
      import { selectBackend } from "./backends/select.ts";
      await navigator.gpu?.requestAdapter().catch(() => null);
      await selectBackend("tensorflow");
      console.log(tf.sum(tf.ones([300, 300])).dataSync()[0]);
      Deno.exit(0);`;
    const { stdout } = await script(text, ["--unstable-webgpu"]);
    assert.equal(stdout, "90000\n");
  },
});

/** Everything that plca's task allows, training in a thread that may do less. */
Deno.test({
  name: `tensorflow: plca trains on it, and says no more than on other backends${MISSING}`,
  ignore: !tensorflowIsInstalled,
  fn: () =>
    inFolder(async (folder) => {
      const recipe = tinyRecipe("training: { steps: 2, batch: 1, log_every: 1 }\nbaseline: null\n");
      await Deno.writeTextFile(
        join(folder, "tiny.yaml"),
        recipe.replace("backend: wasm", "backend: tensorflow"),
      );
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["task", "--quiet", "plca", "train", "tiny.yaml", "--run", "run"],
        cwd: root,
        env: { NO_COLOR: "1", INIT_CWD: folder },
      }).output();
      const decoder = new TextDecoder(), text = decoder.decode(stdout);
      assert.equal(decoder.decode(stderr), "");
      assert.ok(success);
      assert.match(text, /^tiny: seed 0, backend tensorflow, run run\ntiny: 2 steps/);
      assert.match(text, /\ntiny 2\/2 .* total \d/);
      assert.equal(JSON.parse(await Deno.readTextFile(join(folder, "run/run.json"))).backend, "tensorflow");
    }),
});
