/**
 * The README of a network on a hub: what it is, how good it was measured to be, how to use it, how it was
 * trained, and whose licence binds it. It says only what plca knows; a result that was not measured is not
 * there.
 */
import { stringify } from "yaml";
import type { Evaluation } from "../core/events.ts";
import { percent } from "../core/words.ts";

/** The facts that a card states. */
export interface CardFacts {
  /** The recipe's name. */
  readonly name: string;
  /** The recipe's method and its source, as in `Kang et al. 2020`; absent: the card does not mention one. */
  readonly method?: { readonly title: string; readonly source?: string | undefined } | undefined;
  /** The model plugin's name. */
  readonly model: string;
  /** The types of the recipe's source and target datasets. */
  readonly source: string;
  readonly target?: string | undefined;
  /** The evaluation after the last step; absent: the weights were not evaluated. */
  readonly evaluation?: Evaluation | undefined;
  /** The evaluation of the network without adaptation that was trained beside it; absent: none was. */
  readonly baseline?: Evaluation | undefined;
  /** The published weights with which the training began, and their licence; absent: random ones. */
  readonly origin?: { readonly file: string; readonly notice?: string | undefined } | undefined;
  /** Whether transformers reads the folder. */
  readonly transformers: boolean;
  /** Further remarks on how to use it, a sentence each. */
  readonly notes: readonly string[];
  /** Paths of the ONNX files. */
  readonly onnx: readonly string[];
  readonly version: string;
}

/** The card in Markdown, with the front matter that hubs read. */
export function modelCard(facts: CardFacts): string {
  return `---\n${stringify(frontMatter(facts), { lineWidth: 0 })}---\n\n${
    [
      `# ${facts.name}`,
      summary(facts),
      ...results(facts),
      ...use(facts),
      ...training(facts),
      "## Licence",
      licence(facts),
    ].join("\n\n")
  }\n`;
}

/** The metadata that hubs index. */
function frontMatter({ name, source, target, evaluation, origin, transformers }: CardFacts) {
  const licensed = origin?.notice !== undefined;
  return {
    library_name: transformers ? "transformers" : "plca",
    pipeline_tag: "image-segmentation",
    license: licensed ? "other" : "unknown",
    tags: ["plca", "semantic-segmentation", "domain-adaptation"],
    ...(evaluation === undefined || evaluation.miou === null ? {} : {
      metrics: ["mean_iou"],
      "model-index": [{
        name,
        results: [{
          task: { type: "image-segmentation", name: "Semantic segmentation" },
          dataset: { type: target ?? source, name: `${target ?? source}, ${evaluation.split} split` },
          metrics: [{ type: "mean_iou", name: "mIoU (%)", value: Number(percent(evaluation.miou)) }],
        }],
      }],
    }),
  };
}

/** What the network is and how it was trained, in one or two sentences. */
function summary({ method, model, source, target, version }: CardFacts): string {
  const by = method ? `, by ${method.title}${method.source ? ` (${method.source})` : ""}` : "";
  const adapted = target === undefined
    ? `trained on ${source}`
    : `trained on labelled images of ${source} and unlabelled images of ${target}${by}`;
  return `A network (\`${model}\`) that labels every pixel, ${adapted}. Made with plca ${version}.`;
}

/** The table of IoU by class, or a sentence that nothing was measured. */
function results({ evaluation, baseline }: CardFacts): string[] {
  if (evaluation === undefined) {
    return ["## Results", "These weights were not evaluated where this card was written."];
  }
  const columns = [
    ...(baseline ? [["without adaptation", baseline] as const] : []),
    [
      baseline ? "adapted" : "IoU %",
      evaluation,
    ] as const,
  ];
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const lines = [
    row(["class", ...columns.map(([title]) => title)]),
    row(["---", ...columns.map(() => "---")]),
    ...evaluation.classes.map((name, id) =>
      row([name, ...columns.map(([, { iou }]) => percent(iou[id] ?? null))])
    ),
    row(["mIoU", ...columns.map(([, { miou }]) => percent(miou))]),
  ];
  const { images, split, labelSize, inference } = evaluation;
  return [
    "## Results",
    `IoU in percent on ${images} images of the ${split} split, pixels counted at ${labelSize}` +
    `${inference === undefined ? "" : `, with ${inference}`}. Measured with the commands below.`,
    lines.join("\n"),
  ];
}

/** How to run the network: in Python, as ONNX, and by plca. */
function use({ transformers, notes, onnx }: CardFacts): string[] {
  const python = transformers
    ? [
      "```python\nfrom transformers import AutoImageProcessor, SegformerForSemanticSegmentation\n" +
      'processor = AutoImageProcessor.from_pretrained("FOLDER")\n' +
      'model = SegformerForSemanticSegmentation.from_pretrained("FOLDER")\n' +
      'logits = model(**processor(image, return_tensors="pt")).logits\n```',
    ]
    : [];
  const files = onnx.length === 0 ? [] : [
    `${onnx.map((path) => `\`${path}\``).join(" and ")}: the same network as ONNX, opset 17; ` +
    "`pixel_values` float32 [batch, 3, height, width] normalised as `preprocessor_config.json` says, " +
    "`logits` at the network's own resolution.",
  ];
  return [
    "## Use",
    "`FOLDER` is this folder.",
    ...python,
    ...files,
    "```sh\nplca predict IMAGES --recipe FOLDER/recipe.yaml --checkpoint FOLDER/model.safetensors --out LABELS\n```",
    ...notes,
  ];
}

/** The commands with which it can be trained and evaluated again. */
function training({ evaluation }: CardFacts): string[] {
  const evaluate = evaluation === undefined
    ? ""
    : `\nplca eval --recipe FOLDER/recipe.yaml --checkpoint FOLDER/model.safetensors --split ${evaluation.split}`;
  return [
    "## Training",
    "`recipe.yaml` holds every option; put your own folders where it says `FOLDER`.",
    `\`\`\`sh\nplca train FOLDER/recipe.yaml${evaluate}\n\`\`\``,
  ];
}

/** Whose licence binds the weights, as far as plca knows. */
function licence({ origin, source, target }: CardFacts): string {
  const data = [...new Set([source, target].filter((name) => name !== undefined))].join(" and ");
  const images = `The images it was trained on (${data}) have licences of their own.`;
  if (origin === undefined) {
    return `Its weights began at random, so they are their author's to license: set \`license\` above. ${images}`;
  }
  const whose = `Its training began with the weights of \`${origin.file}\``;
  return origin.notice === undefined
    ? `${whose}, whose licence binds it as well: set \`license\` above. ${images}`
    : `${whose}: ${origin.notice}. ${images}`;
}
