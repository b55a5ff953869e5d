import assert from "node:assert/strict";
import { join } from "node:path";
import type { Grant, Handover, Host } from "../../cli/host.ts";
import { tensorflowFolder } from "../../backends/tensorflow/place.ts";
import { grantFor, narrowly } from "../../cli/narrow.ts";
import type { RunPlan } from "../../core/plan.ts";
import { plca, start } from "../faults/child.ts";
import { inFolder } from "./fake_host.ts";
import { tinyRecipe } from "./tiny.ts";

/** A loss that tells what it can do before it is made, and does `inCompute` in a step. */
const LOSS = (attempts: string, inCompute: string) =>
  `const attempt = async (what, act) => {
  try { await act(); console.log(what, "done"); } catch (error) { console.log(what, error.name); }
};
export default async ({ tf, z, definePlugin }) => {
  ${attempts}
  return definePlugin({
    kind: "loss", name: "odd", summary: "odd", options: z.strictObject({}),
    plan: () => ({
      needs: { taps: [] },
      create: () => ({ compute() { ${inCompute}; return { loss: tf.scalar(0) }; } }),
    }),
  });
};
`;

const RECIPE = tinyRecipe(`name: tiny
training: { steps: 1, batch: 1 }
losses: [{ type: cross-entropy }, { use: ./losses/odd.ts }]
`);

interface World {
  /** Holds a recipe in `mine`, beside a folder of somebody else. */
  readonly folder: string;
  readonly mine: string;
}

async function inWorld(
  loss: string,
  body: (world: World) => Promise<void>,
  recipe = RECIPE,
): Promise<void> {
  await inFolder(async (folder) => {
    const mine = join(folder, "mine");
    await Deno.mkdir(join(mine, "losses"), { recursive: true });
    await Deno.mkdir(join(folder, "theirs"));
    await Deno.writeTextFile(join(folder, "theirs", "secret.txt"), "secret");
    await Deno.writeTextFile(join(mine, "losses", "table.json"), "{}");
    await Deno.writeTextFile(join(mine, "losses", "odd.ts"), loss);
    await Deno.writeTextFile(join(mine, "tiny.yaml"), recipe);
    await body({ folder, mine });
  });
}

const ATTEMPTS = `
  const at = new URL("..", import.meta.url);
  await attempt("read beside it", () => Deno.readTextFile(new URL("losses/table.json", at)));
  await attempt("read elsewhere", () => Deno.readTextFile(new URL("../theirs/secret.txt", at)));
  await attempt("write beside it", () => Deno.writeTextFile(new URL("losses/new.txt", at), ""));
  await attempt("write elsewhere", () => Deno.writeTextFile(new URL("../theirs/new.txt", at), ""));
  await attempt("connect", () => Deno.connect({ hostname: "127.0.0.1", port: 9 }));
  await attempt("start", () => new Deno.Command("git").output());
  await attempt("library", () => Deno.dlopen("/lib/libc.so.6", {}));
  await attempt("worker", () => new Worker("data:text/javascript,0", { type: "module", deno: { permissions: { net: true } } }));
  try { await import("https://" + "example.com/x.js"); } catch (error) { console.log(error.message.split(",")[0]); }`;

const DENIED = `read beside it done
read elsewhere NotCapable
write beside it NotCapable
write elsewhere NotCapable
connect NotCapable
start NotCapable
library NotCapable
worker NotCapable
Requires import access to "example.com:443"
`;

Deno.test("a loss's file reads its folder and does nothing else that training does not", async () => {
  await inWorld(LOSS(ATTEMPTS, `Deno.writeTextFileSync("runs/tiny-001/note.txt", "x")`), async ({ mine }) => {
    const { code, stdout, stderr } = await plca(["train", "tiny.yaml"], mine);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(stdout.startsWith(`${DENIED}tiny: seed 0, backend wasm, run runs/tiny-001\n`), stdout);
    const record = JSON.parse(await Deno.readTextFile(join(mine, "runs/tiny-001/run.json")));
    assert.match(record.commit, /^[0-9a-f]{40}$/);
    assert.equal(await Deno.readTextFile(join(mine, "runs/tiny-001/note.txt")), "x");
  });
});

