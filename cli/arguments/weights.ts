import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { sets } from "./shared.ts";
import { fileValue, folderValue, recipeValue } from "./values.ts";

const file = argument(fileValue("FILE"), {
  description: message`A file of torch.save (.pth, .pt, .tar) or safetensors; nothing in it is executed.`,
});

const classOrder = {
  description:
    message`The order of the classifier's classes: published, as in the published PLCA checkpoints, or ours.`,
};

const take = optional(option("--take", string({ metavar: "PREFIX" }), {
  description:
    message`Of several networks in the file, the one under this prefix or key, as in ema_model. or model_ema.`,
}));

const inspect = command(
  "inspect",
  object({
    command: constant("weights"),
    action: constant("inspect"),
    file,
    take,
    json: withDefault(flag("--json", { description: message`Print it as JSON.` }), false),
  }),
  { brief: message`Show what a file of weights holds.` },
);

const convert = command(
  "import",
  object({
    command: constant("weights"),
    action: constant("import"),
    file,
    recipe: option("--recipe", recipeValue, {
      description: message`The recipe whose model and classes the file is brought to.`,
    }),
    out: option("--out", fileValue("FILE"), { description: message`The new .safetensors file.` }),
    classOrder: optional(option("--class-order", string({ metavar: "ORDER" }), classOrder)),
    take,
    without: multiple(option("--without", string({ metavar: "PART" }), {
      description:
        message`A part of the model that is left out and begins anew, as in classifier; may be given again.`,
    })),
    set: sets,
  }),
  { brief: message`Bring a file of weights to the names and classes of a recipe.` },
);

const save = command(
  "export",
  object({
    command: constant("weights"),
    action: constant("export"),
    run: optional(option("--run", folderValue("FOLDER"), {
      description: message`The run whose last weights are exported.`,
    })),
    checkpoint: optional(option("--checkpoint", fileValue("FILE"), {
      description: message`A checkpoint of plca instead.`,
    })),
    out: option("--out", fileValue("FILE"), {
      description: message`The new file: .pth or .pt for torch.load, or .safetensors.`,
    }),
    classOrder: withDefault(option("--class-order", string({ metavar: "ORDER" }), classOrder), "ours"),
  }),
  { brief: message`Write a network for PyTorch.` },
);

/** `plca weights`. */
export const weights = command(
  "weights",
  or(inspect, convert, save, {
    errors: { noMatch: message`What with weights? Expected inspect, import or export.` },
  }),
  {
    brief: message`Inspect, import and export files of weights.`,
  },
);
