import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { CITYSCAPES_SPACES, CITYSCAPES_STORED, trainIdsHint } from "./cityscapes_classes.ts";
import { decodeLabels } from "./decode.ts";
import { layoutOptions, layoutPlan, mapByName } from "./layout.ts";

/**
 * GTAV (Richter et al. 2016) as it is downloaded: `images/00001.png` and `labels/00001.png`, the latter with
 * a palette whose indices are Cityscapes' label ids; grey PNGs of 8 or 16 bits with these ids do as well. 34,
 * the licence plate, and -1 as 255 or 65535 become the ignore label, as does every id without a class in the
 * label space.
 */
export const gtav = definePlugin({
  kind: "dataset",
  name: "gtav",
  summary: "GTAV's rendered streets in the folders images and labels",
  source: "Richter et al. 2016, Playing for Data",
  options: z.strictObject(layoutOptions("cityscapes-19")),
  plan: (given) =>
    layoutPlan({
      title: "GTAV",
      images: { folder: "images", suffix: "" },
      labels: { folder: "labels", suffix: "" },
      beforeId: /^(.*\/)?images\//,
      example: "00001",
      map: mapByName(CITYSCAPES_SPACES[given.label_space], CITYSCAPES_STORED.labelIds, LABEL_IDS),
      absence: trainIdsHint(
        CITYSCAPES_SPACES[given.label_space],
        "expected GTAV's label files as downloaded",
      ),
      decode: (bytes, file) => decodeLabels(bytes, file, PALETTE),
    }, given),
});

const LABEL_IDS = "Cityscapes' label ids 0 to 34, or 255 for -1";
const PALETTE = "GTAV's palette files, one channel of class ids, not colours";
