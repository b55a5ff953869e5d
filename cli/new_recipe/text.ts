/**
 * The recipe as text. It is written by hand rather than by a YAML library, because its comments matter most:
 * they say what was guessed and what to do next. Pure.
 */
import { countOf, percent } from "../../core/words.ts";
import { type ClassGuess, type GuessedClass, type GuessedMap, hexOf } from "../../datasets/found/classes.ts";
import { shellWord } from "../command_line.ts";
import type { Settings } from "./settings.ts";

/** One data set of the recipe. */
export interface DatasetEntry {
  /** What stands above it, a line each. */
  readonly comments: readonly string[];
  /** Where its files are: options of `folder` and their values as YAML. */
  readonly place: Readonly<Record<string, string>>;
}

/** What the text is made of. */
export interface RecipeParts {
  readonly name: string;
  /** What the recipe's file is called. */
  readonly file: string;
  /** As the recipe writes it; absent: paths are absolute. */
  readonly root?: string;
  readonly source: DatasetEntry;
  readonly target: DatasetEntry;
  /** Absent: the target has no labels. */
  readonly val?: DatasetEntry;
  readonly classes: ClassGuess;
  /** How many label files were looked at, in words. */
  readonly looked: string;
  readonly settings: Settings;
  readonly seed: number;
}

/** The recipe: YAML with comments. */
export function recipeText(parts: RecipeParts): string {
  const { name, root, source, target, val, classes, settings } = parts;
  const file = shellWord(parts.file);
  const other = val && classes.target && !sameIds(classes.source, classes.target)
    ? classes.target
    : undefined;
  const shared = ["classes: *classes", ...(classes.source.ignore.length > 0 ? ["ignore: *ignore"] : [])];
  const targetClasses = other ? mapLines(other) : shared;
  return [
    `# Written by plca new recipe. What was guessed says so. First`,
    `#   plca data check ${file}    reads every file once, then`,
    `#   plca train ${file}`,
    `# Every key: docs/recipes.md; images of your own: docs/datasets.md.`,
    `name: ${quoted(name)}`,
    `seed: ${parts.seed}`,
    "",
    "data:",
    ...(root === undefined ? [] : [`  root: ${quoted(root)} # the folders below start here`]),
    ...entryLines("source", source, [...classLines(parts), ...ignoreLines(classes.source)]),
    ...entryLines("target", target, targetClasses),
    ...(val ? entryLines("val", val, targetClasses) : noValLines(classes)),
    "",
    ...settingLines(settings, val !== undefined),
  ].join("\n") + "\n";
}

/** A dataset in lines. */
function entryLines(key: string, { comments, place }: DatasetEntry, classes: readonly string[]): string[] {
  return [
    `  ${key}:`,
    ...comments.map((line) => `    # ${line}`),
    "    type: folder",
    ...Object.entries(place).map(([option, value]) => `    ${option}: ${value}`),
    ...classes.map((line) => `    ${line}`),
  ];
}

/** A class of a smaller share than this may be pixels that somebody left by mistake. */
const STRAY = 1e-5;

/** The source's classes in lines, with how often each occurs. */
function classLines({ classes, looked }: RecipeParts): string[] {
  const { title, source, target } = classes;
  const names = title === undefined ? ["The names are yours to fill in."] : [
    `Guessed: these are ${title}. Compare a picture with its labels`,
    "before you believe it. Data sets as they are downloaded have types of their own: docs/datasets.md.",
  ];
  const width = Math.max(...source.classes.map((each) => entry(each, source).length));
  return [
    `# The ${
      source.by === "index" ? "ids" : "colours"
    } of the label files. Shares are those of the pixels of`,
    `# ${looked}.`,
    ...names.map((line) => `# ${line}`),
    "classes: &classes",
    ...source.classes.map((each, at) => {
      const other = target?.classes[at]?.share;
      const there = other === undefined ? "" : `, target ${shareText(other)}`;
      const stray = Math.max(each.share, other ?? 0) < STRAY
        ? "; so few pixels may be a mistake: move it into ignore"
        : "";
      return `  ${entry(each, source).padEnd(width)} # source ${shareText(each.share)}${there}${stray}`;
    }),
    `# ${classes.ignoring}`,
  ];
}

/** A class and what stands for it in label files, as a line of YAML. */
function entry({ name, ids }: GuessedClass, map: GuessedMap): string {
  return `${quoted(name)}: ${storedList(ids, map)}`;
}