// Without a network it fails in another way.
const PACKAGE = `
  try { await import("npm:" + "is-odd@3.0.1"); console.log("package done"); } catch { console.log("package refused"); }`;

Deno.test("check --import runs it without leave to write anywhere or to add a package", async () => {
  await inWorld(LOSS(ATTEMPTS + PACKAGE, ""), async ({ mine }) => {
    const args = ["check", "tiny.yaml", "--set", "model.weights=../theirs/start.pth"];
    const { stdout: unrun } = await plca(args, mine);
    assert.match(
      unrun,
      /\n {2}reads {6}losses, \/.+\/theirs\/start\.pth\n {2}missing {4}[^\n]+\n {2}not run {4}losses\/odd\.ts;/,
    );
    await Deno.writeTextFile(join(mine, "next.yaml"), "extends: ./tiny.yaml\n");
    const { stdout: extending } = await plca(["check", "next.yaml"], mine);
    assert.match(extending, /\n {2}reads {6}tiny\.yaml, losses\n/);
    const { code, stdout, stderr } = await plca(["check", "tiny.yaml", "--import"], mine);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(stdout.startsWith(`${DENIED}package refused\ntiny.yaml: no mistakes found\n`), stdout);
  });
});

Deno.test("a loss that is refused something in a step is told where it stands what it may do", async () => {
  await inWorld(LOSS("", `Deno.readTextFileSync("../theirs/secret.txt")`), async ({ mine }) => {
    const { code, stderr } = await plca(["train", "tiny.yaml"], mine);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^loss "odd" \(.*\) threw at line 10: Requires read access to ".*secret\.txt"; what a loss may do stands in docs\/reliability\.md, Permissions\n/,
    );
  });
});

Deno.test("check tells of a loss's file that is not there among the other mistakes", async () => {
  await inWorld(LOSS("", ""), async ({ mine }) => {
    const { code, stdout, stderr } = await plca(["check", "tiny.yaml"], mine);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(
      stderr,
      /^tiny\.yaml:\d+:\d+ training\.stepps: unknown key.*\ntiny\.yaml:\d+:\d+ losses\[1\]\.use: \/.+\/odd2\.ts: there is no such file\n$/,
    );
  }, RECIPE.replace("odd.ts", "odd2.ts").replace("steps", "stepps"));
});

Deno.test("ablate writes its runs and nothing else", async () => {
  const loss = LOSS(`await attempt("write elsewhere", () => Deno.writeTextFile("new.txt", ""));`, "");
  await inWorld(loss, async ({ mine }) => {
    await Deno.mkdir(join(mine, "rows"));
    await Deno.writeTextFile(join(mine, "rows", "1.yaml"), "name: only\n");
    const args = ["ablate", "tiny.yaml", "--rows", "rows", "--seeds", "3", "--out", "deep/out"];
    const { code, stdout, stderr } = await plca(args, mine);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^write elsewhere NotCapable\n[^]*\nonly /);
    const record = JSON.parse(await Deno.readTextFile(join(mine, "deep/out/only-3/run.json")));
    assert.match(record.commit, /^[0-9a-f]{40}$/);
  });
});

for (const call of ["Deno.exit(0)", "process.exit(0)", "self.close()"]) {
  Deno.test(`a loss that ends the training by ${call} is named`, async () => {
    await inWorld(LOSS("", call), async ({ mine }) => {
      const { code, stderr } = await plca(["train", "tiny.yaml"], mine);
      const said = "the training ended by a call of Deno.exit, process.exit or self.close; " +
        "look for it in losses/odd.ts\n";
      assert.deepEqual([code, stderr], [2, said]);
    });
  });
}

const LATE =
  `the training ended by an error that no step waited for: Error: too late; look for it in losses/odd.ts\n`;

