/**
 * CamVid day to dusk: ours from run folders called `<recipe>-<seed>`, the peer's from bench/peer_camvid.json.
 *
 *     deno task bench camvid FOLDER_OF_RUNS
 */
import { record } from "./record.ts";
import { mean } from "./statistics.ts";

interface Row {
  readonly method: "source" | "plca";
  readonly seed: number;
  /** Percent mIoU without aggregation at inference. */
  readonly final: number;
  readonly best: number;
}

const RECIPES = { source: "camvid_source_only", plca: "camvid_day_to_dusk" } as const;
const SEEDS = [0, 1, 2];

/** Reads finished runs; trains nothing. */
export async function camvid([folder = "runs"]: readonly string[]): Promise<void> {
  const peer = JSON.parse(Deno.readTextFileSync(new URL("peer_camvid.json", import.meta.url)));
  const peers = peer.runs.map((run: { best_validation: number }) => ({ ...run, best: run.best_validation }));
  const own = SEEDS.flatMap((seed) => [ours(folder, "source", seed), ours(folder, "plca", seed)]);
  await record("camvid", {
    title: "CamVid, day to dusk",
    text: [
      "Percent mIoU on the 62 frames of dusk_val, at the input's size of 240x180, without aggregation at " +
      "inference: after the last step, and in brackets at the best of the validations, one every 100 steps " +
      "(choosing that one would need labels of the target). Slim DeepLab-v2 (layers 1,1,1,1, width 0.5), crop 144, " +
      "batch 2 + 2, 1200 steps.",
      `The runs were made with commit ${commits(folder)}.`,
      `The peer is the same network and objective in plain PyTorch (${peer.torch}), trained with ` +
      `\`${peer.command}\`.`,
    ],
    columns: ["", "objective", ...SEEDS.map((seed) => `seed ${seed}`), "mean final", "mean best"],
    rows: [...tableRows("plca", own), ...tableRows("peer", peers)],
    commands: Object.values(RECIPES).map((recipe) =>
      `for seed in ${
        SEEDS.join(" ")
      }; do deno task plca train recipes/${recipe}.yaml --set data.root=CAMVID ` +
      `--set seed=$seed --run RUNS/${recipe}-$seed; done`
    ).concat("deno task bench camvid RUNS"),
  });
}

function commits(folder: string): string {
  const all = SEEDS.flatMap((seed) =>
    Object.values(RECIPES).map((recipe): string =>
      JSON.parse(Deno.readTextFileSync(`${folder}/${recipe}-${seed}/run.json`)).commit.slice(0, 7)
    )
  );
  return [...new Set(all)].join(", ");
}

function tableRows(who: string, rows: readonly Row[]): string[][] {
  return (["source", "plca"] as const).map((method) => {
    const chosen = rows.filter((row) => row.method === method).toSorted((a, b) => a.seed - b.seed);
    const cells = chosen.map(({ final, best }) => `${final.toFixed(2)} (${best.toFixed(2)})`);
    const means = [mean(chosen.map(({ final }) => final)), mean(chosen.map(({ best }) => best))];
    const name = method === "source" ? "source only" : "full objective";
    return [who, name, ...cells, ...means.map((value) => value.toFixed(2))];
  });
}

function ours(folder: string, method: Row["method"], seed: number): Row {
  const run = `${folder}/${RECIPES[method]}-${seed}`;
  const events = Deno.readTextFileSync(`${run}/events.jsonl`).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  const { interrupted } = events.findLast(({ type }) => type === "end") ?? { interrupted: true };
  if (interrupted) throw new Error(`${run}: the run did not go to its end`);
  const percent = events.filter(({ type }) => type === "validation").map(({ miou }) => 100 * miou);
  return { method, seed, final: percent.at(-1)!, best: Math.max(...percent) };
}
