/** How TensorFlow comes into a process: silently, only when asked for, and with words where it is missing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installedTensorflow, RECORD, tensorflowFolder } from "../../backends/tensorflow/place.ts";
import { tensorflowIsInstalled } from "../tensorflow.ts";

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

Deno.test("its folder lies in the project, hidden", () => {
  assert.equal(tensorflowFolder(), join(root, ".tensorflow"));
});

Deno.test({
  name: `tensorflow: loading it and a product write nothing to stderr${
    tensorflowIsInstalled ? "" : " (not installed: deno task setup:tensorflow)"
  }`,
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
