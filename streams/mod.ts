/**
 * The built-in makers of images: streams that are made of other streams in every step, such as mixed, masked
 * or translated images. A recipe names them, and networks and terms use them like images of a dataset. They
 * can be chained: a teacher labels the target (teacher-labels), its pixels are mixed with the source's
 * (class-mix), and parts of the result are hidden (masked).
 */
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
