import type { Plugin } from "../core/plugin.ts";
import { camvid } from "./camvid.ts";
import { folder } from "./folder.ts";
import { street } from "./street.ts";

/** The built-in datasets. */
export const datasets: readonly Plugin[] = [street, camvid, folder];
