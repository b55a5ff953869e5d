/**
 * `plca new recipe`: looks at the person's folders and writes a recipe for them. It pairs images with labels
 * by their names, samples label files to find which ids occur, guesses what they mean, and writes YAML in
 * which every guess is marked as one. The recipe is planned before it is written, so it can at least be
 * trained.
 */
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { loadRecipe } from "../../config/load.ts";
import { NAME } from "../../config/recipe.ts";
import { UserError } from "../../core/errors.ts";
import { printable } from "../../core/printable.ts";
import { countOf } from "../../core/words.ts";
import { builtins } from "../../builtins.ts";
import { type ClassGuess, guessClasses } from "../../datasets/found/classes.ts";
import { writeWhole } from "../../run_folder/write.ts";
import { commandLine } from "../command_line.ts";
import type { CommandOf } from "../grammar.ts";
import type { Host } from "../host.ts";
import { requireWritable } from "../output_file.ts";
import { shown } from "../run_folder.ts";
import type { Rotation } from "../../datasets/found/survey.ts";
import { findFolders, type OwnFolders, type OwnPair } from "./folders.ts";
import { settingsFor } from "./settings.ts";
import { type DatasetEntry, imagesText, quoted, recipeText } from "./text.ts";

/** A list file that the recipe names. */
interface ListFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

/** The share of the target's labelled images that is kept for validation, and the most of them. */
const [KEPT, MOST_KEPT] = [0.2, 200] as const;

/**
 * Runs `plca new recipe`. @returns the exit status 0 @throws UserError when folders hold nothing usable, or
 * files would be overwritten
 */
export async function newRecipeCommand(host: Host, args: CommandOf<"new recipe">): Promise<number> {
  if (!NAME.pattern.test(args.name)) {
    throw new UserError(`--name ${printable(args.name)}: expected ${NAME.words}`);
  }
  const out = resolve(host.cwd, args.out ?? `${args.name}.yaml`);
  await requireWritable(host, { out, force: args.force, example: "my_data.yaml" });

  const source = await findFolders(host, { option: "--source", folders: args.source, labelled: true });
  const target = await findFolders(host, { option: "--target", folders: args.target, labelled: false });
  const val = args.val && await findFolders(host, { option: "--val", folders: args.val, labelled: true });
  const judged = val ?? (target.pairing ? target : undefined);
  const classes = guessClasses(source.survey, judged?.survey);

  const place = new Places(out, [source, target, ...(val ? [val] : [])], classes.source.by);
  const sourceEntry = place.entry(source, "source");
  const split = val || classes.unfit !== undefined ? undefined : splitOf(target);
  const targetEntry = split
    ? place.listed(target, "target", split.target, split.says)
    : place.entry(target, "target");
  const valEntry = classes.unfit !== undefined
    ? undefined
    : val
    ? place.entry(val, "val")
    : split && place.listed(target, "val", split.val, `${imagesText(split.val.length, true)}`);
  const text = recipeText({
    name: args.name,
    ...(place.root === undefined ? {} : { root: place.root }),
    source: sourceEntry,
    target: targetEntry,
    ...(valEntry ? { val: valEntry } : {}),
    classes,
    looked: lookedText(source, judged),
    settings: settingsFor({
      shortSides: [source, target, ...(val ? [val] : [])].map(({ survey }) => survey.shortSide),
      images: source.pairs.length,
      freeMemory: host.machine.memory.free,
    }),
    seed: 0,
  });
  // What is written can be trained: a mistake here is one of ours.
  await loadRecipe({ path: out, text }, {
    registry: builtins(),
    cwd: host.cwd,
    readText: () => Promise.reject(new Error("it extends nothing")),
  });
  for (const list of place.lists) {
    await requireWritable(host, { out: list.path, force: args.force, example: "my_data.yaml" });
  }
  for (const file of [...place.lists, { path: out, text }]) {
    await writeWhole(file.path, new TextEncoder().encode(file.text));
  }
  report(host, { out, lists: place.lists, found: [source, target, ...(val ? [val] : [])], classes });
  return 0;
}

