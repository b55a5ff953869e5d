/**
 * `plca new recipe`: looks at the person's folders and writes a recipe for them. It pairs images with labels
 * by their names, samples label files to find which ids occur, guesses what they mean, and writes YAML in
 * which every guess is marked as one. The recipe is planned before it is written, so it can at least be
 * trained.
 */
import { basename, resolve } from "node:path";
import { loadRecipe } from "../../config/load.ts";
import { NAME } from "../../config/recipe.ts";
import { UserError } from "../../core/errors.ts";
import { printable } from "../../core/printable.ts";
import { countOf } from "../../core/words.ts";
import { builtins } from "../../builtins.ts";
import { type ClassGuess, guessClasses } from "../../datasets/found/classes.ts";
import { writeWhole } from "../../run_folder/write.ts";
import { commandLine, shellWord } from "../command_line.ts";
import type { CommandOf } from "../grammar.ts";
import type { Host } from "../host.ts";
import { requireWritable } from "../output_file.ts";
import { shown } from "../run_folder.ts";
import { findFolders, type OwnFolders, type OwnPair } from "./folders.ts";
import { type ListFile, Places, REPAINTED } from "./places.ts";
import { settingsFor } from "./settings.ts";
import { imagesText, recipeText } from "./text.ts";

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

  const split = val || classes.unfit !== undefined ? undefined : splitOf(target);
  const found = [source, target, ...(val ? [val] : [])];
  const lists = split !== undefined || found.some(({ whole }) => !whole);
  const place = new Places(out, found, { by: classes.source.by, lists });
  const sourceEntry = place.entry(source, "source");
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
    file: basename(out),
    ...(place.root === undefined ? {} : { root: place.root }),
    source: sourceEntry,
    target: targetEntry,
    ...(valEntry ? { val: valEntry } : {}),
    classes,
    looked: lookedText(source, judged),
    settings: settingsFor({
      shortSides: found.map(({ survey }) => survey.shortSide),
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
  report(host, { out, lists: place.lists, found, classes });
  return 0;
}

/** How many label files were read, in words. */
function lookedText(source: OwnFolders, judged: OwnFolders | undefined): string {
  let some = false;
  const parts = [source, ...(judged ? [judged] : [])].map(({ option, survey, pairing }) => {
    const all = pairing!.pairs.length, read = survey.looked - survey.broken.length;
    some ||= survey.looked < all;
    const looked = read < all ? `${read} of the ${all}` : `all ${all}`;
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
