/**
 * What Kang et al. 2020 report on Cityscapes' validation images, in percent and as printed: Tables 1 to 3.
 * Their numbers for other methods are those of these methods' own papers.
 */

/** What the paper reports about a label space. */
export interface PaperTable {
  /** In train-id order. */
  readonly classes: readonly string[];
  /** Tables 2 or 3: every compared method, theirs last. */
  readonly rows: readonly PaperRow[];
  /** What a reader of these rows must know, a sentence each. */
  readonly notes: readonly string[];
  /** Table 1: the mean IoU over all classes by the name of a variant in `recipes/ablation`. */
  readonly ablation: Readonly<Record<string, string | undefined>>;
  /** Of Table 1. */
  readonly ablationNote: string;
}

/** A method's results. */
export interface PaperRow {
  readonly title: string;
  /**
   * By class and mean, as in `mIoU*`; "-" where the paper has none, "" where its text has lost the number.
   */
  readonly cells: Readonly<Record<string, string | undefined>>;
}

const SIXTEEN = [
  "road",
  "sidewalk",
  "building",
  "wall",
  "fence",
  "pole",
  "traffic light",
  "traffic sign",
  "vegetation",
  "sky",
  "person",
  "rider",
  "car",
  "bus",
  "motorcycle",
  "bicycle",
];

const NINETEEN = [
  ...SIXTEEN.slice(0, 9),
  "terrain",
  ...SIXTEEN.slice(9, 13),
  "truck",
  "bus",
  "train",
  ...SIXTEEN.slice(14),
];

/**
 * Rows as `title: cells`, the cells in the order of the classes and then the mean. `?` is a lost number: of
 * PatchAlign's light and sign one is left, in the bold of the best, which it is among signs only.
 */
const TABLE_2 = `
Source Only (paper): 34.8 14.9 53.4 15.7 21.5 29.7 35.5 18.4 81.9 13.1 70.4 62.0 34.4 62.7 21.6 10.7 0.7 34.9 35.7 34.3
AdaptSeg (paper, AT): 86.5 36.0 79.9 23.4 23.3 23.9 35.2 14.8 83.4 33.3 75.6 58.5 27.6 73.7 32.5 35.4 3.9 30.1 28.1 42.4
ADVENT (paper, AT): 89.4 33.1 81.0 26.6 26.8 27.2 33.5 24.7 83.9 36.7 78.8 58.7 30.5 84.8 38.5 44.5 1.7 31.6 32.4 45.5
CLAN (paper, AT): 87.0 27.1 79.6 27.3 23.3 28.3 35.5 24.2 83.6 27.4 74.2 58.6 28.0 76.2 33.1 36.7 6.7 31.9 31.4 43.2
DISE (paper, AT): 91.5 47.5 82.5 31.3 25.6 33.0 33.7 25.8 82.7 28.8 82.7 62.4 30.8 85.2 27.7 34.5 6.4 25.2 24.4 45.4
SSF-DAN (paper, AT): 90.3 38.9 81.7 24.8 22.9 30.5 37.0 21.2 84.8 38.8 76.9 58.8 30.7 85.7 30.6 38.1 5.9 28.3 36.9 45.4
PatchAlign (paper, AT): 92.3 51.9 82.1 29.2 25.1 24.5 ? 33.0 82.4 32.8 82.2 58.6 27.2 84.3 33.4 46.3 2.2 29.5 32.3 46.5
MaxSquare (paper, ST): 89.4 43.0 82.1 30.5 21.3 30.3 34.7 24.0 85.3 39.4 78.2 63.0 22.9 84.6 36.4 43.0 5.5 34.7 33.5 46.4
CRST (paper, ST): 91.0 55.4 80.0 33.7 21.4 37.3 32.9 24.5 85.0 34.1 80.8 57.7 24.6 84.1 27.8 30.1 26.9 26.0 42.3 47.1
PLCA (paper): 84.0 30.4 82.4 35.3 24.8 32.2 36.8 24.5 85.5 37.2 78.6 66.9 32.8 85.5 40.4 48.0 8.8 29.8 41.8 47.7`;

