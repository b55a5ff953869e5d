/**
 * Owners: parameters with an optimiser of their own, such as a discriminator. A plan declares them, the term
 * or stream makes their parameters, and here both are brought together and checked against each other.
 *
 * A user's plugin may get any of it wrong, so every disagreement is an error that says what is missing;
 * assemble.ts adds the name of the part.
 */
import type { MadeStream, PlannedLoss, PlannedNetwork } from "../core/plan.ts";
import type { Optimizer, Owned, Owner, OwnerPlan, Param, Segmenter } from "../core/plugin.ts";
import { describePlanned } from "./loss_errors.ts";
import type { Variables } from "./variables.ts";

/** An owner with its optimiser. */
export interface RunOwner {
  readonly plan: OwnerPlan;
  /** `<term>/<owner>`: the name under which the value of the owner is logged. */
  readonly name: string;
  /** How errors call the owner. */
  readonly who: string;
  readonly params: readonly Param[];
  readonly optimizer: Optimizer;
  /** Computes the owner's own loss; absent for joint owners, whose loss is the objective. */
  readonly compute: Owner["compute"];
}

/** What owners are made with. */
export interface OwnerTools {
  readonly variables: Variables;
  readonly numbers: { readonly seed: number; readonly numClasses: number };
  /** The networks of the recipe, by name, which an owner may train. */
  readonly networks: ReadonlyMap<
    string,
    { readonly planned: PlannedNetwork; readonly segmenter: Segmenter }
  >;
}

/** A term or a stream that was created from its plan. */
interface CreatedPart {
  readonly kind: "loss" | "stream";
  readonly planned: PlannedLoss | MadeStream;
  readonly part: Owned;
}

/**
 * The owners that a part's plan declares, each with its optimiser. @throws Error where plan and part disagree
 */
export function ownersOf(
  { variables, numbers, networks }: OwnerTools,
  { kind, planned, part }: CreatedPart,
): RunOwner[] {
  if ("players" in part) {
    throw new Error(
      'it returns "players"; they are declared as "owners" in the plan now (docs/extending.md)',
    );
  }
  const plans = planned.plan.owners ?? [];
  const given = part.owners ?? {};
  const extra = Object.keys(given).find((name) => !plans.some((plan) => plan.name === name));
  if (extra !== undefined) throw new Error(`its plan declares no owner "${extra}"`);
  return plans.map((plan) => {
    const { name, trains, when = "after" } = plan;
    if (kind === "stream" && when !== "joint") {
      throw new Error(`its owner "${name}" must be joint: nothing calls a stream ${when} the update`);
    }
    const network = trains === undefined ? undefined : networks.get(trains);
    if (network && !network.planned.plan.trainable) {
      throw new Error(`its owner "${name}" trains the network "${trains}", which is not trainable`);
    }
    const owner = given[name];
    const params = trains === undefined ? owner?.params : network?.segmenter.params;
    if (!params) throw new Error(`it made no parameters for its owner "${name}"`);
    if (when !== "joint" && !owner?.compute) throw new Error(`it made no compute for its owner "${name}"`);
    const prefix = `${kind} "${planned.name}", optimizer of ${name}`;
    return {
      plan,
      name: `${planned.name}/${name}`,
      who: `owner "${name}" of ${describePlanned(kind, planned)}`,
      params,
      optimizer: plan.optimizer.create(params, variables.setup(prefix, numbers)),
      compute: owner?.compute?.bind(owner),
    };
  });
}
