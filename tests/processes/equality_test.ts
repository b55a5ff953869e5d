/** Several processes make what one makes of the same batch. */
import assert from "node:assert/strict";
import { assertSuccess, mpiTest, runJob } from "./launching.ts";

interface Told {
  readonly steps: readonly Readonly<Record<string, number>>[];
}

async function trained(folder: string, processes: number, name: string): Promise<Told> {
  await Deno.mkdir(folder);
  const args = ["tests/processes/train_child.ts", folder, name];
  assertSuccess(await runJob({ processes, args, cwd: folder }));
  return JSON.parse(Deno.readTextFileSync(`${folder}/${name}.json`));
}

/** The largest relative difference of any term in any step. */
function furthest(one: Told, other: Told): number {
  assert.equal(one.steps.length, 30);
  assert.equal(other.steps.length, 30);
  return Math.max(
    ...one.steps.flatMap((terms, k) =>
      Object.entries(terms).filter(([name]) => !name.includes("/")).map(([name, value]) =>
        Math.abs(value - other.steps[k]![name]!) / Math.max(1e-9, Math.abs(value))
      )
    ),
  );
}

for (const name of ["plca", "adaptseg", "dacs"]) {
  mpiTest(`${name}: 2 and 4 processes make the losses of one, to rounding`, async (folder) => {
    const one = await trained(`${folder}/1`, 1, name);
    for (const processes of [2, 4]) {
      const found = furthest(one, await trained(`${folder}/${processes}`, processes, name));
      assert.ok(found < 1e-5, `${processes} processes: ${found}`);
    }
  });
}

mpiTest("the same number of processes makes the same bits, and evaluates as one does", async (folder) => {
  const runs = [`${folder}/a`, `${folder}/b`];
  for (const run of runs) await trained(run, 2, "plca");
  const [a, b] = runs.map((run) => `${run}/plca/checkpoints/last.safetensors`);
  assert.deepEqual(Deno.readFileSync(a!), Deno.readFileSync(b!));

  // Five images: neither two nor four processes have as many each.
  const found: unknown[] = [];
  for (const processes of [1, 2, 4]) {
    const result = `${folder}/${processes}.json`;
    const args = ["tests/processes/evaluate_child.ts", folder, a!, result];
    assertSuccess(await runJob({ processes, args, cwd: folder }));
    found.push(JSON.parse(Deno.readTextFileSync(result)));
  }
  assert.deepEqual(found[1], found[0]);
  assert.deepEqual(found[2], found[0]);
  assert.equal((found[0] as { images: number }).images, 5);
});

mpiTest("lovasz of four processes is that of one, also where some have no class to sort", async (folder) => {
  for (const classes of [7, 3]) {
    const [one, four] = await Promise.all([1, 4].map(async (processes) => {
      const result = `${folder}/${classes}-${processes}.json`;
      const args = ["tests/processes/lovasz_child.ts", result, String(classes)];
      assertSuccess(await runJob({ processes, args, cwd: folder }));
      return JSON.parse(Deno.readTextFileSync(result)) as { value: number; gradient: number[] };
    }));
    const near = (a: number, b: number) => assert.ok(Math.abs(a - b) <= 1e-6, `${classes}: ${a}, ${b}`);
    assert.equal(one!.gradient.length, 4 * 6 * 6 * classes);
    assert.ok(one!.value > 0.1);
    near(four!.value, one!.value);
    four!.gradient.forEach((slope, k) => near(slope, one!.gradient[k]!));
  }
});

/** Labels the target before its first step, by the weights of the seed. */
const LABELLING = `extends: street
name: labelling
backend: wasm
data:
  source: { type: street, width: 40, height: 32, domain: day, split: train, count: 4 }
  target: { type: street, width: 40, height: 32, domain: dusk, split: train, count: 5 }
  val: { type: street, width: 40, height: 32, domain: dusk, split: val, count: 2 }
  test: null
input: { crop: 32 }
model: { options: { width: 0.0625 } }
baseline: null
losses: [{ type: cross-entropy }]
phases:
  - name: round
    before: [{ type: pseudo-labels, name: labels, options: { thresholds: portion, share: 0.5 } }]
    streams: { pseudo: { job: labels } }
    losses: { pseudo: { type: cross-entropy, options: { stream: pseudo } } }
    training: { steps: 1, batch: 2, validate_every: 0 }
`;

mpiTest("pseudo-labels that two processes make are those of one, byte by byte", async (folder) => {
  const recipe = `${folder}/labelling.yaml`;
  Deno.writeTextFileSync(recipe, LABELLING);
  const made: unknown[] = [];
  for (const processes of [1, 2]) {
    const run = `${folder}/${processes}`, labels = `${run}/jobs/labels/labels`;
    const args = ["cli/main.ts", "train", recipe, "--quiet", "--run", run];
    assertSuccess(await runJob({ processes, args, cwd: folder }));
    const names = [...Deno.readDirSync(labels)].map(({ name }) => name).sort();
    made.push(names.map((name) => [name, Deno.readFileSync(`${labels}/${name}`)]));
  }
  assert.equal((made[0] as unknown[]).length, 6);
  assert.deepEqual(made[1], made[0]);
});
