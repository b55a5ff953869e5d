import type { Plugin } from "../core/plugin.ts";
import { classMix } from "./class_mix.ts";
import { offered } from "./offered.ts";
import { translation } from "./translation.ts";

/** The built-in makers of images. */
export const streams: readonly Plugin[] = [classMix, translation, offered];
