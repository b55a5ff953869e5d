/**
 * Miniatures about networks, from runs that `plca compare` and `plca ablate` finished; trains nothing:
 *
 *     deno task bench networks [FOLDER_OF_DEEPLAB FOLDER_OF_MIT]
 *     deno task bench levels [FOLDER]
 *     deno task bench dinov2 [FOLDER]
 *
 * The runs of the folders are added to bench/results/runs, so that a table can be made in pieces.
 */
import { spread } from "../report/means.ts";
import { keepRuns, type KeptRun, type KeptRuns } from "./method_runs.ts";
import { record, type SectionId } from "./record.ts";
import { mean } from "./statistics.ts";

/** The networks of `networks`, each with the data recipe that has it. */
const NETWORKS = [
  { data: "camvid_day_to_dusk", title: "DeepLab-v2, layers 1,1,1,1, width 0.5" },
  { data: "camvid_mit", title: "MiT-B0, SegFormer's head" },
] as const;

/** Steps of a training. */
const CAMVID_STEPS = 400, LEVELS_STEPS = 200;

/** DeepLab-v2 and a Mix Transformer by the same methods on CamVid. */
export async function networks(folders: readonly string[]): Promise<void> {
  const kept = await Promise.all(
    NETWORKS.map(({ data }, k) => keepRuns(`${data}_${CAMVID_STEPS}`, folders[k])),
  );
  await write("networks", {
    title: "Two networks on CamVid, day to dusk",
    text:
      "Percent mIoU on the 62 frames of dusk_val after the last step, at the input's size of 240x180, without aggregation at " +
      `inference. Crop 144, batch 2 + 2, ${CAMVID_STEPS} steps for all, a third of the recipes' 1200; both networks from ` +
      "random weights. Mean and sample deviation over seeds; `best`: the higher of two validations in one pass, chosen by labels.",
    first: "network",
    groups: kept.map((runs, k) => ({ title: NETWORKS[k]!.title, runs })),
    commands: [
      ...NETWORKS.map(({ data }) =>
        `deno task plca compare ${data} --methods LIST --seeds 0,1,2 --jobs 2 --set data.root=CAMVID ` +
        `--set training.steps=${CAMVID_STEPS} --set training.validate_every=${
          CAMVID_STEPS / 2
        } --out FOLDER_OF_${data}`
      ),
      `deno task bench networks ${NETWORKS.map(({ data }) => `FOLDER_OF_${data}`).join(" ")}`,
    ],
  });
}

/** Which layers to associate, on drawn streets. */
export async function levels([folder]: readonly string[]): Promise<void> {
  const { classes, runs } = await keepRuns("levels", folder);
  const of = (network: string) => ({
    classes,
    runs: runs.filter(({ name }) => name.startsWith(network)),
  });
  await write("levels", {
    title: "Which layers to associate",
    text:
      "Percent mIoU on the target's val split of `street` after the last step. The whole objective of PLCA but for the levels " +
      `of its association, ${LEVELS_STEPS} steps, half of the recipe's; both networks from random weights. \`without\`: no ` +
      "association. Mean and sample deviation over seeds; `best`: the highest validation, chosen by labels.",
    first: "network",
    groups: [
      { title: "DeepLab-v2, layers 1,1,1,1, width 0.25", runs: of("deeplab") },
      { title: "MiT-B0, SegFormer's head", runs: of("mit") },
    ],
    commands: [
      `deno task plca ablate street --rows recipes/levels --seeds LIST --jobs 2 --set training.steps=${LEVELS_STEPS} ` +
      `--set training.validate_every=${LEVELS_STEPS / 2} --out FOLDER`,
      "deno task bench levels FOLDER",
    ],
  });
}

/** A small transformer in DINOv2's form by the methods that it has, on drawn streets. */
export async function dinov2([folder]: readonly string[]): Promise<void> {
  const data = "street_dinov2";
  await write("dinov2", {
    title: "A small transformer in DINOv2's form, on drawn streets",
    text:
      "Percent mIoU on the target's val split of `street` after the last of 100 steps, from random weights. PLCA with the " +
      "recipe's weight of 0.01. Mean and sample deviation over seeds; `best`: the highest validation, chosen by labels.",
    first: "network",
    groups: [{ title: "width 96, 4 blocks, 3 heads", runs: await keepRuns(data, folder) }],
    commands: [
      `deno task plca compare ${data} --methods source_only,plca,dacs,vfm_uda --seeds 0,1,2 --jobs 2 --out FOLDER`,
      "deno task bench dinov2 FOLDER",
    ],
  });
}

interface Table {
  readonly title: string;
  readonly text: string;
  /** The head of the first column, which has the groups' titles. */
  readonly first: string;
  readonly groups: readonly { readonly title: string; readonly runs: KeptRuns }[];
  readonly commands: readonly string[];
}

async function write(id: SectionId, { title, text, first, groups, commands }: Table): Promise<void> {
  const all = groups.flatMap(({ runs: { runs } }) => runs);
  const seeds = [...new Set(all.map(({ seed }) => seed))].sort((a, b) => a - b);
  const commits = [...new Set(all.map(({ commit }) => commit))].join(", ");
  await record(id, {
    title,
    text: [text, `The runs were made with plca ${commits}.`],
    columns: [first, "variant", ...seeds.map((seed) => `seed ${seed}`), "mean", "best"],
    rows: groups.flatMap(({ title, runs: { runs } }) =>
      [...Map.groupBy(runs, nameOf)].map(([name, some]) => [
        title,
        name,
        ...seeds.map((seed) => percent(some.find((run) => run.seed === seed)?.miou)),
        spread(some.map(({ miou }) => miou)),
        percent(mean(some.flatMap(({ picks }) => picks["best"] ?? []))),
      ])
    ),
    commands,
  });
}

/** What the table calls a run's variant. */
function nameOf({ name, method }: KeptRun): string {
  return method?.title ?? name;
}

function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? "-" : (100 * share).toFixed(1);
}
