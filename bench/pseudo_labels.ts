/**
 * How good the pseudo-labels of a run are, against labels of the target that training never saw:
 *
 *     deno task bench pseudo-labels RUN
 *
 * RUN is a folder of `plca_selftraining` on a data recipe whose target has labels, as `street` has.
 */
import { join } from "node:path";
import { builtins } from "../builtins.ts";
import { loadRecipe } from "../config/load.ts";
import type { Dataset } from "../core/plugin.ts";
import { diskFiles } from "../datasets/files.ts";
import { labelFolder, relabelled } from "../datasets/input.ts";
import { record } from "./record.ts";
import { readRun } from "../run_folder/read.ts";
import { diskRun } from "../run_folder/files.ts";
import { mean } from "./statistics.ts";

const WANT = { labels: true } as const;

const PHASE = "second", JOB = "pseudo-labels", TERM = "terms/pseudo";

/** Pixels of one class. */
interface Counts {
  /** Of the true labels. */
  truth: number;
  /** Of these, those with some pseudo-label. */
  covered: number;
  /** Of these, those whose pseudo-label is right. */
  right: number;
  /** Pseudo-labels of this class that have a true label. */
  labelled: number;
}

/** Compares all labels and writes the section. */
export async function pseudoLabels([folder]: readonly string[]): Promise<void> {
  if (folder === undefined) throw new Error("expected the folder of a run");
  const plan = await loadRecipe({ path: join(folder, "config.yaml") }, {
    registry: builtins(),
    cwd: Deno.cwd(),
    readText: (path) => Deno.readTextFile(path),
  });
  const { data: { root = "", target }, seed, labelSpace: { classes, ignore } } = plan;
  const job = join(folder, "phases", PHASE, "jobs", JOB);
  const setup = { root, seed, files: diskFiles() };
  const [truth, labels] = await Promise.all([
    target.open(setup),
    relabelled(target, labelFolder(job)).open(setup),
  ]);
  const counts = await compare(truth, labels, { classes: classes.length, ignore });
  const all = counts.reduce((sum, one) => ({
    truth: sum.truth + one.truth,
    covered: sum.covered + one.covered,
    right: sum.right + one.right,
    labelled: sum.labelled + one.labelled,
  }));
  await record("pseudo_labels", {
    title: "Pseudo-labels of PLCA with self-training, against the target's labels",
    text: [
      `\`street\`, seed ${seed}, the ${truth.length} training images of the target as the phase \`${PHASE}\` had them. \`labelled\`: ` +
      "of the pixels of a class, those that got any pseudo-label; `right`: of these, those that got their own class; " +
      "`trusted`: of the pixels that were labelled as a class, those that are of it. All in percent.",
      await learned(folder),
    ],
    columns: ["class", "share of pixels", "labelled", "right", "trusted"],
    rows: [...classes.map((name, k) => row(name, counts[k]!, all.truth)), row("all", all, all.truth)],
    commands: [
      `deno task plca compare street --methods plca_selftraining --seeds ${seed} --out FOLDER`,
      `deno task bench pseudo-labels FOLDER/plca_selftraining-${seed}`,
    ],
  });
}

/** By class: over all images, each read from both datasets. */
async function compare(
  truth: Dataset,
  labels: Dataset,
  { classes, ignore }: { readonly classes: number; readonly ignore: number },
): Promise<Counts[]> {
  const counts = Array.from({ length: classes }, () => ({ truth: 0, covered: 0, right: 0, labelled: 0 }));
  for (let k = 0; k < truth.length; k++) {
    const [expected, found] = [(await truth.read(k, WANT)).labels!, (await labels.read(k, WANT)).labels!];
    expected.forEach((id, pixel) => {
      if (id === ignore) return;
      counts[id]!.truth++;
      const label = found[pixel]!;
      if (label === ignore) return;
      counts[id]!.covered++;
      counts[label]!.labelled++;
      if (label === id) counts[id]!.right++;
    });
  }
  return counts;
}

function row(name: string, { truth, covered, right, labelled }: Counts, pixels: number): string[] {
  const percent = (part: number, whole: number) => whole === 0 ? "-" : (100 * part / whole).toFixed(1);
  return [
    name,
    percent(truth, pixels),
    percent(covered, truth),
    percent(right, covered),
    percent(right, labelled),
  ];
}

/** How far the cross-entropy on the labels had to go, said in a sentence. */
async function learned(folder: string): Promise<string> {
  const { phases } = await readRun(diskRun(folder));
  const values = [...phases.find(({ name }) => name === PHASE)?.log?.series.get(TERM)?.values ?? []];
  const few = Math.max(1, Math.floor(values.length / 5));
  const part = (some: readonly number[]) => mean(some).toFixed(3);
  return `The cross-entropy on these labels, mean of the first and of the last fifth of the phase's logged steps: ${
    part(values.slice(0, few))
  } and ${part(values.slice(-few))}.`;
}
