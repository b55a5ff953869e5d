/** The words of `deno task setup:tensorflow`; what it does is tested in tests/backends/tensorflow. */
import assert from "node:assert/strict";
import { setupTensorflow } from "../../cli/setup_tensorflow.ts";
import config from "../../deno.json" with { type: "json" };
import { inFolder, plca } from "./fake_host.ts";

function setup(args: readonly string[], cwd = "/") {
  return plca(args, { cwd, program: setupTensorflow });
}

Deno.test("options that exclude each other, or are none, are refused before anything is done", async () => {
  for (
    const [args, message] of [
      [["--cpu", "--gpu"], "--cpu and --gpu exclude each other\n"],
      [["--remove", "--cpu"], "--remove goes with no other option\n"],
      [["--libtensorflow="], "--libtensorflow: expected a folder\n"],
    ] as const
  ) {
    assert.deepEqual(await setup(args), { code: 2, stdout: "", stderr: message });
  }
  const { code, stderr } = await setup(["--libtensor", "x"]);
  assert.equal(code, 2);
  assert.match(stderr, /^Unknown option '--libtensor'.*\nnpx --yes deno@2\.9\.6 task setup:tensorflow \[/s);
});

Deno.test("--help tells what it does and that the libraries stay where they are", async () => {
  const { code, stdout } = await setup(["--help"]);
  assert.equal(code, 0);
  assert.match(stdout, /--libtensorflow DIR .*They are used where they lie\. Needs g\+\+\n.*--remove /s);
});

Deno.test("the task may write, load and start no more than it needs, and has no network of its own", () => {
  const task = config.tasks["setup:tensorflow"];
  const permissions = task.match(/--allow-\S+/g)!.sort();
  assert.deepEqual(permissions, [
    "--allow-env",
    "--allow-ffi=.tensorflow-new",
    "--allow-read",
    "--allow-run=npm,g++,tar",
    "--allow-sys",
    "--allow-write=.tensorflow,.tensorflow-new",
  ]);
});

Deno.test("a wrong folder is named as it is, whatever it was given relative to", async () => {
  await inFolder(async (folder) => {
    // In a process of its own: one that is allowed to write nothing but the two folders.
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "setup:tensorflow", "--libtensorflow", "nowhere"],
      cwd: new URL("../../", import.meta.url),
      env: { NO_COLOR: "1", INIT_CWD: folder },
    }).output();
    assert.equal(code, 2);
    assert.match(
      new TextDecoder().decode(stderr),
      /--libtensorflow \/.+nowhere: found no libtensorflow_cc\.so\.2 or libtensorflow\.so\.2 there, in tensorflow\/ or in lib\/\n/,
    );
  });
});
