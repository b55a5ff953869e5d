/** The way up before any schedule. */
import assert from "node:assert/strict";
import { Registry } from "../../core/registry.ts";
import { optimizers } from "../../optim/mod.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import { type BackboneCase, backboneCases, inputOf } from "../backbones.ts";

interface ScheduleCase extends BackboneCase {
  readonly options: {
    readonly lr: number;
    readonly total: number;
    readonly warm_up: number;
    readonly warm_up_ratio: number;
    readonly power: number;
  };
  readonly rates: readonly number[];
}

const registry = new Registry(optimizers);
const schedule = (options: object) => registry.plan("schedule", { type: "warm-up", options });

for (const one of backboneCases<ScheduleCase>("schedule/")) {
  Deno.test(`${one.name}: every rate is as recorded, as a schedule of its own and within poly`, () => {
    const { lr, total, warm_up, warm_up_ratio: from, power } = one.options;
    const share = warm_up / total;
    const own = schedule({ share, from, then: { type: "poly", options: { power } } });
    const within = registry.plan("schedule", {
      type: "poly",
      options: { power, warmup: share, warmup_from: from, warmup_to: "curve" },
    });
    const steps = toFloat32(inputOf(one, "steps"));
    const { tolerance } = one.outputs["rates"]!;
    one.rates.forEach((rate, k) => {
      for (const { multiplier } of [own, within]) {
        const found = lr * multiplier(steps[k]!, total);
        assert.ok(Math.abs(found / rate - 1) <= tolerance, `step ${steps[k]}: ${found}, recorded ${rate}`);
      }
    });
  });
}

Deno.test("warm-up: any schedule follows, from the first step or to the full rate", () => {
  const constant = schedule({ share: 0.25, from: 0.5, then: "constant" });
  assert.deepEqual([0, 1, 2, 3].map((step) => constant.multiplier(step, 8)), [0.5, 0.75, 1, 1]);
  const peak = schedule({ share: 0.5, to: "peak", then: { type: "poly", options: { power: 1 } } });
  assert.deepEqual([0, 1, 2, 3].map((step) => peak.multiplier(step, 4)), [0, 0.5, 0.5, 0.25]);
  const none = schedule({ share: 0, then: "constant" });
  assert.equal(none.multiplier(0, 4), 1);
});

Deno.test("warm-up: a schedule that does not exist is named with its place", () => {
  assert.throws(
    () => schedule({ share: 0.1, then: { type: "polly" } }),
    (error: Error) =>
      error.message.includes("then") && error.message.includes('"polly"') && error.message.includes("poly"),
  );
});
