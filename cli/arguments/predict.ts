import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { choice, float } from "@optique/core/valueparser";
import { imports, runs, sets, weights } from "./shared.ts";
import { fileValue, folderValue } from "./values.ts";

/** `plca predict`. */
export const predict = command(
  "predict",
  object({
    command: constant("predict"),
    images: multiple(
      argument(fileValue("IMAGES"), {
        description:
          message`A JPEG, PNG, TIFF or WebP, a folder of them with its subfolders, or a pattern such as a/**/*.png; or videos.`,
      }),
      { min: 1, errors: { tooFew: message`Which images? Expected at least one file, folder or pattern.` } },
    ),
    ...weights,
    out: option("--out", folderValue("FOLDER"), {
      description: message`Receives labels, overlays and classes.json.`,
    }),
    ids: withDefault(
      option("--ids", choice(["train", "dataset"], { metavar: "IDS" }), {
        description:
          message`The numbers in label files: train ids from 0 on, or those of the label space, such as Cityscapes' 7 for road (default: train).`,
      }),
      "train" as const,
    ),
    overlays: withDefault(
      option("--overlays", choice(["png", "jpg", "none"], { metavar: "FORMAT" }), {
        description: message`png, jpg, or none (default: png).`,
      }),
      "png" as const,
    ),
    opacity: withDefault(
      option("--opacity", float({ metavar: "SHARE", min: 0, max: 1 }), {
        description: message`Of the colours in overlays, from 0 to 1 (default: 0.5).`,
      }),
      0.5,
    ),
    confidence: withDefault(
      flag("--confidence", { description: message`Write the probability of each pixel's class as well.` }),
      false,
    ),
    watch: withDefault(
      flag("--watch", {
        description: message`IMAGES are folders: label what comes into them until Ctrl-C.`,
      }),
      false,
    ),
    force: withDefault(flag("--force", { description: message`Overwrite files that exist.` }), false),
    json: withDefault(flag("--json", { description: message`Print a line of JSON for each image.` }), false),
    set: sets,
    import: imports,
    runs,
  }),
  { brief: message`Label images with a trained network.` },
);
