/**
 * SYNTHIA-RAND-CITYSCAPES. Its label files are 16-bit PNGs of several channels with the class in the first,
 * so they have a decoder of their own.
 */
import { DataError } from "../core/errors.ts";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { CITYSCAPES_SPACES } from "./cityscapes_classes.ts";
import { type DecodedLabels, decodeStored } from "./decode.ts";
import { layoutOptions, layoutPlan, mapByName } from "./layout.ts";

/**
 * SYNTHIA's ids by the names that Cityscapes has for their classes; undefined for those that Cityscapes has
 * no class for.
 */
export const SYNTHIA_STORED: ReadonlyMap<number, string | undefined> = new Map([
  [0, undefined], // void
  [1, "sky"],
  [2, "building"],
  [3, "road"],
  [4, "sidewalk"],
  [5, "fence"],
  [6, "vegetation"],
  [7, "pole"],
  [8, "car"],
  [9, "traffic sign"],
  [10, "person"],
  [11, "bicycle"],
  [12, "motorcycle"],
  [13, undefined], // parking slot
  [14, undefined], // road work
  [15, "traffic light"],
  [16, "terrain"],
  [17, "rider"],
  [18, "truck"],
  [19, "bus"],
  [20, "train"],
  [21, "wall"],
  [22, undefined], // lane marking
]);

/**
 * SYNTHIA-RAND-CITYSCAPES (Ros et al. 2016) as it is downloaded: `RGB/0000000.png` and
 * `GT/LABELS/0000000.png`, the latter 16-bit PNGs whose first channel holds class ids; a single channel of 16
 * bits does as well. Void, parking slot, road work and lane marking become the ignore label. `cityscapes-19`
 * maps the ids of terrain, truck and train as well, although no pixel of SYNTHIA has them: results of it are
 * reported over 16 or 13 classes.
 */
export const synthia = definePlugin({
  kind: "dataset",
  name: "synthia",
  summary: "SYNTHIA-RAND-CITYSCAPES in the folders RGB and GT/LABELS",
  source: "Ros et al. 2016, The SYNTHIA Dataset",
  options: z.strictObject(layoutOptions("synthia-16")),
  plan: (given) =>
    layoutPlan({
      title: "SYNTHIA",
      images: { folder: "RGB", suffix: "" },
      labels: { folder: "GT/LABELS", suffix: "" },
      beforeId: /^(.*\/)?RGB\//,
      example: "0000000",
      map: mapByName(CITYSCAPES_SPACES[given.label_space], SYNTHIA_STORED, "SYNTHIA's ids 0 to 22"),
      decode: firstOf16Bits,
    }, given),
});

function firstOf16Bits(bytes: Uint8Array, file: string): DecodedLabels {
  const { width, height, depth, channels, data } = decodeStored(bytes, file);
  if (depth !== 16) {
    throw new DataError(
      file,
      `the label image has ${depth} bits, as the colour pictures of GT/COLOR; ` +
        "expected the 16-bit files of GT/LABELS, with class ids in the first channel",
    );
  }
  if (channels === 1) return { width, height, data };
  const ids = new Uint16Array(width * height);
  for (let pixel = 0, at = 0; pixel < ids.length; pixel++, at += channels) ids[pixel] = data[at]!;
  return { width, height, data: ids };
}
