import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { integer } from "@optique/core/valueparser";
import { force } from "./shared.ts";
import { fileValue, folderValue } from "./values.ts";

/** `plca report`. */
export const report = command(
  "report",
  object({
    command: constant("report"),
    runs: multiple(
      argument(folderValue("RUN"), {
        description: message`A run folder, finished or not; several are compared.`,
      }),
      { min: 1, errors: { tooFew: message`Which runs? Expected at least one run folder.` } },
    ),
    out: optional(option("--out", fileValue("FILE"), {
      description: message`The page (default: report.html in the first run's folder).`,
    })),
    images: withDefault(
      option("--images", integer({ metavar: "N", min: 0, max: 50 }), {
        description:
          message`So many best and worst images of the val split for each run; 0 labels none (default: 3).`,
      }),
      3,
    ),
    limit: optional(option("--limit", integer({ metavar: "N", min: 1 }), {
      description: message`Choose them among the first N images only.`,
    })),
    force,
  }),
  { brief: message`Write a page that shows and compares runs: one HTML file, to be opened anywhere.` },
);
