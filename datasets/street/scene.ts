/**
 * The geometry of a street, drawn at random. One stream of numbers, one street: the order of the draws is
 * part of the dataset, and changing it changes every image.
 */
import type { Random } from "../../core/random.ts";

/** How far the street goes; beyond it stands a row of trees. Metres. */
export const STREET_LENGTH = 90;

/**
 * A street in metres: x to the right of its axis, y up, z ahead of the camera. It says nothing about colours,
 * light or the camera's optics, so that every domain shows the same world.
 */
export interface Scene {
  /** Half the carriageway's width. */
  readonly roadHalf: number;
  /** Width of the pavement on either side; houses begin behind it. */
  readonly sidewalk: number;
  /** Lateral place of the camera. */
  readonly cameraX: number;
  /** Where the street's vanishing point lies, as shares of the image's sides away from its middle. */
  readonly yaw: number;
  readonly pitch: number;
  /** Period of the dashes between the lanes. */
  readonly dash: number;
  readonly lots: { readonly left: readonly Lot[]; readonly right: readonly Lot[] };
  /** Farthest first, the order they are painted in. */
  readonly things: readonly Thing[];
  readonly texture: number;
}

/** A stretch of one side of the street. */
export interface Lot {
  /** Where it ends, in metres along the street; it begins where the lot before it ends. */
  readonly to: number;
  readonly kind: "building" | "hedge";
  readonly height: number;
  /** Picks a colour of the domain's palette, in [0, 1). */
  readonly tone: number;
  /** Width of a window with the wall beside it, and height of a storey. */
  readonly bay: number;
  readonly storey: number;
  readonly texture: number;
}

/** Something that stands on the ground at (x, z). */
export interface Thing {
  readonly kind: "car" | "person" | "pole" | "tree";
  readonly x: number;
  readonly z: number;
  readonly height: number;
  readonly tone: number;
  readonly second: number;
  readonly variant: number;
  readonly texture: number;
}

/** Draws a street; the same stream gives the same street. */
export function drawScene(random: Random): Scene {
  const roadHalf = random.uniform(3.6, 5.4);
  const sidewalk = random.uniform(3.2, 5);
  const frame = {
    roadHalf,
    sidewalk,
    cameraX: roadHalf * random.uniform(0.1, 0.55),
    yaw: random.uniform(-0.1, 0.1),
    pitch: random.uniform(-0.05, 0.06),
    dash: random.uniform(5, 8),
    texture: random.integer(0, 2 ** 30),
  };
  const lots = { left: lotsAlong(random), right: lotsAlong(random) };
  const things = [...thingsBeside(random, frame, -1), ...thingsBeside(random, frame, 1)];
  things.push(...traffic(random, frame.roadHalf));
  things.sort((a, b) => b.z - a.z);
  return { ...frame, lots, things };
}

/** The lots of one side, near to far. */
function lotsAlong(random: Random): Lot[] {
  const lots: Lot[] = [];
  const green = random.uniform(0.1, 0.45);
  for (let to = random.uniform(4, 12); to < STREET_LENGTH + 20; to += random.uniform(7, 17)) {
    const hedge = random.next() < green;
    lots.push({
      to,
      kind: hedge ? "hedge" : "building",
      height: hedge ? random.uniform(1.5, 6) : random.uniform(4.5, 13),
      tone: random.next(),
      bay: random.uniform(1.8, 3.2),
      storey: random.uniform(2.6, 3.6),
      texture: random.integer(0, 2 ** 30),
    });
  }
  return lots;
}

/** What things are placed by. */
type Frame = Pick<Scene, "roadHalf" | "sidewalk">;

/**
 * Trees, poles, parked cars and pedestrians of one side: a row of each, at random distances. @param side -1:
 * left
 */
function thingsBeside(random: Random, { roadHalf, sidewalk }: Frame, side: -1 | 1): Thing[] {
  const things: Thing[] = [];
  const along = (from: number, gap: readonly [number, number], put: (z: number) => void) => {
    for (let z = from; z < STREET_LENGTH - 10; z += random.uniform(gap[0], gap[1])) put(z);
  };
  if (random.next() < 0.65) {
    along(random.uniform(7, 16), [9, 18], (z) => {
      const x = side * (roadHalf + random.uniform(0.7, 1.3));
      things.push(thing(random, { kind: "tree", x, z, height: random.uniform(3.8, 7) }));
    });
  }
  along(random.uniform(5, 12), [8, 15], (z) => {
    const x = side * (roadHalf + random.uniform(0.25, 0.5));
    things.push(thing(random, { kind: "pole", x, z, height: random.uniform(3, 7) }));
  });
  const parked = random.uniform(0.15, 0.7);
  along(random.uniform(6, 11), [5.2, 6.5], (z) => {
    if (random.next() >= parked) return;
    const x = side * (roadHalf - random.uniform(0.95, 1.2));
    things.push(thing(random, { kind: "car", x, z, height: random.uniform(1.4, 1.9) }));
  });
  along(random.uniform(4.5, 9), [2, 6.5], (z) => {
    const x = side * (roadHalf + random.uniform(0.5, sidewalk - 0.3));
    things.push(thing(random, { kind: "person", x, z, height: random.uniform(1.5, 1.9) }));
  });
  return things;
}

/** Cars and people on the carriageway. */
function traffic(random: Random, roadHalf: number): Thing[] {
  const things: Thing[] = [];
  for (let left = random.integer(1, 3); left > 0; left--) {
    const x = roadHalf * (random.next() < 0.5 ? -0.42 : 0.4);
    const z = random.uniform(9, 45);
    things.push(thing(random, { kind: "car", x, z, height: random.uniform(1.4, 1.9) }));
  }
  for (let left = random.integer(0, 2); left > 0; left--) {
    const x = random.uniform(-roadHalf, roadHalf), z = random.uniform(7, 25);
    things.push(thing(random, { kind: "person", x, z, height: random.uniform(1.5, 1.9) }));
  }
  return things;
}

/** A thing with its random numbers, which every domain turns into colours of its own. */
function thing(random: Random, place: Pick<Thing, "kind" | "x" | "z" | "height">): Thing {
  return {
    ...place,
    tone: random.next(),
    second: random.next(),
    variant: random.next(),
    texture: random.integer(0, 2 ** 30),
  };
}
