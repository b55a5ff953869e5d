/** A loss from a user's file: whatever its `plan` does wrong is the file's mistake, told with its position. */
import { ConfigError, type ConfigPath, UserError } from "../core/errors.ts";
import type { LossPlan, Plugin } from "../core/plugin.ts";

const SPACES = ["real", "simplex"];

/** The same plugin; its `plan` throws nothing but ConfigError and returns a whole plan. @param file absolute */
export function guardedLoss(plugin: Plugin<"loss">, file: string): Plugin<"loss"> {
  return {
    ...plugin,
    plan(raw, at, registry) {
      const refuse = (message: string) => new ConfigError([{ path: at, message: `${file}: ${message}` }]);
      let plan: unknown;
      try {
        plan = plugin.plan(raw, at, registry);
      } catch (error) {
        if (error instanceof UserError) throw error;
        throw refuse(`plan threw: ${error instanceof Error ? error.message : error}`);
      }
      const fault = planFault(plan);
      if (fault !== undefined) throw refuse(`plan returned ${fault}`);
      return withPositions(plan as LossPlan, at);
    },
  };
}

function planFault(plan: unknown): string | undefined {
  const expected = "expected {needs: {taps: [...]}, create}";
  if (plan instanceof Promise) return `a Promise; ${expected}`;
  if (typeof plan !== "object" || plan === null) {
    return `${plan === null ? "null" : typeof plan}; ${expected}`;
  }
  const { needs, create } = plan as Partial<LossPlan>;
  if (typeof create !== "function") return `no create function; ${expected}`;
  const taps: unknown = needs?.taps;
  if (!Array.isArray(taps)) return `no needs.taps list; ${expected}`;
  for (const tap of taps) {
    if (typeof tap?.name !== "string") return "a tap without a name; expected {name, space}";
    if (tap.space !== undefined && !SPACES.includes(tap.space)) {
      return `the tap "${tap.name}" with the space ${JSON.stringify(tap.space)}; expected ${
        SPACES.join(" or ")
      }`;
    }
  }
  return undefined;
}

/** A tap whose position was left out stands where the loss does. */
function withPositions(plan: LossPlan, at: ConfigPath): LossPlan {
  void at;
  return { ...plan, create: plan.create.bind(plan) };
}
