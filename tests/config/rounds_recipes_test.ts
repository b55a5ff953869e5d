/** The recipes of self-training in rounds: portions as recorded, and on any base. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import type { RunPlan } from "../../core/plan.ts";
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

for (const one of methodCases("crst/schedule")) {
  for (const name of NAMES.filter((name) => !name.startsWith("plca"))) {
    Deno.test(`${one.name}: ${name} takes these portions of target and source`, async () => {
      const phases = (await planOf(name)).resolved["phases"] as readonly Phase[];
      const rounds = phases.filter(({ before }) => before);
      assert.equal(rounds.length, 3);
      rounds.forEach(({ before, streams }, k) => {
        const recorded = (key: string) => Number(stored(one, key).data[k]);
        assert.equal(Math.fround(before![0]!.options.share), Math.fround(recorded("target_portion")));
        const [source] = streams!.mixed!.dataset.of;
        assert.ok(Math.abs(source!.share - recorded("source_portion")) < 1e-7);
      });
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