Deno.test("a promise that fails when no step waits for it ends the training and names the losses' files", async () => {
  await inWorld(LOSS("", `Promise.reject(new Error("too late"))`), async ({ mine }) => {
    const { code, stderr } = await plca([
      "train",
      "tiny.yaml",
      "--set",
      "baseline=null",
      "--set",
      "training.steps=9",
    ], mine);
    assert.deepEqual([code, stderr], [2, LATE]);
    assert.ok((await Deno.stat(join(mine, "runs/tiny-001/checkpoints/last.safetensors"))).isFile);
    const { stdout } = await plca(["runs", "--json"], mine);
    const [{ state, failure }] = JSON.parse(stdout);
    assert.deepEqual([state, `${failure}\n`], ["failed", LATE]);
  });
});

Deno.test("so does a timer, whose error Deno shows as well", async () => {
  await inWorld(LOSS("", `setTimeout(() => { throw new Error("too late"); }, 0)`), async ({ mine }) => {
    const { code, stderr } = await plca(["train", "tiny.yaml"], mine);
    assert.equal(code, 2);
    assert.ok(stderr.endsWith(LATE), stderr);
  });
});

Deno.test("what a loss posts is no report of its thread", async () => {
  await inWorld(
    LOSS("", `self.postMessage(null); self.postMessage({ type: "done", code: 0 })`),
    async ({ mine }) => {
      const { code, stdout, stderr } = await plca(["train", "tiny.yaml"], mine);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /\nThe run lies in runs\/tiny-001\. Next:\n/);
    },
  );
});

Deno.test("a second Ctrl-C ends a training that is stuck in a step", async () => {
  await inWorld(LOSS("", `console.log("stuck"); while (true) {}`), async ({ mine }) => {
    const child = start(["train", "tiny.yaml"], mine);
    await child.line(/^stuck$/);
    child.kill("SIGINT");
    // A terminal's Ctrl-C comes twice through deno task; that is one.
    child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(await Promise.race([child.ended, undefined]), undefined);
    child.kill("SIGINT");
    assert.equal((await child.ended).code, 130);
  });
});

Deno.test("a Ctrl-C before the thread has loaded stops the run before its first step", async () => {
  await inWorld(
    LOSS("console.log('loading'); await new Promise((done) => setTimeout(done, 500));", ""),
    async ({ mine }) => {
      const child = start(["train", "tiny.yaml"], mine);
      await child.line(/^loading$/);
      child.kill("SIGINT");
      const { code, stdout } = await child.ended;
      assert.equal(code, 130);
      assert.match(stdout, /Interrupted before the first step\./);
    },
  );
});

Deno.test("a run folder behind a symbolic link, then resumed", async () => {
  await inWorld(LOSS("", ""), async ({ folder, mine }) => {
    await Deno.mkdir(join(folder, "disk"));
    await Deno.symlink(join(folder, "disk"), join(mine, "runs"));
    const trained = await plca(["train", "tiny.yaml"], mine);
    assert.deepEqual([trained.code, trained.stderr], [0, ""]);
    const resumed = await plca(["train", "--resume", "runs/tiny-001"], mine);
    assert.deepEqual([resumed.code, resumed.stderr], [0, ""]);
  });
});