/** Ids, or colours as `"#rrggbb"`. */
function storedList(ids: readonly number[], { by }: GuessedMap): string {
  return `[${ids.map((id) => by === "index" ? id : JSON.stringify(`#${hexOf(id)}`)).join(", ")}]`;
}

/** A share in percent, so that a small one does not look like none. */
function shareText(share: number): string {
  if (share === 0) return "none";
  return share < 0.0005 ? "< 0.1 %" : `${percent(share)} %`;
}

/**
 * What stands for no class in the source's label files; no line where nothing does. The line has an anchor,
 * to which the target refers.
 */
function ignoreLines(map: GuessedMap): string[] {
  const { ignore, ignored } = map;
  return ignore.length === 0
    ? []
    : [`ignore: &ignore ${storedList(ignore, map)} # ${shareText(ignored)} of the source's pixels`];
}

/** The target's classes where they stand for other ids or colours than the source's. */
function mapLines(map: GuessedMap): string[] {
  const { classes, ignore } = map;
  return [
    "classes:",
    ...classes.map((each) => `  ${entry(each, map)}`),
    ...(ignore.length > 0 ? [`ignore: ${storedList(ignore, map)}`] : []),
  ];
}

/** Whether both sets of label files are read alike. */
function sameIds(one: GuessedMap, other: GuessedMap): boolean {
  const text = ({ classes, ignore }: GuessedMap) => JSON.stringify([classes.map(({ ids }) => ids), ignore]);
  return text(one) === text(other);
}

/** What stands in the place of `val` when there is none. */
function noValLines({ unfit }: ClassGuess): string[] {
  const why = unfit === undefined
    ? "the target has no labels"
    : `the target's labels do not fit the source's: ${unfit}`;
  return [
    `  # No \`val\`: ${why}. With labels of some target images the run says`,
    "  # how well it labels the target; without, look at what plca predict makes of it.",
  ];
}

/** Model, losses and lengths in lines. */
function settingLines(settings: Settings, validated: boolean): string[] {
  const { shortSide, crop, batch, steps, validateEvery, memory } = settings;
  return [
    "input:",
    `  short_side: ${shortSide} # every image is scaled so that its shorter side has so many pixels`,
    `  crop: ${crop}`,
    "  flip: true # false where left and right differ in meaning",
    "  normalization: imagenet # what weights from torchvision expect; those from Caffe: caffe",
    "",
    "# A slim network that learns from nothing, within minutes on a processor. For results: a graphics card,",
    "# ResNet-101 from pretrained weights (docs/weights.md), short_side 720 and crop 512 or more, 10000 steps.",
    "model:",
    "  type: deeplab-v2",
    "  options: { layers: [1, 1, 1, 1], width: 0.5, first_dilation: previous }",
    "",
    "losses:",
    "  - type: cross-entropy",
    "  - type: lovasz-softmax",
    "    weight: 0.75",
    "  - type: association",
    "    weight: 0.1",
    "    options:",
    "      aggregation: { alpha: 0.5 }",
    "      levels:",
    "        - { tap: layer4, similarity: cosine }",
    "        - { tap: probabilities, similarity: negative-kl }",
    "  - type: label-smoothing",
    "    weight: 0.01",
    "    options: { lambda: 10 }",
    "",
    "optimizer:",
    "  type: sgd",
    "  options: { lr: 0.01, momentum: 0.9, weight_decay: 0.0005 }",
    "schedule:",
    "  type: poly",
    "  options: { power: 0.9 }",
    "",
    "training:",
    `  steps: ${steps}`,
    `  batch: ${batch} # of each domain; about ${memory.toFixed(1)} GB of memory`,
    ...(validated ? [`  validate_every: ${validateEvery}`] : []),
    "",
    "evaluation:",
    `  size: ${shortSide}`,
    "  label_size: input # original: counted at the size of the label files, as papers do; slower",
  ];
}

/** A text as YAML reads it back: plain where that is safe, else in double quotes. */
export function quoted(text: string): string {
  const plain = /^[A-Za-z_./][\w./-]*( [\w./-]+)*$/.test(text) &&
    !/^(true|false|null|yes|no|on|off|y|n|\.(nan|inf))$/i.test(text) &&
    !/^\.?\d/.test(text);
  return plain ? text : JSON.stringify(text);
}

/** `3 images with labels` */
export function imagesText(count: number, labelled: boolean): string {
  return `${countOf(count, "image")}${labelled ? " with labels" : ""}`;
}
