import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { WANTED_OUTPUTS } from "../../train/whole_image.ts";
import { force, imports, runs, sets } from "./shared.ts";
import { fileValue, folderValue } from "./values.ts";

/** What files take: see {@linkcode exported}. */
const INPUTS = ["normalised", "uint8"] as const;

/** `plca export`. */
export const exported = command(
  "export",
  object({
    command: constant("export"),
    run: optional(argument(folderValue("RUN"), {
      description: message`The run's folder (default: the latest run).`,
    })),
    checkpoint: optional(option("--checkpoint", fileValue("FILE"), {
      description: message`The weights (default: the last ones of the run).`,
    })),
    out: optional(option("--out", fileValue("FILE"), { description: message`The ONNX file to write.` })),
    page: optional(option("--page", folderValue("FOLDER"), {
      description:
        message`Write a page that labels pictures and the camera in a browser; a new or empty folder.`,
    })),
    hub: optional(option("--hub", folderValue("FOLDER"), {
      description:
        message`Write a folder to push to a hub of models: safetensors, ONNX, configuration, recipe, model card; a new or empty folder.`,
    })),
    inputs: withDefault(
      option("--inputs", choice(INPUTS, { metavar: "FORM" }), {
        description:
          message`normalised: float32 [N, 3, H, W]; uint8: RGB bytes [N, H, W, 3], which the file normalises itself (default: normalised).`,
      }),
      "normalised" as const,
    ),
    outputs: withDefault(
      option("--outputs", choice(WANTED_OUTPUTS, { metavar: "FORM" }), {
        description:
          message`logits [N, K, h, w] at the network's resolution; probabilities [N, K, H, W] or labels [N, H, W] at the images' (default: logits).`,
      }),
      "logits" as const,
    ),
    size: optional(option("--size", string({ metavar: "HEIGHTxWIDTH" }), {
      description: message`The only size of images (default: any).`,
    })),
    aggregate: withDefault(
      flag("--aggregate", {
        description: message`Aggregate as the recipe's evaluation.aggregation says; needs --size.`,
      }),
      false,
    ),
    half: withDefault(flag("--half", { description: message`Numbers of 16 bits: half the size.` }), false),
    images: withDefault(
      option("--images", integer({ metavar: "N", min: 1, max: 100 }), {
        description: message`Compare the file with the network on so many images (default: 4).`,
      }),
      4,
    ),
    force,
    json: withDefault(
      flag("--json", { description: message`Print what was measured as JSON, a line for each ONNX file.` }),
      false,
    ),
    set: sets,
    import: imports,
    runs,
  }),
  {
    brief:
      message`Write a trained network as ONNX, as a page or for a hub of models, and compare it with the network first.`,
  },
);