const TABLE_3 = `
Source Only (paper): 51.2 21.8 67.8 8.2 0.1 26.2 17.7 17.3 69.2 67.1 52.7 22.8 62.3 31.6 21.0 46.1 36.4 42.2
AdaptSeg (paper, AT): 84.3 42.7 77.5 - - - 4.7 7.0 77.9 82.5 54.3 21.0 72.3 32.2 18.9 32.3 - 46.7
CLAN (paper, AT): 81.3 37.0 80.1 - - - 16.1 13.7 78.2 81.5 53.4 21.2 73.0 32.9 22.6 30.7 - 47.8
SSF-DAN (paper, AT): 84.6 41.7 80.8 - - - 11.5 14.7 80.8 85.3 57.5 21.6 82.0 36.0 19.3 34.5 - 50.0
ADVENT (paper, AT): 85.6 42.2 79.7 8.7 0.4 25.9 5.4 8.1 80.4 84.1 57.9 23.8 73.3 36.4 14.2 33.0 41.2 48.0
DISE (paper, AT): 91.7 53.5 77.1 2.5 0.2 27.1 6.2 7.6 78.4 81.2 55.8 19.2 82.3 30.3 17.1 34.3 41.5 48.7
PatchAlign (paper, AT): 82.4 38.0 78.6 8.7 0.6 26.0 3.9 11.1 75.5 84.6 53.5 21.6 71.4 32.6 19.3 31.7 40.0 46.5
MaxSquare (paper, ST): 82.9 40.7 80.3 10.2 0.8 25.8 12.8 18.2 82.5 82.2 53.1 18.0 79.0 31.4 10.4 35.6 41.4 48.2
CRST (paper, ST): 67.7 32.2 73.9 10.7 1.6 37.4 22.2 31.2 80.8 80.5 60.8 29.1 82.8 25.0 19.4 45.3 43.8 50.1
PLCA (paper): 82.6 29.0 81.0 11.2 0.2 33.6 24.9 18.3 82.8 82.3 62.1 26.5 85.6 48.9 26.8 52.2 46.8 54.0`;

/** The rows of a table's text, by column. */
function rowsOf(table: string, columns: readonly string[]): PaperRow[] {
  return table.trim().split("\n").map((line) => {
    const [title, cells] = line.split(": ");
    const printed = cells!.split(" ").map((cell) => cell === "?" ? "" : cell);
    return { title: title!, cells: Object.fromEntries(columns.map((name, k) => [name, printed[k]!])) };
  });
}

const VARIANTS = [
  "source-only",
  "lovasz",
  "features",
  "predictions",
  "plca",
  "sim-plca",
  "without-aggregation",
];

function ablationOf(means: string): PaperTable["ablation"] {
  return Object.fromEntries(means.split(" ").map((mean, k) => [VARIANTS[k]!, mean]));
}

const COUNTED = "counted at size original 2048x1024";

function rowsNote(where: string): string {
  return `(paper): Kang et al. 2020, ${where}; DeepLab-v2 with ResNet-101; PLCA ${COUNTED}, ` +
    "the others as their own papers report them; AT: adversarial training, ST: self-training";
}

/** Table 2 (GTAV to Cityscapes) and Table 3 (SYNTHIA to Cityscapes), each with its column of Table 1. */
export const PAPER_TABLES: readonly PaperTable[] = [
  {
    classes: NINETEEN,
    rows: rowsOf(TABLE_2, [...NINETEEN, "mIoU"]),
    notes: [
      rowsNote("Table 2, GTAV to Cityscapes"),
      "PatchAlign (paper, AT): its traffic light is lost in the text that these numbers are from, so it stays empty",
    ],
    ablation: ablationOf("31.5 34.3 39.7 47.4 47.7 41.8 45.6"),
    ablationNote: `paper: Kang et al. 2020, Table 1, GTAV to Cityscapes, mean of 19 classes, ${COUNTED}`,
  },
  {
    classes: SIXTEEN,
    rows: rowsOf(TABLE_3, [...SIXTEEN, "mIoU", "mIoU*"]),
    notes: [rowsNote("Table 3, SYNTHIA to Cityscapes")],
    ablation: ablationOf("35.4 36.4 40.9 46.3 46.8 42.5 44.6"),
    ablationNote: `paper: Kang et al. 2020, Table 1, SYNTHIA to Cityscapes, mean of 16 classes, ${COUNTED}`,
  },
];

/** What the paper reports for exactly these classes in this order; undefined: nothing. */
export function paperTable(classes: readonly string[]): PaperTable | undefined {
  return PAPER_TABLES.find((table) => String(table.classes) === String(classes));
}

/**
 * The row of a method by its name in the tables, without what stands in brackets behind it, as in
 * `MaxSquare`; undefined: there is none.
 */
export function paperRow(table: PaperTable | undefined, name: string | undefined): PaperRow | undefined {
  return table?.rows.find(({ title }) => title.replace(/ \(.*/, "") === name);
}
