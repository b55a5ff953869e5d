/** Several processes make what one makes of the same batch. */
import assert from "node:assert/strict";
import { assertSuccess, mpiTest, runJob } from "./launching.ts";
import { RECIPES } from "./recipes.ts";

const NAMES = Object.keys(RECIPES);

interface Told {
  readonly steps: readonly Readonly<Record<string, number>>[];
  readonly final: { readonly miou: number; readonly confusion: readonly (readonly number[])[] };
}

async function trained(folder: string, processes: number): Promise<Record<string, Told>> {
  await Deno.mkdir(folder);
  const args = ["tests/processes/train_child.ts", folder, ...NAMES];
  assertSuccess(await runJob({ processes, args, cwd: folder }));
  return Object.fromEntries(
    NAMES.map((name) => [name, JSON.parse(Deno.readTextFileSync(`${folder}/${name}.json`))]),
  );
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

mpiTest("2 and 4 processes train as one does, and 2 as 2 do", async (folder) => {
  const one = await trained(`${folder}/one`, 1);
  const two = await trained(`${folder}/two`, 2);
  const again = await trained(`${folder}/again`, 2);
  const four = await trained(`${folder}/four`, 4);
  for (const name of NAMES) {
    for (const [processes, told] of [[2, two], [4, four]] as const) {
      const found = furthest(one[name]!, told[name]!);
      assert.ok(found < 1e-5, `${name}, ${processes} processes: ${found}`);
    }
    assert.deepEqual(again[name], two[name]);
    const [first, second] = ["two", "again"].map((run) =>
      Deno.readFileSync(`${folder}/${run}/${name}/checkpoints/last.safetensors`)
    );
    assert.deepEqual(first, second);
  }
});
