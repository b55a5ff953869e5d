import type { Plugin } from "../core/plugin.ts";
import { classMix } from "./class_mix.ts";

/** The built-in makers of images. */
export const streams: readonly Plugin[] = [classMix];
