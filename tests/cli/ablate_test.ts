import assert from "node:assert/strict";
import { join } from "node:path";
import { plca } from "./fake_host.ts";
import { folderTest, tinyRecipe } from "./tiny.ts";

const BASE = tinyRecipe(`training: { steps: 30, batch: 1 }
`);

const PLAIN = "extends: street\nname: plain\nlosses: { association: null, label-smoothing: null }\n";
const WHOLE = "name: whole\n";

function variants(name: string, body: (folder: string) => Promise<void>): void {
  folderTest(name, async (folder) => {
    await Deno.writeTextFile(join(folder, "base.yaml"), BASE);
    await Deno.mkdir(join(folder, "rows"));
    await Deno.writeTextFile(join(folder, "rows", "1.yaml"), PLAIN);
    await Deno.writeTextFile(join(folder, "rows", "2.yaml"), WHOLE);
  }, body);
}

const ABLATE = ["ablate", "base.yaml", "--rows", "rows", "--steps", "1", "--seeds"];
const OUT = ["runs", "ablation-base"];

variants("ablate trains every variant on the recipe, and not again what is finished", async (folder) => {
  const first = await plca([...ABLATE, "0"], { cwd: folder });
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stderr,
    /^1 of 2: plain, seed 0\nplain: 1 step, batch 1\nplain 1\/1 .*\n.*\n {2}mIoU [\d.]+ % at label size original 40x32\n2 of 2: whole, seed 0\n/,
  );
  const [head, plain, whole, note] = first.stdout.split("\n");
  assert.equal(
    head!.replace(/ +/g, " ").trim(),
    "cross-entropy lovasz-softmax association layer4 association probabilities label-smoothing seeds mIoU %",
  );
  assert.match(plain!, /^plain +✓ +✓ +1 +[\d.]+$/);
  assert.match(whole!, /^whole +✓ +✓ +✓ +✓ +✓ +1 +[\d.]+$/);
  assert.equal(note, "2 images of val, pixels counted at size original 40x32");

  const second = await plca([...ABLATE, "0,1", "--format", "csv"], { cwd: folder });
  assert.equal(second.code, 0, second.stderr);
  assert.match(
    second.stderr,
    /^2 of 4 runs are finished already\n3 of 4: plain, seed 1\n[^]*\n4 of 4: whole, seed 1\n[^]*\nThe runs lie in runs\/ablation-base\n$/,
  );
  const spread = (text: string) => {
    const share = (seed: number) => {
      const file = join(folder, ...OUT, `plain-${seed}`, "evaluation.json");
      return 100 * JSON.parse(Deno.readTextFileSync(file)).miou;
    };
    const [a, b] = [share(0), share(1)];
    assert.notEqual(a, b);
    // Of two values the sample deviation is their distance over the root of two.
    assert.ok(
      text.includes(
        `plain,✓,✓,,,,2,${((a + b) / 2).toFixed(1)} ± ${(Math.abs(a - b) / 2 ** 0.5).toFixed(1)}\n`,
      ),
      text,
    );
  };
  spread(second.stdout);
});

variants(
  "a run that was stopped in the middle goes on, one of another recipe is kept",
  async (folder) => {
    const stopped = await plca([...ABLATE, "0"], {
      cwd: folder,
      onWrite: (text, interrupt) => text.startsWith("2 of 2") && interrupt(),
    });
    assert.equal(stopped.code, 130);
    assert.equal(stopped.stdout, "");
    assert.match(stopped.stderr, /Interrupted with 1 of 2 runs finished; the same command goes on\.\n$/);
    // Neither other settings nor going on take anything away.
    const note = join(folder, ...OUT, "whole-0", "notes.txt");
    await Deno.writeTextFile(note, "mine");
    await Deno.remove(join(folder, ...OUT, "plain-0"), { recursive: true });
    const begun = await plca([...ABLATE, "0", "--set", "training.batch=2"], { cwd: folder });
    assert.deepEqual([begun.code, begun.stderr], [
      2,
      `${join(...OUT, "whole-0")} was trained with another recipe or other settings; choose another --out\n`,
    ]);
    const again = await plca([...ABLATE, "0"], { cwd: folder });
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /^1 of 2: plain, seed 0\n[^]*\n2 of 2: whole, seed 0\n/);
    assert.equal(await Deno.readTextFile(note), "mine");

    const other = await plca([...ABLATE, "0", "--set", "training.batch=2"], { cwd: folder });
    assert.deepEqual([other.code, other.stderr], [
      2,
      `${join(...OUT, "plain-0")} was trained with another recipe or other settings; choose another --out\n`,
    ]);
  },
);

