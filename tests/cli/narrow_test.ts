import assert from "node:assert/strict";
import { join } from "node:path";
import type { Grant, Handover, Host } from "../../cli/host.ts";
import { tensorflowFolder } from "../../backends/tensorflow/place.ts";
import { narrowly } from "../../cli/narrow.ts";
import { plca } from "../faults/child.ts";
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

Deno.test("check --import runs it without leave to write anywhere", async () => {
  await inWorld(LOSS(ATTEMPTS, ""), async ({ mine }) => {
    const args = ["check", "tiny.yaml", "--set", "model.weights=../theirs/start.pth"];
    const { stdout: unrun } = await plca(args, mine);
    assert.match(unrun, /\n {2}reads {6}losses, \S+\/theirs\/start\.pth\n {2}not run {4}losses\/odd\.ts;/);
    const { code, stdout, stderr } = await plca(["check", "tiny.yaml", "--import"], mine);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(stdout.startsWith(`${DENIED}tiny.yaml: no mistakes found\n`), stdout);
  });
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

Deno.test("an error that no step waits for ends the training and names the losses' files", async () => {
  const late = `setTimeout(() => { throw new Error("too late"); }, 0)`;
  await inWorld(LOSS("", late), async ({ mine }) => {
    const { code, stderr } = await plca(["train", "tiny.yaml"], mine);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /\nthe training ended by an error that no step waited for: Uncaught Error: too late; look for it in losses\/odd\.ts\n$/,
    );
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
  await narrowly(host, async (planned) => ({ plans: [await planned(choice)], write: ["/runs/x"] }));
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
