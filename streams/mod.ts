import type { Plugin } from "../core/plugin.ts";
import { classMix } from "./class_mix.ts";
import { disturbed } from "./disturbed.ts";
import { masked } from "./masked.ts";
import { mirrored } from "./mirrored.ts";
import { offered } from "./offered.ts";
import { teacherLabels } from "./teacher_labels.ts";
import { translation } from "./translation.ts";

/** The built-in makers of images. */
export const streams: readonly Plugin[] = [
  classMix,
  teacherLabels,
  disturbed,
  masked,
  mirrored,
  translation,
  offered,
];
