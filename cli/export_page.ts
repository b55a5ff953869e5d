/**
 * `plca export --page`: a folder that labels pictures in a browser, with the network in it. Where the run has
 * a baseline, its network is put beside, and the page shows both left and right of a line.
 */
import { basename, dirname, join, relative } from "node:path";
import { pageFiles } from "../export/page.ts";
import { classColours } from "../report/colours.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";
import { type CheckedModel, exportChecked, tell, type Work } from "./export.ts";
import { baselineWeights } from "./baseline.ts";
import { runAround, shown } from "./run_folder.ts";
import { VERSIONS } from "./versions.ts";

/**
 * The longest side of a picture when the network sees it, so that a browser without a GPU takes about a
 * second.
 */
const LONGEST = 640;

/**
 * Probabilities, because they tell how sure a network is; normalising is left to the page, since a GPU takes
 * no bytes.
 */
const FORMS = { inputs: "normalised", outputs: "probabilities" } as const;

/**
 * Writes the folder.
 * @param checkpoint absolute
 * @param folder absolute, empty or not there
 * @throws UserError before anything is written
 */
export async function writePage(work: Work, checkpoint: string, folder: string): Promise<void> {
  const { host, plan, size } = work;
  const forms = { ...FORMS, half: work.args.half };
  const adapted = await exportChecked(work, checkpoint, forms);
  const before = await baselineWeights(work.plan, checkpoint);
  const beside = before === undefined ? undefined : await exportChecked(work, before, forms);
  const { labelSpace, input: { normalization }, evaluation } = plan;
  const colours = classColours(labelSpace);
  const name = beside ? "adapted" : plan.name;
  const files = await pageFiles({
    title: `${plan.name}: label a picture`,
    classes: labelSpace.classes.map((name, id) => ({ name, colour: colours[id]! })),
    networks: [
      ...(beside ? [{ name: "source-only", model: beside.lowered.model }] : []),
      { name, model: adapted.lowered.model },
    ],
    samples: adapted.pictures,
    normalization,
    size: {
      ...(size
        ? { fixed: size }
        : Array.isArray(evaluation.size)
        ? { fixed: evaluation.size as [number, number] }
        : typeof evaluation.size === "number"
        ? { shortSide: evaluation.size }
        : {}),
      longest: LONGEST,
    },
    facts: [
      ["Network", `${plan.model.type}, recipe ${plan.name}`],
      ["Weights", await named(checkpoint)],
      ["Made by", `plca ${VERSIONS.plca} with ONNX Runtime Web`],
    ],
  });
  for (const { path, bytes } of files) {
    await makeFolder(dirname(join(folder, path)));
    await writeWhole(join(folder, path), bytes);
  }
  const tells: readonly CheckedModel[] = [...(beside ? [beside] : []), adapted];
  for (const made of tells) {
    tell(work, made, join(folder, "networks", `${made === adapted ? name : "source-only"}.onnx`));
  }
  if (work.args.json) return;
  const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0);
  host.stdout.write(
    `The page lies in ${shown(host, folder)}: ${files.length} files, ${
      (bytes / 1e6).toFixed(1)
    } MB. Put the folder on any ` +
      `server of files, or look at it here: python3 -m http.server --bind 127.0.0.1 --directory ${
        shown(host, folder)
      }\n`,
  );
}

/** A checkpoint as visitors may read it: within its run, without the person's folders. */
async function named(checkpoint: string): Promise<string> {
  const run = await runAround(checkpoint);
  return run === undefined ? basename(checkpoint) : join(basename(run), relative(run, checkpoint));
}