Deno.test("losses in files of one name, and a similarity beside a loss", async () => {
  const recipe = RECIPE.replace(
    "{ use: ./losses/odd.ts }",
    `{ use: ./losses/odd.ts }, { use: ./more/odd.ts },
  { type: association, options: { levels: [{ tap: layer4, similarity: mine }] } }`,
  );
  const more = `export default ({ tf, z, definePlugin }) => [
    definePlugin({
      kind: "loss", name: "more", summary: "m", options: z.strictObject({}),
      plan: () => ({ needs: { taps: [] }, create: () => ({ compute: () => ({ loss: tf.scalar(0) }) }) }),
    }),
    definePlugin({
      kind: "similarity", name: "mine", summary: "m", options: z.strictObject({}),
      plan: () => ({
        accepts: "real", symmetric: true, contrastAggregation: true,
        pairwise: (a, b) => tf.matMul(a, b, false, true),
      }),
    }),
  ];`;
  await inWorld(LOSS("", ""), async ({ mine }) => {
    await Deno.mkdir(join(mine, "more"));
    await Deno.writeTextFile(join(mine, "more", "odd.ts"), more);
    const checked = await plca(["check", "tiny.yaml"], mine);
    assert.deepEqual([checked.code, checked.stderr], [0, ""]);
    const trained = await plca(["train", "tiny.yaml"], mine);
    assert.deepEqual([trained.code, trained.stderr], [0, ""]);
    const { code, stderr } = await plca(["eval"], mine);
    assert.deepEqual([code, stderr], [0, ""]);
  }, recipe);
});

Deno.test("mistakes of a resumed recipe and of an ablation are told although losses were not run", async () => {
  await inWorld(LOSS("", ""), async ({ mine }) => {
    await plca(["train", "tiny.yaml"], mine);
    const config = join(mine, "runs/tiny-001/config.yaml");
    await Deno.writeTextFile(config, `${await Deno.readTextFile(config)}newer: 1\n`);
    const resumed = await plca(["train", "--resume", "runs/tiny-001"], mine);
    assert.equal(resumed.code, 2);
    assert.match(resumed.stderr, /^runs\/tiny-001\/config\.yaml:\d+:1 newer: unknown key/);
    await Deno.mkdir(join(mine, "rows"));
    await Deno.writeTextFile(join(mine, "rows", "1.yaml"), "name: only\n");
    await Deno.writeTextFile(join(mine, "tiny.yaml"), RECIPE.replace("steps", "stepps"));
    const ablated = await plca(["ablate", "tiny.yaml", "--rows", "rows"], mine);
    assert.equal(ablated.code, 2);
    assert.match(ablated.stderr, /^tiny\.yaml:\d+:\d+ training\.stepps: unknown key/);
  });
});

Deno.test("mistakes of the recipe and of a loss's options are told together; no folder is left", async () => {
  const recipe = RECIPE.replace("steps: 1", "stepps: 1").replace("odd.ts }", "odd.ts, options: { a: 1 } }");
  await inWorld(LOSS("", ""), async ({ mine }) => {
    const { code, stderr } = await plca(["train", "tiny.yaml"], mine);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^tiny\.yaml:\d+:\d+ training\.stepps: unknown key; did you mean "steps"\?\ntiny\.yaml:\d+:\d+ losses\[1\]\.options\.a: unknown key\n$/,
    );
  }, recipe);
  await inWorld(LOSS("", ""), async ({ mine }) => {
    const { code, stderr } = await plca(["train", "tiny.yaml"], mine);
    assert.equal(code, 2);
    assert.match(stderr, /^tiny\.yaml:\d+:\d+ losses\[1\]\.options\.a: unknown key\n$/);
    assert.deepEqual([...Deno.readDirSync(mine)].map(({ name }) => name).toSorted(), ["losses", "tiny.yaml"]);
  }, RECIPE.replace("odd.ts }", "odd.ts, options: { a: 1 } }"));
});

const NO_DATA = { data: { root: "", source: {}, target: {}, splits: {} }, input: {}, model: {} };

/** The grant that planning this recipe leads to. */
async function grantOf(folder: string, recipe: string): Promise<Grant> {
  await Deno.writeTextFile(join(folder, "r.yaml"), recipe);
  let heard: [Grant, Handover] | undefined;
  const host = {
    cwd: folder,
    narrowed(...given: [Grant, Handover]) {
      heard = given;
      return Promise.resolve(0);
    },
  } as unknown as Host;
  const choice = { path: "r.yaml", overrides: [] };
  await narrowly(host, {
    intend: async (planned) => ({ plans: [await planned(choice)], write: ["/runs/x"] }),
  });
  return heard![0];
}

