/**
 * Cityscapes' classes (Cordts et al. 2016) and what other datasets have of them, in the order of its train
 * ids.
 *
 * Four numberings meet in the literature: label ids 0 to 34 in files, train ids 0 to 18 of the 19 evaluated
 * classes, and the 16 and 13 classes over which results of SYNTHIA are reported. One table holds them all.
 */
import type { AbsenceHint } from "../core/plugin.ts";
import { IGNORE_LABEL, type LabelSpace, type Rgb } from "../core/label_space.ts";

/** A row of the table. */
interface CityscapesClass {
  readonly name: string;
  /** In files called labelIds. */
  readonly id: number;
  readonly colour: Rgb;
  /** Whether SYNTHIA labels it often enough to be learnt: the 16 classes. */
  readonly synthia: boolean;
  /** Whether it is one of the 13 classes that are evaluated without wall, fence and pole. */
  readonly thirteen: boolean;
}

function named(
  name: string,
  id: number,
  colour: Rgb,
  found: "everywhere" | "not in 13" | "not in synthia" = "everywhere",
): CityscapesClass {
  return { name, id, colour, synthia: found !== "not in synthia", thirteen: found === "everywhere" };
}

const CLASSES: readonly CityscapesClass[] = [
  named("road", 7, [128, 64, 128]),
  named("sidewalk", 8, [244, 35, 232]),
  named("building", 11, [70, 70, 70]),
  named("wall", 12, [102, 102, 156], "not in 13"),
  named("fence", 13, [190, 153, 153], "not in 13"),
  named("pole", 17, [153, 153, 153], "not in 13"),
  named("traffic light", 19, [250, 170, 30]),
  named("traffic sign", 20, [220, 220, 0]),
  named("vegetation", 21, [107, 142, 35]),
  named("terrain", 22, [152, 251, 152], "not in synthia"),
  named("sky", 23, [70, 130, 180]),
  named("person", 24, [220, 20, 60]),
  named("rider", 25, [255, 0, 0]),
  named("car", 26, [0, 0, 142]),
  named("truck", 27, [0, 0, 70], "not in synthia"),
  named("bus", 28, [0, 60, 100]),
  named("train", 31, [0, 80, 100], "not in synthia"),
  named("motorcycle", 32, [0, 0, 230]),
  named("bicycle", 33, [119, 11, 32]),
];

/**
 * A label space of some of the classes, with the means over smaller sets that papers report beside its own.
 */
function space(name: string, classes: readonly CityscapesClass[]): LabelSpace {
  const subset = (title: string, part: readonly CityscapesClass[]) =>
    part.length < classes.length && part.every((one) => classes.includes(one))
      ? [{ name: title, ids: part.map((one) => classes.indexOf(one)) }]
      : [];
  const subsets = [
    ...subset("mIoU of 16", CLASSES.filter((one) => one.synthia)),
    ...subset("mIoU*", CLASSES.filter((one) => one.thirteen)),
  ];
  return {
    name,
    classes: classes.map((one) => one.name),
    ignore: IGNORE_LABEL,
    storedIds: classes.map((one) => one.id),
    colours: classes.map((one) => one.colour),
    ...(subsets.length > 0 ? { subsets } : {}),
  };
}

/**
 * The label spaces of the experiments on Cityscapes. `synthia-16` leaves out terrain, truck and train;
 * `synthia-13` wall, fence and pole as well. Train ids count through in Cityscapes' order.
 */
export const CITYSCAPES_SPACES = {
  "cityscapes-19": space("cityscapes-19", CLASSES),
  "synthia-16": space("synthia-16", CLASSES.filter((one) => one.synthia)),
  "synthia-13": space("synthia-13", CLASSES.filter((one) => one.thirteen)),
} as const;

/** -1 in PNGs of 8 and of 16 bits. */
const MINUS_ONE = [[255, undefined], [65535, undefined]] as const;

/**
 * Class names by the ids that label files hold, of either kind of file. Undefined: an id that counts nowhere,
 * the licence plate's 34 included. An id that is not in the map is unknown, and an error.
 */
export const CITYSCAPES_STORED: Readonly<
  Record<"labelIds" | "labelTrainIds", ReadonlyMap<number, string | undefined>>
> = {
  labelIds: new Map<number, string | undefined>([
    ...Array.from({ length: 35 }, (_, id) => [id, undefined] as const),
    ...MINUS_ONE,
    ...CLASSES.map(({ id, name }) => [id, name] as const),
  ]),
  labelTrainIds: new Map<number, string | undefined>([
    ...MINUS_ONE,
    ...CLASSES.map(({ name }, id) => [id, name] as const),
  ]),
};

/** The highest of Cityscapes' train ids. */
const LAST_TRAIN_ID = CLASSES.length - 1;

/**
 * What gives away files of train ids that are read as label ids. Every train id is a label id as well, so all
 * would be known; but classes with higher label ids, cars and trees among them, would never occur.
 * @param remedy what to do about it
 */
export function trainIdsHint(space: LabelSpace, remedy: string): AbsenceHint {
  return {
    classes: space.storedIds!.flatMap((id, train) => id > LAST_TRAIN_ID ? [train] : []),
    meaning:
      `no class with a label id above ${LAST_TRAIN_ID} occurs, as if the files held train ids; ${remedy}`,
  };
}
