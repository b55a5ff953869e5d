/** `plca export --page`: a folder that labels pictures in a browser. */
import { dirname, join } from "node:path";
import { pageFiles } from "../export/page.ts";
import { classColours } from "../report/colours.ts";
import { foldersOf, LAST_CHECKPOINT } from "../run_folder/layout.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";
import { type CheckedModel, exportChecked, tell, type Work } from "./export.ts";
import { runAround, shown, stat } from "./run_folder.ts";
import { VERSIONS } from "./versions.ts";

/** Larger pictures are made smaller, so that a browser without a GPU labels them in about a second. */
const LONGEST = 640;

/** Probabilities tell how sure a network is; normalising is the page's, since a GPU takes no bytes. */
const FORMS = { inputs: "normalised", outputs: "probabilities" } as const;

/** @param checkpoint absolute @param folder absolute, empty or not there @throws UserError before anything is written */
export async function writePage(work: Work, checkpoint: string, folder: string): Promise<void> {
  const { host, plan, size } = work;
  const adapted = await exportChecked(work, checkpoint, FORMS);
  const before = await baselineOf(work, checkpoint);
  const beside = before === undefined ? undefined : await exportChecked(work, before, FORMS);
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
      ["Weights", shown(host, checkpoint)],
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

/** The last weights of the run's baseline, absolute; undefined where there are none. */
async function baselineOf({ plan }: Work, checkpoint: string): Promise<string | undefined> {
  const run = await runAround(checkpoint);
  const at = plan.phases.findIndex(({ baseline }) => baseline);
  if (run === undefined || at < 0) return undefined;
  const file = join(run, foldersOf(plan.phases)[at]!.folder, LAST_CHECKPOINT);
  return file !== checkpoint && await stat(file) ? file : undefined;
}
