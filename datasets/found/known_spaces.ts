/**
 * Whether the ids of label files are those of a dataset that is known here. Ids are small numbers that many
 * datasets use, so four things must come together: no id is foreign, most classes occur, so does an id that
 * other spaces lack, and the sky lies above the road. Pure.
 */
import { CAMVID_CLASSES, CAMVID_VOID } from "../camvid.ts";
import type { Rgb } from "../../core/label_space.ts";
import { CITYSCAPES_SPACES, CITYSCAPES_STORED } from "../cityscapes_classes.ts";
import { SYNTHIA_STORED } from "../synthia.ts";
import type { FoundId } from "./tally.ts";

/** The ids that the label files of a known dataset hold. */
export interface KnownSpace {
  /** Whose ids they are. */
  readonly title: string;
  /** Class names in the order of the train ids. Spaces with the same names can be mixed. */
  readonly classes: readonly string[];
  /** By stored id; undefined: it counts nowhere. */
  readonly names: ReadonlyMap<number, string | undefined>;
}

/** A known space, and what tells it from the others. */
interface Recognised extends KnownSpace {
  /** One of these ids must be there, else the files may as well be those of another space. */
  readonly telling: readonly number[];
}

const NINETEEN = CITYSCAPES_SPACES["cityscapes-19"].classes;

/** A colour as 0xrrggbb. */
const numberOf = ([red, green, blue]: Rgb) => (red << 16) | (green << 8) | blue;

/** What Cityscapes' authors paint as no class of the nineteen, from unlabelled to trailer. */
const UNCOUNTED: readonly Rgb[] = [
  [0, 0, 0],
  [111, 74, 0],
  [81, 0, 81],
  [250, 170, 160],
  [230, 150, 140],
  [180, 165, 180],
  [150, 100, 100],
  [150, 120, 90],
  [0, 0, 90],
  [0, 0, 110],
];

const COLOURS: readonly Recognised[] = [{
  title: "the colours of Cityscapes' classes",
  classes: NINETEEN,
  names: new Map([
    ...UNCOUNTED.map((colour) => [numberOf(colour), undefined] as const),
    ...NINETEEN.map((name, id) =>
      [numberOf(CITYSCAPES_SPACES["cityscapes-19"].colours![id]!), name] as const
    ),
  ]),
  telling: [numberOf([128, 64, 128])],
}];

const SPACES: readonly Recognised[] = [
  {
    title: "Cityscapes' label ids, which GTAV has as well",
    classes: NINETEEN,
    names: CITYSCAPES_STORED.labelIds,
    telling: [23, 24, 26, 33],
  },
  {
    title: "SYNTHIA's ids",
    classes: CITYSCAPES_SPACES["synthia-16"].classes,
    names: new Map(
      [...SYNTHIA_STORED].map(([id, name]) => [
        id,
        CITYSCAPES_SPACES["synthia-16"].classes.includes(name ?? "") ? name : undefined,
      ]),
    ),
    telling: [19, 21, 22],
  },
  {
    title: "CamVid's ids as SegNet published them",
    classes: CAMVID_CLASSES.classes,
    names: new Map<number, string | undefined>([
      ...CAMVID_CLASSES.classes.map((name, id) => [id, name] as const),
      [CAMVID_VOID, undefined],
      [255, undefined],
    ]),
    telling: [CAMVID_VOID],
  },
  {
    title: "Cityscapes' train ids",
    classes: NINETEEN,
    names: CITYSCAPES_STORED.labelTrainIds,
    telling: [13, 14, 15, 16, 17, 18],
  },
];

/** The share of a space's classes that must occur. */
const PRESENT = 0.6;

/**
 * The space whose ids these are, undefined when that is not plain: every id must belong to it, most of its
 * classes must be there, and since any numbers from 0 on would pass so far, the sky must lie above the road.
 */
export function knownSpace(
  ids: readonly FoundId[],
  by: "index" | "colour" = "index",
): KnownSpace | undefined {
  return (by === "index" ? SPACES : COLOURS).find((space) => {
    if (!belongTo(ids, space)) return false;
    const there = (name: string) => ids.filter(({ id }) => space.names.get(id) === name);
    const present = space.classes.filter((name) => there(name).length > 0).length;
    if (present < PRESENT * space.classes.length) return false;
    if (!ids.some(({ id }) => space.telling.includes(id))) return false;
    const [sky, road] = ["sky", "road"].map((name) => there(name)[0]);
    return sky !== undefined && road !== undefined && sky.height < 0.5 && road.height > 0.5;
  });
}

/** Whether every id belongs to the space. */
export function belongTo(ids: readonly Pick<FoundId, "id">[], { names }: KnownSpace): boolean {
  return ids.every(({ id }) => names.has(id));
}
