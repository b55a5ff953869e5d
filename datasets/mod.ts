import type { Plugin } from "../core/plugin.ts";
import { camvid } from "./camvid.ts";
import { cityscapes } from "./cityscapes.ts";
import { folder } from "./folder.ts";
import { gtav } from "./gtav.ts";
import { joined } from "./joined.ts";
import { street } from "./street.ts";
import { synthia } from "./synthia.ts";

/** The built-in datasets. */
export const datasets: readonly Plugin[] = [street, gtav, synthia, cityscapes, camvid, folder, joined];
