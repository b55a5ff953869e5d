/** The recipes of self-training in rounds: portions as recorded, and on any base. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import type { RunPlan } from "../../core/plan.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import { methodCases, stored } from "../methods.ts";
import { root } from "../own_files.ts";

const METHODS = join(root, "recipes/methods");
const NAMES = ["cbst", "crst_mrkld", "crst_lrent", "plca_selftraining"];

function planOf(name: string, base?: string): Promise<RunPlan> {
  return loadRecipe({ path: join(METHODS, `${name}.yaml`) }, {
    registry: builtins(),
    overrides: ["data.root=/data"],
    readText: (path) => Deno.readTextFile(path),
    cwd: "/",
    ...(base === undefined ? {} : { base }),
  });
}

interface Phase {
  readonly name: string;
  readonly before?: readonly { readonly options: { readonly share: number } }[];
  readonly streams?: {
    readonly mixed?: { readonly dataset: { readonly of: readonly { readonly share: number }[] } };
  };
}

/** How portions go on over further rounds, as the head of a recipe says: by how much they grow, and up to what. */
async function growthOf(name: string) {
  const text = (await Deno.readTextFile(join(METHODS, `${name}.yaml`))).replace(/\n# /g, " ");
  const number = "([\\d.]*\\d)";
  const said = new RegExp(
    `by ${number} up to ${number}, and the source's share by ${number} up to ${number}`,
  );
  const [, ...numbers] = said.exec(text) ?? [];
  assert.equal(numbers.length, 4, `the head of ${name} says how portions grow`);
  const [by, most, sourceBy, sourceMost] = numbers.map(Number);
  return { target: { by: by!, most: most! }, source: { by: sourceBy!, most: sourceMost! } };
}

const near = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) < 1e-7, `${found}, recorded ${expected}`);

for (const one of methodCases("crst/schedule")) {
  const [target, source] = ["target_portion", "source_portion"].map((
    key,
  ) => [...toFloat32(stored(one, key))]) as [number[], number[]];
  for (const name of NAMES.filter((name) => !name.startsWith("plca"))) {
    Deno.test(`${one.name}: ${name} takes these portions of target and source`, async () => {
      const phases = (await planOf(name)).resolved["phases"] as readonly Phase[];
      const rounds = phases.filter(({ before }) => before);
      assert.equal(rounds.length, 3);
      const shares = rounds.map(({ before, streams }) => ({
        target: before![0]!.options.share,
        source: streams!.mixed!.dataset.of[0]!.share,
      }));
      shares.forEach((share, k) => {
        near(share.target, target[k]!);
        near(share.source, source[k]!);
      });
      const growth = await growthOf(name);
      for (const k of target.keys()) {
        const at = (key: "target" | "source") =>
          Math.min(shares[0]![key] + k * growth[key].by, growth[key].most);
        near(at("target"), target[k]!);
        near(at("source"), source[k]!);
      }
      // The record goes on until the target's portion is the largest.
      assert.equal(target.at(-1), growth.target.most);
    });
  }
}

for (const name of NAMES) {
  Deno.test(`${name} is laid on any recipe, its lengths shares of that one's`, async () => {
    const street = await planOf(name, "street"), gtav = await planOf(name);
    const shares = ({ phases }: RunPlan, whole: number) =>
      phases.filter(({ baseline }) => !baseline).map(({ training }) => (training.steps / whole).toFixed(2));
    assert.deepEqual(shares(street, 400), shares(gtav, 10416));
  });
  for (const data of ["gtav", "synthia"]) {
    Deno.test(`published/${name}_${data} is valid and has its data's classes`, async () => {
      const { labelSpace, phases } = await planOf(`published/${name}_${data}`);
      assert.equal(labelSpace.classes.length, data === "gtav" ? 19 : 16);
      const begins = (k: number) => k === 0 && name.startsWith("plca");
      // Statistics need no labels.
      const learns = phases.filter(({ losses }, k) =>
        !begins(k) && losses.some(({ name }) => name !== "statistics")
      );
      assert.ok(learns.length > 0 && learns.every(({ before }) => before.length === 1));
    });
  }
}
