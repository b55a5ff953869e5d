import assert from "node:assert/strict";
import { join } from "node:path";
import { coresIn } from "../../cli/start_plca.ts";
import { plca } from "./fake_host.ts";
import { folderTest, tinyRecipe } from "./tiny.ts";

const BASE = tinyRecipe(`training: { steps: 2, batch: 1, validate_every: 1 }
`);

const OWN = `extends: street
name: own
method: { title: Own, kind: ST, unofficial: true }
losses: { association: null, label-smoothing: null }
`;

const BROKEN = `extends: street
name: broken
losses: { thrower: { use: ./thrower.ts } }
`;

const THROWER = `export default ({ z, definePlugin }) =>
  definePlugin({
    kind: "loss",
    name: "thrower",
    summary: "throws",
    options: z.strictObject({}),
    plan: () => ({ needs: { taps: [] }, create: () => ({ compute() { throw new Error("on purpose"); } }) }),
  });
`;

function methods(name: string, body: (folder: string) => Promise<void>): void {
  folderTest(name, async (folder) => {
    await Deno.writeTextFile(join(folder, "base.yaml"), BASE);
    await Deno.writeTextFile(join(folder, "own.yaml"), OWN);
    await Deno.writeTextFile(join(folder, "broken.yaml"), BROKEN);
    await Deno.writeTextFile(join(folder, "thrower.ts"), THROWER);
  }, body);
}

const COMPARE = ["compare", "base.yaml", "--format", "csv", "--methods"];

methods("compare trains methods by name and by file, and not again what is finished", async (folder) => {
  const first = await plca([...COMPARE, "plca,own.yaml", "--seeds", "0,1"], { cwd: folder });
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stderr,
    /^1 of 4: plca, seed 0\n {2}plca, seed 0: mIoU [\d.]+ % at label size original 40x32\n2 of 4: own, seed 0\n/,
  );
  const lines = first.stdout.trimEnd().split("\n").filter((line) => !line.startsWith("#"));
  assert.equal(
    lines[0],
    ",kind,sky,building,road,sidewalk,vegetation,car,person,pole,mIoU %,best %,seeds,time,memory",
  );
  const [plcaRow, own] = lines.slice(1).map((line) => line.split(","));
  assert.deepEqual([plcaRow![0], plcaRow![1], ...plcaRow!.slice(-3)], ["PLCA", "-", "2", "1.00", "1.00"]);
  assert.deepEqual([own![0], own![1], own!.at(-3), own!.at(-1)], ["Own (unofficial)", "ST", "2", "1.00"]);
  const share = (seed: number) =>
    100 * JSON.parse(
      Deno.readTextFileSync(join(folder, "runs", "comparison-base", `own-${seed}`, "evaluation.json")),
    ).miou;
  const [a, b] = [share(0), share(1)];
  assert.equal(own![10], `${((a + b) / 2).toFixed(1)} ± ${(Math.abs(a - b) / 2 ** 0.5).toFixed(1)}`);

  const again = await plca([...COMPARE, "plca,own.yaml", "--seeds", "0,1"], { cwd: folder });
  assert.equal(again.stderr, "4 of 4 runs are finished already\nThe runs lie in runs/comparison-base\n");
  assert.equal(again.stdout, first.stdout);
  const other = await plca([...COMPARE, "own.yaml", "--seeds", "0", "--steps", "1"], { cwd: folder });
  assert.deepEqual([other.code, other.stderr], [
    2,
    "runs/comparison-base/own-0 was trained with another recipe or other settings; choose another --out\n",
  ]);
});

methods("a method that fails is named, and the others go on", async (folder) => {
  const found = await plca([...COMPARE, "broken.yaml,own.yaml", "--seeds", "0", "--jobs", "2"], {
    cwd: folder,
  });
  assert.equal(found.code, 2);
  const why = String.raw`loss "thrower" \(.*thrower\.ts, .*\) threw at line 7: on purpose`;
  assert.match(found.stderr, new RegExp(`^  broken, seed 0 failed: ${why}$`, "m"));
  assert.match(found.stdout, new RegExp(`^# broken: seed 0 failed: ${why}$`, "m"));
  assert.match(found.stdout, /^broken,-,(-,){8}-,-,0,-,-$/m);
  assert.match(found.stdout, /^Own \(unofficial\),ST,.*,1,-,-$/m);
});

methods("compare refuses a method that is not there before anything is trained", async (folder) => {
  const found = await plca([...COMPARE, "plca,sorce_only"], { cwd: folder });
  assert.deepEqual([found.code, found.stderr], [
    2,
    '--methods plca,sorce_only: there is no method called "sorce_only"; did you mean "source_only"?\n',
  ]);
  assert.deepEqual([...Deno.readDirSync(folder)].filter(({ name }) => name === "runs"), []);
});

methods("--steps is the recipe's: phases with a length keep their share of it", async (folder) => {
  const phases = "phases: [{ name: first, length: 1 }, { name: second, length: 0.5 }]\n";
  await Deno.writeTextFile(join(folder, "own.yaml"), OWN + phases);
  const { code, stderr } = await plca([...COMPARE, "own.yaml", "--seeds", "0", "--steps", "4"], {
    cwd: folder,
  });
  assert.equal(code, 0, stderr);
  const config = await Deno.readTextFile(join(folder, "runs", "comparison-base", "own-0", "config.yaml"));
  assert.deepEqual([...config.matchAll(/ steps: (\d+)/g)].map(([, steps]) => steps), ["4", "2"]);
});

methods("compare refuses --steps where a phase has steps of its own", async (folder) => {
  const phases = "phases: [{ name: first, length: 1 }, { name: second, training: { steps: 3 } }]\n";
  await Deno.writeTextFile(join(folder, "own.yaml"), OWN + phases);
  const found = await plca([...COMPARE, "own.yaml", "--seeds", "0", "--steps", "4"], { cwd: folder });
  assert.deepEqual([found.code, found.stderr], [
    2,
    '--steps 4: the phase "second" of own has 3 steps of its own; give it a length, its share of the recipe\'s steps, instead\n',
  ]);
});

methods("compare knows methods that bring a network by name", async (folder) => {
  const found = await plca([...COMPARE, "plca_mit,daformr"], { cwd: folder });
  assert.deepEqual([found.code, found.stderr], [
    2,
    '--methods plca_mit,daformr: there is no method called "daformr"; did you mean "daformer"?\n',
  ]);
});

methods("ablate with jobs gives the table of one process", async (folder) => {
  const ablate = (jobs: string, out: string) =>
    plca(
      ["ablate", "base.yaml", "--rows", ".", "--seeds", "0", "--jobs", jobs, "--out", out, "--format", "csv"],
      { cwd: folder },
    );
  await Deno.remove(join(folder, "broken.yaml"));
  const one = await ablate("1", "one"), two = await ablate("2", "two");
  assert.equal(two.code, 0, two.stderr);
  assert.equal(two.stdout, one.stdout);
  assert.match(
    two.stderr,
    /^2 processes share all cores: they cannot be held to parts of them here\n1 of 2: base, seed 0\n/,
  );
});

Deno.test("a list of cores is read as the system writes it", () => {
  assert.deepEqual(coresIn("0-2,5"), [0, 1, 2, 5]);
  assert.deepEqual(coresIn("3"), [3]);
});
