/** Who is the slowest, told from what each did while the others waited. */
import assert from "node:assert/strict";
import { solo, type World } from "../../core/world.ts";
import { Pace } from "../../train/pace.ts";
import { mpiTest, runJob } from "./launching.ts";
import { recipeText } from "./recipes.ts";

/** The pace of a process whose steps of 100 ms hold so much waiting. */
function paceOf(rank: number, waiting: number): Pace {
  let now = 0, waited = 0;
  const hosts = ["node1", "node2"];
  const world: World = {
    ...solo,
    rank,
    size: 2,
    host: hosts[rank]!,
    waited: () => waited,
    exchange: () => hosts.map((host) => new TextEncoder().encode(JSON.stringify(host))),
  };
  const pace = new Pace(world, () => now);
  for (let step = 0; step < 4; step++) {
    // Between steps there is waiting as well.
    waited += 7;
    now += 8000;
    pace.begin();
    now += 100;
    waited += waiting / 1000;
    pace.end();
  }
  return pace;
}

function toldBy(paces: readonly Pace[]): Pace {
  const [first, second] = paces.map((pace) => pace.told);
  paces[0]!.hear(first!.map((rate, k) => rate + second![k]!));
  return paces[0]!;
}

Deno.test("the slowest process is the one that waits least", () => {
  const { slowest } = toldBy([paceOf(0, 50), paceOf(1, 0)]);
  assert.equal(slowest!.rank, 1);
  assert.equal(slowest!.host, "node2");
  assert.ok(Math.abs(slowest!.times - 2) < 1e-6, String(slowest!.times));
});

Deno.test("processes that are about as fast are not told of, nor those that made no step yet", () => {
  assert.equal(toldBy([paceOf(0, 15), paceOf(1, 0)]).slowest, undefined);
  const pace = paceOf(0, 50);
  pace.hear([0, 0]);
  assert.equal(pace.slowest, undefined);
});

/** A loss that takes its time in the process 1. */
const SLOW = `
export default ({ tf, z, definePlugin }) =>
  definePlugin({
    kind: "loss",
    name: "slow",
    summary: "works long in one process",
    options: z.strictObject({}),
    plan: () => ({
      needs: { taps: [{ name: "logits" }] },
      create: () => ({
        compute(ctx) {
          const began = performance.now();
          while (ctx.world.rank === 1 && performance.now() - began < 600);
          return { loss: tf.mul(tf.mean(ctx.source.taps.logits), 0) };
        },
      }),
    }),
  });
`;

mpiTest("progress and log name the process that the others wait for", async (folder) => {
  Deno.writeTextFileSync(`${folder}/slow.js`, SLOW);
  const training = { steps: 6, batch: 2, validate_every: 0, log_every: 1 };
  const text = recipeText("plca", { name: "slow", training, losses: { slow: { use: "./slow.js" } } });
  Deno.writeTextFileSync(`${folder}/slow.yaml`, text);
  const args = ["cli/main.ts", "train", "slow.yaml", "--run", "run"];
  const { stdout, stderr, code } = await runJob({ processes: 2, args, cwd: folder });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\nslow 6\/6 .* left {2}slowest: rank 1 \(\S+\), \d+\.\d times the fastest {2}total /);
  const steps = Deno.readTextFileSync(`${folder}/run/events.jsonl`).split("\n")
    .filter((line) => line.includes('"step",')).map((line) => JSON.parse(line));
  assert.equal(steps[0].slowest, undefined);
  assert.equal(steps[5].slowest.rank, 1);
  assert.ok(steps[5].slowest.times > 1.2 && steps[5].slowest.host !== "", JSON.stringify(steps[5].slowest));
});
