/**
 * Table 1 of the paper in miniature: CamVid day to dusk, from the folder that `plca ablate` trained into.
 *
 *     deno task bench ablation FOLDER
 */
import { record } from "./record.ts";
import { mean } from "./statistics.ts";

/** In the order of Table 1, each with the variant that the paper finds it better than. */
const VARIANTS: readonly { readonly name: string; readonly above?: string }[] = [
  { name: "source-only" },
  { name: "lovasz", above: "source-only" },
  { name: "features", above: "lovasz" },
  { name: "predictions", above: "features" },
  { name: "plca", above: "predictions" },
  { name: "sim-plca" },
  { name: "without-aggregation" },
];

/** What the paper finds below the whole method. */
const BELOW_PLCA = ["sim-plca", "without-aggregation"];

/** What was counted, and the file of it in each run. */
const COUNTS = {
  dusk: "evaluation.json",
  aggregated: "aggregated.json",
  day: "day.json",
} as const;

type Count = keyof typeof COUNTS;

/** By seed. */
type Scores = ReadonlyMap<number, Found>;

interface Found {
  readonly classes: readonly string[];
  readonly iou: readonly (number | null)[];
  /** In 0..1. */
  readonly miou: number;
}

/** Reads finished runs; trains nothing. */
export async function ablation(
  [folder = "runs/ablation-camvid_day_to_dusk"]: readonly string[],
): Promise<void> {
  const scores = (count: Count) => new Map(VARIANTS.map(({ name }) => [name, scoresOf(folder, name, count)]));
  const [dusk, aggregated, day] = [scores("dusk"), scores("aggregated"), scores("day")];
  const seeds = [...dusk.get("plca")!.keys()];
  const comparisons = [
    ...VARIANTS.flatMap(({ name, above }) => above === undefined ? [] : [[name, above] as const]),
    ...BELOW_PLCA.map((below) => ["plca", below] as const),
  ].map(([better, worse]) => compared(dusk, better, worse));
  await record("ablation", {
    title: "Table 1 in miniature: CamVid, day to dusk",
    text: [
      "Percent mIoU on the 62 frames of dusk_val after the last step, at the input's size of 240x180, without " +
      "aggregation at inference; the recipe's 1200 steps, slim network from random weights. `features` associates " +
      "layer4 only, `predictions` both levels, `plca` adds label smoothing. Mean and sample deviation over seeds; then " +
      "the mean of the same weights with aggregation at inference (alpha 0.5), and by day, on day_val: the domain that " +
      "the labels were of.",
      `The runs were made with commit ${
        commits(folder)
      }. The section above has \`lovasz\` (as source only) and \`plca\` with ` +
      "the same seeds at an earlier commit, whose kernels round differently: how far its means are from these shows what " +
      "1200 steps make of rounding.",
      `What the paper's ordering becomes, with the difference for each seed: ${
        comparisons.map(({ text }) => text).join("; ")
      }.`,
      ...comparisons.flatMap(({ examined }) => examined ?? []),
      ofAggregation(dusk, aggregated),
    ],
    columns: [
      "variant",
      ...seeds.map((seed) => `seed ${seed}`),
      "mean",
      "deviation",
      "mean, aggregated",
      "mean, by day",
    ],
    rows: VARIANTS.map(({ name }) => {
      const own = percents(dusk.get(name)!);
      const more = [aggregated, day].map((count) => mean(percents(count.get(name)!)));
      return [name, ...[...own, mean(own), deviation(own), ...more].map((value) => value.toFixed(2))];
    }),
    commands: [
      `deno task plca ablate camvid_day_to_dusk --seeds ${seeds.join(",")} --set data.root=CAMVID ` +
      "--set training.validate_every=0 --set training.checkpoint_every=0 --out FOLDER",
      "for run in FOLDER/*/; do",
      `  deno task plca eval --run $run --json --set 'evaluation.aggregation={}' > $run/${COUNTS.aggregated}`,
      `  deno task plca eval --run $run --json --set data.val.list=day_val.txt > $run/${COUNTS.day}`,
      "done",
      "deno task bench ablation FOLDER",
    ],
  });
}

function ofAggregation(plain: ReadonlyMap<string, Scores>, aggregated: ReadonlyMap<string, Scores>): string {
  const lower = VARIANTS.filter(({ name }) =>
    mean(percents(aggregated.get(name)!)) < mean(percents(plain.get(name)!))
  );
  return `With aggregation at inference ${lower.length} of the ${VARIANTS.length} variants are lower in the mean. The ` +
    "paper aggregates images of 1460x730 with features from a pretrained ResNet-101; here they are 240x180, of a slim " +
    "network from random weights, so neither result says anything about the other.";
}

interface Compared {
  readonly text: string;
  /** Where the ordering does not hold in the mean: the classes that it comes from. */
  readonly examined?: string;
}

function compared(scores: ReadonlyMap<string, Scores>, better: string, worse: string): Compared {
  const low = scores.get(worse)!;
  const pairs = [...scores.get(better)!].map(([seed, found]) => [found, low.get(seed)!] as const);
  const differences = pairs.map(([high, low]) => 100 * (high.miou - low.miou));
  const holds = mean(differences) > 0;
  const list = differences.map(signed).join(", ");
  const text = `${better} above ${worse}: ${list}, ${holds ? "holds" : "**does not hold**"}`;
  if (holds) return { text };
  const classes = pairs[0]![0].classes.map((name, id) => ({
    name,
    change: mean(pairs.map(([high, low]) => 100 * ((high.iou[id] ?? 0) - (low.iou[id] ?? 0)))),
  })).toSorted((a, b) => a.change - b.change);
  const told = (some: typeof classes) =>
    some.map(({ name, change }) => `${name} ${signed(change)}`).join(", ");
  return {
    text,
    examined: `${better} against ${worse}: ${signed(mean(differences))} in the mean with a deviation of ${
      deviation(differences).toFixed(2)
    } over seeds, so ${
      Math.abs(mean(differences)) < deviation(differences)
        ? "no difference that these seeds can show"
        : "a difference beyond that"
    }. By class in the mean over seeds: ${told(classes.slice(0, 3))} on the one side, ${
      told(classes.slice(-3).reverse())
    } on the other.`,
  };
}

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(2)}`;
}

function percents(scores: Scores): number[] {
  return [...scores.values()].map(({ miou }) => 100 * miou);
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

function scoresOf(folder: string, variant: string, count: Count): Scores {
  const found = new Map<number, Found>();
  for (const { name } of Deno.readDirSync(folder)) {
    const seed = name.startsWith(`${variant}-`) ? Number(name.slice(variant.length + 1)) : NaN;
    if (!Number.isInteger(seed)) continue;
    found.set(seed, JSON.parse(Deno.readTextFileSync(`${folder}/${name}/${COUNTS[count]}`)));
  }
  return new Map([...found].toSorted(([a], [b]) => a - b));
}

function commits(folder: string): string {
  const all = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory).map(({ name }): string =>
    JSON.parse(Deno.readTextFileSync(`${folder}/${name}/run.json`)).commit.slice(0, 7)
  );
  return [...new Set(all)].join(", ");
}
