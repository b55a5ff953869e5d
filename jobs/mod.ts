/** The built-in jobs: what is done once before a phase begins, such as labelling images for it. */
import type { Plugin } from "../core/plugin.ts";
import { pseudoLabels } from "./pseudo_labels.ts";

/** The built-in jobs. */
export const jobs: readonly Plugin[] = [pseudoLabels];
