import type { Plugin } from "../core/plugin.ts";
import { ema } from "./ema.ts";
import { frozen, trained } from "./frozen.ts";

/** The built-in networks beside the student. */
export const networks: readonly Plugin[] = [ema, frozen, trained];
