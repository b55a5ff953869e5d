/**
 * `plca export --hub`: a folder that can be pushed to a hub of models as it is: weights as safetensors, in
 * the layout of the library transformers where that has the network, ONNX in 32 and 16 bits, the
 * configuration, the recipe without the person's folders, and a model card.
 */
import { basename, dirname, join } from "node:path";
import type { Evaluation } from "../core/events.ts";
import type { RunPlan } from "../core/plan.ts";
import { diskFiles } from "../datasets/files.ts";
import { HUB_RECIPE, hubFiles } from "../export/hub.ts";
import type { CardFacts } from "../export/model_card.ts";
import { configText } from "../run_folder/config.ts";
import { readEvaluation } from "../run_folder/evaluation.ts";
import { diskRun } from "../run_folder/files.ts";
import { foldersOf, LAST_CHECKPOINT } from "../run_folder/layout.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";
import { storedTensors } from "../train/checkpoint.ts";
import { openTrained } from "../train/trained.ts";
import { baselineFolder } from "./baseline.ts";
import { type CheckedModel, exportChecked, tell, type Work } from "./export.ts";
import { runAround, shown } from "./run_folder.ts";
import { VERSIONS } from "./versions.ts";

/** The names of files, inputs and outputs that transformers.js expects. */
const FORMS = { inputs: "normalised", outputs: "logits", inputName: "pixel_values" } as const;
/** The ONNX files that transformers.js looks for, and whether each computes in 16 bits. */
const ONNX = [["onnx/model.onnx", false], ["onnx/model_fp16.onnx", true]] as const;

/**
 * Writes the folder.
 * @param checkpoint absolute
 * @param folder absolute, empty or not there
 * @throws UserError before anything is written
 */
export async function writeHub(work: Work, checkpoint: string, folder: string): Promise<void> {
  const { host, args } = work;
  const { plan, left } = withoutEnsemble(work.plan);
  const { layout, note } = layoutOf(plan);
  const models = new Map<string, CheckedModel>();
  for (const [path, half] of ONNX) {
    models.set(path, await exportChecked({ ...work, plan }, checkpoint, { ...FORMS, half }));
  }
  const { pictures: [first], notes } = models.get(ONNX[0][0])!;
  const { state, phase, dispose } = await openTrained(plan, { checkpoint, files: diskFiles() });
  const files = hubFiles({
    state: await storedTensors(state).finally(dispose),
    layout,
    model: plan.resolved["model"] as { readonly type: string; readonly options: unknown },
    labelSpace: plan.labelSpace,
    normalization: plan.input.normalization,
    size: work.size ?? [first!.height, first!.width],
    onnx: new Map([...models].map(([path, { lowered }]) => [path, lowered.model])),
    recipe: `# plca train ${HUB_RECIPE}\n${configText(withoutFolders(plan.resolved))}`,
    card: {
      ...await cardFacts(plan, checkpoint, phase),
      transformers: layout !== undefined,
      notes: [...note, ...left, ...notes],
      onnx: [...models.keys()],
    },
  });
  for (const { path, bytes } of files) {
    await makeFolder(dirname(join(folder, path)));
    await writeWhole(join(folder, path), bytes);
  }
  for (const [path, made] of models) tell(work, made, join(folder, path));
  if (args.json) return;
  const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0);
  host.stdout.write(
    `The folder ${shown(host, folder)} is ready for a hub: ${files.length} files, ${
      (bytes / 1e6).toFixed(1)
    } MB${layout ? "; transformers reads it" : ""}. Read README.md, and say there which licence holds.\n`,
  );
}

/** A folder holds one network: the others of `evaluation.ensemble` are left out, and said. */
function withoutEnsemble(plan: RunPlan): { readonly plan: RunPlan; readonly left: readonly string[] } {
  const { ensemble, ...evaluation } = plan.evaluation;
  if (ensemble === undefined) return { plan, left: [] };
  return {
    plan: { ...plan, evaluation },
    left: [
      "evaluation.ensemble is left out: the folder holds one network, and the results are of all together.",
    ],
  };
}

/** How transformers stores the network; without it, why it cannot read the folder. */
function layoutOf({ model, input: { normalization } }: RunPlan) {
  const { transformers } = model.plan;
  if (transformers === undefined) return { note: [] };
  if (normalization.order === "rgb") return { layout: transformers, note: [] };
  return {
    note: [
      "transformers does not read this folder: it gives red, green and blue, and this network was trained on " +
      "blue, green and red.",
    ],
  };
}

/** What the model card says of the network, its data and its results. */
async function cardFacts(
  plan: RunPlan,
  checkpoint: string,
  phase: string | undefined,
): Promise<Omit<CardFacts, "transformers" | "notes" | "onnx">> {
  const { model: { type, weights, plan: { weightNames } }, method } = plan;
  const data = (plan.resolved["data"] ?? {}) as Readonly<Record<string, { readonly type?: string }>>;
  const baseline = await baselineFolder(plan, checkpoint);
  const own = await evaluationOf(plan, checkpoint, phase);
  return {
    name: plan.name,
    method,
    model: type,
    source: data["source"]?.type ?? "its own data",
    target: data["target"]?.type,
    evaluation: own,
    baseline: own && baseline ? await readEvaluation(diskRun(baseline)).catch(() => undefined) : undefined,
    ...(weights ? { origin: { file: basename(weights.file), notice: weightNames?.notice } } : {}),
    version: VERSIONS.plca,
  };
}

/** The run's evaluation of exactly these weights; undefined unless they are the last ones of a phase. */
async function evaluationOf(
  plan: RunPlan,
  checkpoint: string,
  phase: string | undefined,
): Promise<Evaluation | undefined> {
  const run = await runAround(checkpoint);
  const at = plan.phases.findIndex(({ name }) => name === phase);
  if (run === undefined || at < 0) return undefined;
  const folder = join(run, foldersOf(plan.phases)[at]!.folder);
  if (checkpoint !== join(folder, LAST_CHECKPOINT)) return undefined;
  return await readEvaluation(diskRun(folder)).catch(() => undefined);
}

/** A recipe without the person's folders: of an absolute path the last part stays, behind `FOLDER`. */
function withoutFolders<T>(value: T): T {
  if (typeof value === "string") {
    return (/^(?:\/|[A-Za-z]:\\)/.test(value) ? `FOLDER/${basename(value)}` : value) as T;
  }
  if (Array.isArray(value)) return value.map(withoutFolders) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutFolders(one)])) as T;
}
