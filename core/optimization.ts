/**
 * The vocabulary of optimisation: optimisers, schedules and factors of parameter groups.
 *
 * The learning rate of a parameter is a product of four: the optimiser's own rate, the schedule's multiplier
 * at the step, the phase's `rate`, and the factors of the groups that the parameter belongs to. A group's
 * name has parts from the whole to the detail, `backbone/block/norm`, so that a key of the recipe can mean
 * all norms, the backbone, or its norms.
 */
import type { Param, Setup } from "./model.ts";
import type { Tensor, Variable } from "./tensors.ts";

/** An optimiser whose options are valid; nothing is allocated yet. */
export interface OptimizerPlan {
  /**
   * Whether it can update a parameter several times a step ({@linkcode OptimizedParam.repeats}). Absent: no.
   */
  readonly repeats?: boolean;
  /** Makes the optimiser of these parameters, its slots zero. */
  create(params: readonly OptimizedParam[], setup: Pick<Setup, "variable">): Optimizer;
}

/** A parameter with the factors of its groups. */
export interface OptimizedParam extends Param {
  /** On the learning rate; absent: 1. */
  readonly rate?: number;
  /** On the weight decay; absent: 1. */
  readonly decay?: number;
  /** How many times a step updates it, with one gradient; absent: 1. */
  readonly repeats?: number | undefined;
}

/** Factors of one entry of `optimizer.groups`. */
export interface GroupFactors {
  /** The recipe's key, which may mean several groups: {@linkcode inGroup}. */
  readonly group: string;
  /** On the learning rate. */
  readonly rate: number;
  /** On the weight decay. */
  readonly decay: number;
  /** How many times a step updates its parameters, with one gradient; absent: 1. */
  readonly repeats?: number | undefined;
}

/**
 * An optimiser of plca, not of tfjs: gradients come aligned with the parameters and may be null, the rate
 * changes from step to step, and slots can be saved.
 */
export interface Optimizer {
  /**
   * Updates every parameter, as often as its `repeats` says.
   * @param grads aligned with `params`; null leaves that variable and its slots alone
   * @param multiplier on the base learning rate, from the schedule
   */
  apply(grads: readonly (Tensor | null)[], multiplier: number): void;
  /** The learning rate before the schedule's multiplier and the groups' factors. */
  readonly rate: number;
  /** Momentum and the like, by `<param name>/<slot>`, for the checkpoint. */
  readonly slots: Readonly<Record<string, Variable>>;
}

/** The learning rate's multiplier over time. */
export interface SchedulePlan {
  /**
   * The factor on the base learning rate, in [0, 1] for the built-in ones.
   * @param step counts from 0
   * @param steps the run's length
   */
  multiplier(step: number, steps: number): number;
}

/**
 * Whether a key of `optimizer.groups` means a group: the group's name has all parts of the key, in their
 * order. `norm`, `backbone/norm` and `backbone/block/norm` all mean `backbone/block/norm`; `norm/backbone`
 * does not.
 */
export function inGroup(group: string, key: string): boolean {
  let from = 0;
  const parts = group.split("/");
  return key.split("/").every((part) => {
    const at = parts.indexOf(part, from);
    from = at + 1;
    return at >= 0;
  });
}

/**
 * Each parameter with the product of the factors of all entries that mean its group; one that no entry means
 * comes back as it is.
 */
export function withFactors(
  params: readonly Param[],
  groups: readonly GroupFactors[],
): readonly OptimizedParam[] {
  return params.map((param) => {
    const mine = groups.filter(({ group }) => inGroup(param.group, group));
    if (mine.length === 0) return param;
    const product = (factor: "rate" | "decay" | "repeats") =>
      mine.reduce((whole, one) => whole * (one[factor] ?? 1), 1);
    return { ...param, rate: product("rate"), decay: product("decay"), repeats: product("repeats") };
  });
}
