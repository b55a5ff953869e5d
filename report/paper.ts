/** What Kang et al. 2020 report for their own method on Cityscapes' validation images, in percent. */

/** A row of the paper's Tables 2 and 3. */
export interface PaperRow {
  readonly title: string;
  /** In train-id order. */
  readonly classes: readonly string[];
  readonly iou: readonly number[];
  readonly miou: number;
  /** By the subset's name. */
  readonly subsets: Readonly<Record<string, number>>;
  readonly source: string;
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

/** GTAV and SYNTHIA to Cityscapes, ResNet-101. */
export const PAPER_ROWS: readonly PaperRow[] = [
  {
    title: "PLCA (paper, GTAV)",
    classes: NINETEEN,
    iou: [
      ...[84.0, 30.4, 82.4, 35.3, 24.8, 32.2, 36.8, 24.5, 85.5, 37.2],
      ...[78.6, 66.9, 32.8, 85.5, 40.4, 48.0, 8.8, 29.8, 41.8],
    ],
    miou: 47.7,
    subsets: {},
    source: "Kang et al. 2020, Table 2, counted at size original 2048x1024",
  },
  {
    title: "PLCA (paper, SYNTHIA)",
    classes: SIXTEEN,
    iou: [
      ...[82.6, 29.0, 81.0, 11.2, 0.2, 33.6, 24.9, 18.3, 82.8],
      ...[82.3, 62.1, 26.5, 85.6, 48.9, 26.8, 52.2],
    ],
    miou: 46.8,
    subsets: { "mIoU*": 54.0 },
    source: "Kang et al. 2020, Table 3, counted at size original 2048x1024",
  },
];
