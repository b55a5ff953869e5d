import type { Plugin } from "../core/plugin.ts";
import { deeplabV2 } from "./deeplab_v2.ts";
import { dinov2 } from "./dinov2.ts";
import { mit } from "./mit.ts";
import { pspnet } from "./pspnet.ts";
import { vgg19 } from "./vgg19.ts";

/** The built-in networks. */
export const models: readonly Plugin[] = [deeplabV2, pspnet, mit, dinov2, vgg19];
