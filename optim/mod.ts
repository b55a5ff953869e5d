/**
 * The built-in optimisers and schedules. An optimiser has slots, variables that remember the past of each
 * parameter; they lie in checkpoints, and updates add in a fixed order, so a resumed run goes on bit for bit.
 */
import type { Plugin } from "../core/plugin.ts";
import { adam } from "./adam.ts";
import { adamw } from "./adamw.ts";
import { constant, poly } from "./schedule.ts";
import { sgd } from "./sgd.ts";
import { warmUp } from "./warm_up.ts";

/** The built-in optimisers and schedules. */
export const optimizers: readonly Plugin[] = [sgd, adam, adamw, poly, constant, warmUp];