/** How many label files were looked at, in words. */
function lookedText(source: OwnFolders, judged: OwnFolders | undefined): string {
  let some = false;
  const parts = [source, ...(judged ? [judged] : [])].map(({ option, survey, pairing }) => {
    const all = pairing!.pairs.length;
    some ||= survey.looked < all;
    const looked = survey.looked < all ? `${survey.looked} of the ${all}` : `all ${all}`;
    return `${looked} label files of ${option.slice(2)}`;
  });
  return `${parts.join(" and ")}${
    some ? ", evenly spread; plca data check finds the ids of the others" : ""
  }`;
}

/**
 * Target and validation images, none in both; undefined where there are no labels, or too few. What is kept
 * lies together at the end: neighbours by name are often neighbours in a film, and a random choice would put
 * nearly the same picture into both.
 */
function splitOf(target: OwnFolders) {
  const { pairing, pairs } = target;
  if (!pairing || pairs.length < 2) return undefined;
  // Neighbours by name are often neighbours in a film, so what is kept lies together.
  const kept = Math.max(1, Math.min(MOST_KEPT, Math.round(KEPT * pairs.length)));
  const rest = pairs.slice(0, -kept);
  const bare = pairing.unlabelled.map((name): OwnPair => ({ image: `${target.images}/${name}` }));
  const says = `${countOf(rest.length + bare.length, "image")}; their labels are not used. ` +
    `The last ${kept} of the labelled ones are kept for \`val\``;
  return { target: [...rest, ...bare], val: pairs.slice(-kept), says };
}

/** Where the datasets lie, as the recipe writes it: below a common root, by folders or by lists. */
class Places {
  /** As the recipe writes it; absent where the folders have nothing in common. */
  readonly root?: string;
  readonly lists: ListFile[] = [];
  readonly #out: string;
  readonly #by: "index" | "colour";
  /** Absolute. */
  readonly #root: string;

