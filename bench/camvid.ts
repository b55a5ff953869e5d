/**
 * The table of bench/RESULTS.md on CamVid day to dusk: ours from run folders called `<recipe>-<seed>`, the peer's from
 * bench/peer_camvid.json.
 *
 *     deno run --allow-read bench/camvid.ts FOLDER_OF_RUNS
 */
interface Row {
  readonly method: "source" | "plca";
  readonly seed: number;
  /** Percent mIoU without aggregation at inference. */
  readonly final: number;
  readonly best: number;
}

const RECIPES = { source: "camvid_source_only", plca: "camvid_day_to_dusk" } as const;
const SEEDS = [0, 1, 2];

function ours(folder: string): Row[] {
  return Object.entries(RECIPES).flatMap(([method, recipe]) =>
    SEEDS.flatMap((seed): Row[] => {
      const values = validations(`${folder}/${recipe}-${seed}/events.jsonl`);
      if (values === undefined) return [];
      const percent = values.map((miou) => 100 * miou);
      return [{ method: method as Row["method"], seed, final: percent.at(-1)!, best: Math.max(...percent) }];
    })
  );
}

/** The mIoU of every validation; undefined unless the run went to its end. */
function validations(path: string): number[] | undefined {
  let text;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
  const events = text.trim().split("\n").map((line) => JSON.parse(line));
  if (!events.some(({ type, interrupted }) => type === "end" && !interrupted)) return undefined;
  return events.filter(({ type }) => type === "validation").map(({ miou }) => miou);
}

function peers(): Row[] {
  const { runs } = JSON.parse(Deno.readTextFileSync(new URL("peer_camvid.json", import.meta.url)));
  return runs.map((run: { method: Row["method"]; seed: number; final: number; best_validation: number }) => ({
    ...run,
    best: run.best_validation,
  }));
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

const folder = Deno.args[0] ?? "runs";
console.log(
  "| | method | " + SEEDS.map((seed) => `seed ${seed}`).join(" | ") + " | mean final | mean best |",
);
console.log("|---|---|" + "---|".repeat(SEEDS.length + 2));
for (const [who, rows] of [["plca", ours(folder)], ["peer", peers()]] as const) {
  for (const method of ["source", "plca"] as const) {
    const own = rows.filter((row) => row.method === method);
    const cells = SEEDS.map((seed) => own.find((row) => row.seed === seed))
      .map((row) => row ? `${row.final.toFixed(2)} (best ${row.best.toFixed(2)})` : "not run");
    const complete = own.length === SEEDS.length;
    const means = complete
      ? [mean(own.map(({ final }) => final)), mean(own.map(({ best }) => best))].map((value) =>
        value.toFixed(2)
      )
      : ["", ""];
    const name = method === "source" ? "source only" : "full objective";
    console.log(`| ${[who, name, ...cells, ...means].join(" | ")} |`);
  }
}