Deno.test("what training may touch is what the recipe names", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "under.yaml"), "extends: gtav_to_cityscapes\n");
    const grant = await grantOf(
      folder,
      `extends: ./under.yaml
backend: wasm
data:
  root: /data/all
  source: { type: gtav, root: /other/gta, list: /lists/gta.txt }
model: { weights: ./start.pth }
losses: [{ type: cross-entropy }, { use: ../mine/odd.ts }]
`,
    );
    const [plca, packages, ...named] = grant.read;
    assert.match(packages!, /[\\/](npm|node_modules)$/);
    assert.deepEqual(grant.libraries, [packages, join(plca!, ".tensorflow")]);
    assert.deepEqual(grant.write, ["/runs/x"]);
    const expected = [
      join(plca!, "recipes/gtav_to_cityscapes.yaml"),
      join(folder, "r.yaml"),
      join(folder, "start.pth"),
      join(folder, "under.yaml"),
      join(folder, "../mine"),
      "/data/all",
      "/lists/gta.txt",
      "/other/gta",
      "/runs/x",
    ];
    assert.deepEqual(named.toSorted(), expected.toSorted());
  });
});

Deno.test("a backend that works on pointers gets native libraries whole, others those of the packages", async () => {
  await inFolder(async (folder) => {
    for (const [backend, whole] of [["native", true], ["auto", true], ["wasm", false], ["webgpu", false]]) {
      const { libraries } = await grantOf(folder, `extends: street\nbackend: ${backend}\n`);
      assert.equal(libraries === "any", whole, String(backend));
    }
  });
});

Deno.test("a run on TensorFlow gets the folder that setup puts it in, and no other libraries than packages'", async () => {
  await inFolder(async (folder) => {
    const { libraries, read } = await grantOf(folder, "extends: street\nbackend: tensorflow\n");
    assert.deepEqual(libraries, [read[1], tensorflowFolder()]);
  });
});

Deno.test("auto may look for a CUDA driver where TensorFlow is installed; another backend may not", async () => {
  await inFolder(async (folder) => {
    const driver = "/usr/lib64/libcuda.so.1";
    const readBy = (backend: string) => {
      const plan = { ...NO_DATA, phases: [], evaluation: {}, backend } as unknown as RunPlan;
      return grantFor({ plans: [plan], write: [] }, [], folder).read;
    };
    assert.equal(readBy("auto").includes(driver), false);
    await Deno.writeTextFile(join(folder, "installed.json"), "{}");
    assert.equal(readBy("auto").includes(driver), true);
    assert.equal(readBy("native").includes(driver), false);
  });
});

Deno.test("where TensorFlow's folder is a link, what it leads to may be read and loaded", async () => {
  await inFolder(async (folder) => {
    const disk = join(folder, "disk"), link = join(folder, ".tensorflow");
    await Deno.mkdir(disk);
    await Deno.symlink(disk, link);
    const { read, libraries } = grantFor({ plans: [], write: [] }, [], link);
    assert.ok(read.includes(link) && read.includes(disk), read.join());
    assert.ok(libraries.includes(link) && libraries.includes(disk), String(libraries));
  });
});

Deno.test("folder datasets: lists and folders outside of the data's root", async () => {
  await inFolder(async (folder) => {
    const recipe = (source: string) =>
      `extends: street
data:
  root: /data
  source: { type: folder, classes: { road: [0], sky: [1] }, ${source} }
  target: { type: folder, classes: { road: [0], sky: [1] }, images: target }
  val: null
  test: null
`;
    const named = async (source: string) => {
      const { read } = await grantOf(folder, recipe(source));
      return read.filter((path) => path.startsWith("/data") || path.startsWith("/else"));
    };
    assert.deepEqual(await named("images: a, labels: /else/b"), ["/data", "/else/b"]);
    assert.deepEqual(await named("list: /else/l/list.txt"), ["/data", "/else/l"]);
  });
});
