/**
 * Cityscapes, as it is downloaded. Its label files come in two codings with the same form: label ids (0 to
 * 34, as the download has them) and train ids (0 to 18, as its scripts make them). Train ids that are read as
 * label ids would all be valid and mean something else. So the coding is an option, and where label files are
 * missing, the error names those of the other coding.
 */
import { ConfigError } from "../core/errors.ts";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { CITYSCAPES_SPACES, CITYSCAPES_STORED, trainIdsHint } from "./cityscapes_classes.ts";
import { decodeLabels } from "./decode.ts";
import { layoutOptions, layoutPlan, mapByName } from "./layout.ts";

/**
 * Cityscapes (Cordts et al. 2016) as it is downloaded: `leftImg8bit/<split>/<city>/<id>_leftImg8bit.png` and
 * `gtFine/<split>/<city>/<id>_gtFine_labelIds.png`, or `_labelTrainIds.png`. -1 as 255 (65535 in 16 bits)
 * becomes the ignore label, as does every id without a class in the label space. The labels of `test` are
 * withheld by the authors, the files are dummies: its images can be read, asking for labels is an error.
 */
export const cityscapes = definePlugin({
  kind: "dataset",
  name: "cityscapes",
  summary: "Cityscapes' photographs in the folders leftImg8bit and gtFine",
  source: "Cordts et al. 2016, The Cityscapes Dataset",
  options: z.strictObject({
    ...layoutOptions("cityscapes-19"),
    split: z.enum(["train", "val", "test"]).optional()
      .describe("the folder that is read (default train); test has images only"),
    labels: z.enum(["labelIds", "labelTrainIds"]).default("labelIds")
      .describe("which label files: labelIds, as downloaded, or labelTrainIds, as Cityscapes' scripts make"),
  }),
  plan(given, at) {
    if (given.list !== undefined && given.split !== undefined) {
      throw new ConfigError([{ path: [...at, "split"], message: "a `list` names the files itself" }]);
    }
    const split = given.split ?? "train";
    const space = CITYSCAPES_SPACES[given.label_space];
    return layoutPlan({
      title: "Cityscapes",
      images: { folder: `leftImg8bit/${split}`, suffix: "_leftImg8bit" },
      labels: { folder: `gtFine/${split}`, suffix: `_gtFine_${given.labels}` },
      beforeId: /^(.*\/)?leftImg8bit\/(train|val|test)\//,
      otherLabels: OTHER[given.labels],
      example: EXAMPLES[split],
      map: mapByName(
        space,
        CITYSCAPES_STORED[given.labels],
        EXPECTED[given.labels],
      ),
      decode: (bytes, file) => decodeLabels(bytes, file, `the _gtFine_${given.labels}.png files`),
      ...(given.labels === "labelIds"
        ? { absence: trainIdsHint(space, "`labels: labelTrainIds` reads train ids") }
        : {}),
      ...(split === "test" ? { withheld: WITHHELD } : {}),
    }, given);
  },
});

/** An image of each split, for messages. */
const EXAMPLES = {
  train: "aachen/aachen_000000_000019",
  val: "frankfurt/frankfurt_000000_000294",
  test: "berlin/berlin_000000_000019",
};

/** Train ids that are read as label ids would all be known and mean something else. */
const OTHER = {
  labelIds: { suffix: "_labelTrainIds", remedy: "`labels: labelTrainIds` reads these files" },
  labelTrainIds: { suffix: "_labelIds", remedy: "`labels: labelIds` reads these files" },
};

/** The ids that label files of each coding may hold, for messages. */
const EXPECTED = {
  labelIds: "Cityscapes' label ids 0 to 34, or 255 for -1 (`labels: labelTrainIds` reads train ids)",
  labelTrainIds: "Cityscapes' train ids 0 to 18, or 255 (`labels: labelIds` reads label ids)",
};

/** Why the test split has no labels. */
const WITHHELD = "the labels of Cityscapes' test split are not published (its label files are dummies); " +
  "expected `split: train` or `split: val` where labels are needed";