variants(
  "a run that was stopped while it was recorded is begun anew, with what was left put away",
  async (folder) => {
    const whole = join(folder, ...OUT, "whole-0");
    const done = await plca([...ABLATE, "0"], { cwd: folder });
    assert.equal(done.code, 0, done.stderr);
    const config = await Deno.readTextFile(join(whole, "config.yaml"));
    const evaluation = await Deno.readTextFile(join(whole, "evaluation.json"));
    const names = [...Deno.readDirSync(whole)].map(({ name }) => name).toSorted();
    for (
      const left of [["config.yaml", "run.json.0.part"], ["config.yaml.0.part"], ["config.yaml"]]
    ) {
      await Deno.remove(whole, { recursive: true });
      await Deno.mkdir(whole);
      for (const name of left) {
        await Deno.writeTextFile(join(whole, name), name === "config.yaml" ? config : "half");
      }
      const again = await plca([...ABLATE, "0"], { cwd: folder });
      assert.equal(again.code, 0, again.stderr);
      assert.match(again.stderr, /^1 of 2 runs are finished already\n2 of 2: whole, seed 0\n/);
      assert.deepEqual([...Deno.readDirSync(whole)].map(({ name }) => name).toSorted(), names);
      assert.equal(await Deno.readTextFile(join(whole, "evaluation.json")), evaluation);
    }
    await Deno.remove(join(whole, "run.json"));
    await Deno.remove(join(whole, "evaluation.json"));
    await Deno.remove(join(whole, "checkpoints"), { recursive: true });
    const begun = await plca([...ABLATE, "0"], { cwd: folder });
    assert.equal(begun.code, 2);
    assert.match(
      begun.stderr,
      /\n.+whole-0 already holds events\.jsonl; a run never overwrites anything, choose a new folder for --out\n$/,
    );
    assert.ok(await Deno.stat(join(whole, "events.jsonl")));
  },
);

variants("--steps reaches every phase, whatever steps it has of its own", async (folder) => {
  const phases = `phases:
  - { name: first, training: { steps: 7 } }
  - { name: second }
  - { name: third, training: { steps: 5, batch: 2 } }
`;
  await Deno.writeTextFile(join(folder, "base.yaml"), BASE + phases);
  await Deno.remove(join(folder, "rows", "1.yaml"));
  const { code, stderr } = await plca([...ABLATE, "0"], { cwd: folder });
  assert.equal(code, 0, stderr);
  const begun = [...stderr.matchAll(/^(\w+): (\d+ steps?, batch \d)$/gm)].map(([, ...found]) => found);
  assert.deepEqual(begun, [["first", "1 step, batch 1"], ["second", "1 step, batch 1"], [
    "third",
    "1 step, batch 2",
  ]]);
});

const WRONG: readonly (readonly [args: readonly string[], message: string])[] = [
  [["--seeds", "0,0"], "--seeds 0,0: expected different whole numbers from 0 on, as in 0,1,2\n"],
  [["--seeds", ""], "--seeds : expected different whole numbers from 0 on, as in 0,1,2\n"],
  [["--seeds", "a"], "--seeds a: expected different whole numbers from 0 on, as in 0,1,2\n"],
  [["--rows", "gone"], "--rows gone: there is no such folder\n"],
  [["--set", "data.val="], "base.yaml: it has no val split, so variants cannot be compared\n"],
  [
    ["--paper"],
    "--paper: the paper reports on Cityscapes' 19 and SYNTHIA's 16 classes, these are others: " +
    "sky, building, road, sidewalk, vegetation, car, person, pole\n",
  ],
];

for (const [args, message] of WRONG) {
  variants(`ablate ${args.join(" ")}: exit 2 and one line`, async (folder) => {
    const { code, stderr } = await plca(["ablate", "base.yaml", ...args], { cwd: folder });
    assert.deepEqual([code, stderr], [2, message]);
  });
}

variants("two variants of one name are refused before anything is trained", async (folder) => {
  await Deno.writeTextFile(join(folder, "rows", "3.yaml"), WHOLE);
  const { code, stderr } = await plca([...ABLATE, "0"], { cwd: folder });
  assert.deepEqual([code, stderr], [2, 'rows: two variants are called "whole"\n']);
});

variants(
  "a variant with a backend of its own is refused, and so is another backend than a run began with",
  async (folder) => {
    await Deno.writeTextFile(join(folder, "rows", "2.yaml"), `${WHOLE}backend: cpu\n`);
    const two = await plca([...ABLATE, "0"], { cwd: folder });
    assert.deepEqual([two.code, two.stderr], [
      2,
      "whole has the backend cpu, plain wasm; their numbers would not compare: give all of them one with --set backend=NAME\n",
    ]);
  },
);

variants("Table 1's variants are the default: what each has of the objective", async (folder) => {
  const args = ["ablate", "base.yaml", "--seeds", "0", "--steps", "1", "--format", "csv"];
  const { code, stdout, stderr } = await plca(args, { cwd: folder });
  assert.equal(code, 0, stderr);
  const rows = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(",").slice(0, -1).join(","));
  assert.deepEqual(rows, [
    ",cross-entropy,lovasz-softmax,association layer4,association probabilities,label-smoothing,seeds",
    "source-only,✓,,,,,1",
    "lovasz,✓,✓,,,,1",
    "features,✓,✓,✓,,,1",
    "predictions,✓,✓,✓,✓,,1",
    "plca,✓,✓,✓,✓,✓,1",
    "sim-plca,✓,✓,✓,✓,✓,1",
    "without-aggregation,✓,✓,✓,✓,✓,1",
  ]);
});

variants("ablate --quiet prints the table alone, --json every evaluation", async (folder) => {
  const quiet = await plca([...ABLATE, "0", "--quiet"], { cwd: folder });
  assert.deepEqual([quiet.code, quiet.stderr], [0, ""]);
  assert.match(quiet.stdout, /^ +cross-entropy /);
  const { stdout } = await plca([...ABLATE, "0", "--json"], { cwd: folder });
  const found: { variant: string; seed: number; evaluation: { images: number } }[] = JSON.parse(stdout);
  assert.deepEqual(found.map(({ variant, seed, evaluation }) => [variant, seed, evaluation.images]), [
    ["plain", 0, 2],
    ["whole", 0, 2],
  ]);
});
