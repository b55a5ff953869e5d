import * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../core/plugin.ts";

/**
 * Allocates an optimiser's memory: one variable of zeros for each parameter, in the parameters' order,
 * recorded in `slots` as `<param name>/<slot>`, the name by which a checkpoint holds it.
 */
export function zeroSlots(
  params: readonly Param[],
  setup: Pick<Setup, "variable">,
  { slot, slots, scalar = false }: {
    readonly slot: string;
    readonly slots: Record<string, tf.Variable>;
    /** A single number instead of the parameter's shape. */
    readonly scalar?: boolean;
  },
): tf.Variable[] {
  return params.map(({ name, value }) => {
    const zeros = scalar ? tf.scalar(0) : tf.zeros(value.shape);
    const variable = setup.variable(`${name}/${slot}`, zeros, false);
    zeros.dispose();
    slots[`${name}/${slot}`] = variable;
    return variable;
  });
}