  /** @param by what all label files hold, or the source's where the others are not used */
  constructor(out: string, found: readonly OwnFolders[], by: "index" | "colour") {
    this.#out = out;
    this.#by = by;
    this.#root = common(
      found.flatMap(({ images, labels }) => labels === undefined ? [images] : [images, labels]),
    );
    const home = dirname(out);
    if (this.#root === "/" || common([home, this.#root]) === "/") this.root = this.#root;
    else this.root = relative(home, this.#root) || ".";
  }

  /** A dataset by its two folders where these can be read as they are, else by a list. */
  entry(found: OwnFolders, key: string): DatasetEntry {
    const { images, labels, pairing, pairs, whole } = found;
    const labelled = pairing !== undefined && key !== "target";
    const says = imagesText(pairs.length, labelled);
    if (!whole) {
      const bare = key === "target"
        ? (pairing?.unlabelled ?? []).map((name): OwnPair => ({ image: `${images}/${name}` }))
        : [];
      return this.listed(found, key, [...pairs, ...bare], says);
    }
    return {
      comments: comments(found, says),
      place: {
        images: quoted(this.#below(images)),
        ...this.#labels(labelled ? labels : undefined),
        ...(pairing && pairing.imageSuffix !== "" ? { image_suffix: quoted(pairing.imageSuffix) } : {}),
        ...(labelled && pairing.labelSuffix !== "" ? { label_suffix: quoted(pairing.labelSuffix) } : {}),
        ...pictureOptions(found),
      },
    };
  }

  /** A dataset by a list beside the recipe. */
  listed(found: OwnFolders, key: string, pairs: readonly OwnPair[], says: string): DatasetEntry {
    const path = join(dirname(this.#out), `${basename(this.#out).replace(/\.ya?ml$/i, "")}_${key}.txt`);
    // A tab, if only at the end, allows blanks in names.
    const lines = pairs.map(({ image, labels }) =>
      [image, labels].map((file) => file === undefined ? "" : listable(this.#below(file))).join("\t")
    );
    this.lists.push({ path, text: `${lines.join("\n")}\n` });
    const inside = relative(this.#root, path);
    return {
      comments: comments(found, says),
      place: {
        list: quoted(inside.startsWith("..") || isAbsolute(inside) ? path : inside),
        ...this.#labels(undefined),
        ...pictureOptions(found),
      },
    };
  }

  /** The option `labels`: the folder, and that `classes` lists colours where it does. */
  #labels(folder: string | undefined): { readonly labels?: string } {
    const named = folder === undefined ? undefined : quoted(this.#below(folder));
    if (this.#by === "index") return named === undefined ? {} : { labels: named };
    return { labels: named === undefined ? "{ by: colour }" : `{ folder: ${named}, by: colour }` };
  }

  /** A path as the recipe writes it: below the root. */
  #below(path: string): string {
    return relative(this.#root, path) || ".";
  }
}

/** Options of `folder` that follow from what the image files say of themselves. */
function pictureOptions({ survey: { rotation, bits } }: OwnFolders): Readonly<Record<string, string>> {
  return {
    ...(rotation ? { rotation: rotationText(rotation) } : {}),
    ...(bits
      ? { range: `[0, ${2 ** bits - 1}] # Guessed: no sample of these 16-bit images is brighter than that` }
      : {}),
  };
}

/**
 * The option `rotation`, with what speaks for it. Where labels lie as the pixels are stored, turning the
 * images would tear both apart; else images are turned, as viewers show them.
 */
function rotationText({ tagged, stored, upright }: Rotation): string {
  const whole = `Guessed: ${countOf(tagged, "image")} that ${tagged === 1 ? "was" : "were"} looked at`;
  if (stored > upright) {
    return `ignore # ${whole} had a rotation tag, and the labels lie as the pixels are stored`;
  }
  const why = upright > 0 ? "the labels have the size of the upright picture" : "viewers show them upright";
  return `apply # ${whole} had a rotation tag, and ${why}`;
}

/** What stands above a dataset in the recipe. */
function comments({ survey, remarks }: OwnFolders, says: string): string[] {
  const sizes = survey.sizes.slice(0, 3).map(([width, height]) => `${width}x${height}`).join(", ");
  const more = survey.sizes.length > 3 ? " and others" : "";
  return [
    `${says}. Sizes: ${sizes}${more}.`,
    ...(survey.repainted ? [`Guessed: ${REPAINTED}.`] : []),
    ...remarks.map((remark) => `${remark}.`),
  ];
}

/** What is said of labels that are read by colour although they have a palette. */
const REPAINTED = "palettes differ from file to file, so colours are read instead of numbers";

/** A path as a list names it. */
function listable(path: string): string {
  if (/[\t\n\r]|^ | $/.test(path)) {
    throw new UserError(
      `${
        printable(path)
      }: a list cannot name a file with a tab, a line end or a blank at its beginning or end; rename it`,
    );
  }
  // A line that begins with # is a comment, and quotes around a name are taken off.
  return /^[#"']/.test(path) ? `./${path}` : path;
}

/** The deepest folder above all of these. */
function common(folders: readonly string[]): string {
  let found = folders[0]!;
  for (const folder of folders) {
    while (folder !== found && !folder.startsWith(found === "/" ? found : `${found}/`)) {
      found = dirname(found);
    }
  }
  return found;
}

/** What is told at the end. */
interface Report {
  readonly out: string;
  readonly lists: readonly ListFile[];
  readonly found: readonly OwnFolders[];
  readonly classes: ClassGuess;
}

/** Tells what was found, guessed and written, and which command comes next. */
function report(host: Host, { out, lists, found, classes }: Report): void {
  const say = (line: string) => host.stdout.write(`${line}\n`);
  for (const { option, pairs, pairing, survey, remarks } of found) {
    const endings = pairing && (pairing.imageSuffix || pairing.labelSuffix)
      ? `, paired by ${JSON.stringify(pairing.imageSuffix)} and ${
        JSON.stringify(pairing.labelSuffix)
      } before the extension`
      : "";
    say(
      `${option.slice(2)}: ${
        imagesText(pairs.length, pairing !== undefined)
      }${endings}; ${survey.looked} looked at`,
    );
    if (survey.repainted) say(`  ${REPAINTED}`);
    for (const remark of remarks) say(`  ${remark}`);
  }
  const { source, title, unfit } = classes;
  const whose = title === undefined ? "their names are yours to fill in" : `guessed: ${title}`;
  say(`${source.classes.length} classes; ${whose}. ${classes.ignoring}`);
  if (unfit !== undefined) say(`The target's labels are not used: ${unfit}.`);
  say(
    `Wrote ${[out, ...lists.map(({ path }) => path)].map((path) => printable(shown(host, path))).join(", ")}`,
  );
  const path = shellWord(shown(host, out));
  say(`Check it: ${commandLine(host, `data check ${path}`)}`);
  say(`Train:    ${commandLine(host, `train ${path}`)}`);
}

/** A text as one word of a shell. */
function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
