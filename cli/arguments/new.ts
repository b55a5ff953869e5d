import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { foldersOption } from "./folders.ts";
import { force } from "./shared.ts";
import { fileValue } from "./values.ts";

const WHICH = message`A new what? Expected recipe, as in plca new recipe, or loss.`;

const recipe = command(
  "recipe",
  object({
    command: constant("new recipe"),
    source: foldersOption({
      name: "--source",
      metavar: "IMAGES LABELS",
      description:
        message`Folders of the labelled images and of their label PNGs; one folder when both lie in it.`,
      least: 1,
    }),
    target: foldersOption({
      name: "--target",
      metavar: "IMAGES [LABELS]",
      description:
        message`The images to adapt to. Labels, where there are some, are never trained on: a fifth of them is kept for validation.`,
      least: 1,
    }),
    val: map(
      foldersOption({
        name: "--val",
        metavar: "IMAGES LABELS",
        description: message`Labelled images of the target to validate on, instead of a part of the target.`,
        least: 0,
      }),
      (folders) => folders.length === 0 ? undefined : folders,
    ),
    name: withDefault(
      option("--name", string({ metavar: "NAME" }), {
        description: message`Names runs, and the file unless there is --out (default: my_data).`,
      }),
      "my_data",
    ),
    out: optional(option("--out", fileValue("FILE"), {
      description: message`The new recipe (default: NAME.yaml); lists of files are written beside it.`,
    })),
    force,
  }),
  { brief: message`Look at folders of images and labels and write a recipe for them.` },
);

const loss = object({
  command: constant("new"),
  kind: argument(choice(["loss"], { metavar: "KIND", errors: { invalidChoice: WHICH } }), {
    description: message`loss`,
    errors: { endOfInput: WHICH },
  }),
  name: argument(string({ metavar: "NAME" }), {
    description: message`Becomes NAME.ts in the current folder, as in my_loss.`,
  }),
});

/** `plca new`. */
export const create = command(
  "new",
  or(recipe, loss, { errors: { noMatch: WHICH, unexpectedInput: () => WHICH } }),
  { brief: message`Write your own loss and its test, or a recipe for images of your own.` },
);
