/**
 * The built-in networks beside the student, which is the network of the recipe's `model`: a teacher that
 * follows it (ema), one that nothing changes (frozen), one with an optimiser of its own (trained).
 */
import type { Plugin } from "../core/plugin.ts";
import { ema } from "./ema.ts";
import { frozen, trained } from "./frozen.ts";

/** The built-in networks beside the student. */
export const networks: readonly Plugin[] = [ema, frozen, trained];
