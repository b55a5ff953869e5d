/** A similarity of a user's file, with an option of its own. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { lastPhase, type PlannedLoss } from "../../core/plan.ts";
import type { StepContext } from "../../core/plugin.ts";
import { join } from "node:path";
import { selectBackend } from "../../backends/select.ts";
import { builtins } from "../../builtins.ts";
import { importPlugin } from "../../cli/import_plugin.ts";
import { loadRecipe } from "../../config/load.ts";
import { normals } from "../contracts/differences.ts";
import { inFolder } from "./fake_host.ts";

const FILE = `export default ({ tf, z, definePlugin }) => definePlugin({
  kind: "similarity",
  name: "power-cosine",
  summary: "the cosine, raised to a power with its sign",
  options: z.strictObject({ power: z.number().positive().default(1).describe("exponent") }),
  plan: ({ power }) => ({
    accepts: "real",
    symmetric: true,
    contrastAggregation: true,
    pairwise(a, b) {
      const unit = (x) => tf.div(x, tf.norm(x, 2, -1, true));
      const cosine = tf.matMul(unit(a), unit(b), false, true);
      return tf.mul(tf.sign(cosine), tf.pow(tf.abs(cosine), power));
    },
  }),
});`;

Deno.test("the option of a user's similarity changes the loss, and the default is the cosine's", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "mine.ts"), FILE);
    await selectBackend("cpu");
    const loss = async (similarity: string) => {
      const text = `extends: street
losses: [{ type: association, options: { levels: [{ tap: layer4, similarity: ${similarity} }] } }]
`;
      const plan = await loadRecipe({ path: join(folder, "recipe.yaml"), text }, {
        registry: builtins(),
        readText: (path) => Deno.readTextFile(path),
        importPlugin,
        cwd: folder,
      });
      const [{ plan: { create } }] = lastPhase(plan).losses as [PlannedLoss];
      return tf.tidy(() => {
        const term = create({
          seed: 0,
          numClasses: 2,
          classes: [],
          alignCorners: false,
          taps: {},
          variable: (_, initial) => tf.variable(initial),
        });
        const view = (name: string) => {
          const layer4 = tf.tensor4d(normals(4 * 4 * 8, 1, name), [1, 4, 4, 8]);
          return { logits: layer4, taps: { layer4 } };
        };
        const labels = tf.zeros([1, 4, 4], "int32") as tf.Tensor3D;
        const source = { ...view("source"), labels };
        const step = { step: 0, steps: 1, ignoreLabel: 255, source, target: view("target") };
        return term.compute(step as unknown as StepContext).loss.dataSync()[0]!;
      });
    };
    const mine = (power: number) => loss(`{ use: ./mine.ts, options: { power: ${power} } }`);
    const cosine = await loss("cosine");
    assert.ok(Math.abs(await loss("{ use: ./mine.ts }") - cosine) < 1e-5 * cosine);
    assert.ok(Math.abs(await mine(3) - cosine) > 1e-2 * cosine);
  }));
