/**
 * The built-in networks. Each labels pixels, [N, H, W, 3] to logits [N, h, w, K], and offers its inner maps
 * as taps, by name, for terms to read; vgg19 has taps only. A network is allocated by layers under the names
 * of published files, so that files are read by name alone (ops/layers/scope.ts), and runs several batches at
 * once (ops/layers/together.ts).
 */
import type { Plugin } from "../core/plugin.ts";
import { deeplabV2 } from "./deeplab_v2.ts";
import { dinov2 } from "./dinov2.ts";
import { mit } from "./mit.ts";
import { pspnet } from "./pspnet.ts";
import { vgg19 } from "./vgg19.ts";

/** The built-in networks. */
export const models: readonly Plugin[] = [deeplabV2, pspnet, mit, dinov2, vgg19];
