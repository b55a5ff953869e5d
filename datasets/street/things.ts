/**
 * Cars, people, poles and trees, as flat shapes and boxes in perspective.
 *
 * A thing stands on the ground at (x, z). One metre at depth z is `focal / z` pixels long; that is `scale`
 * below, and every shape is given in metres times it. Only a car has depth: its back, and the flank that the
 * camera sees.
 */
import type { Stage } from "./backdrop.ts";
import { ID } from "./classes.ts";
import { type Material, pickOf } from "./looks.ts";
import { noise } from "./noise.ts";
import type { Ink } from "./raster.ts";
import type { Thing } from "./scene.ts";

/** Paints one thing over what is there; things must come farthest first. */
export function paintThing(thing: Thing, stage: Stage): void {
  // Nearer than this a thing would fill the image.
  if (thing.z < 3) return;
  const ink: Inks = (material, tone = thing.tone) => ({
    colour: pickOf(stage.look.palette[material], tone),
    clear: stage.canvas.clarity(thing.z),
    label: LABEL[thing.kind],
  });
  PAINT[thing.kind](thing, stage, ink);
}

/** The ink of a material at the thing's depth, by default in the thing's tone. */
type Inks = (material: Material, tone?: number) => Ink;
/** Paints one kind of thing. */
type Painter = (thing: Thing, stage: Stage, ink: Inks) => void;

/** The class of each kind. All parts of a thing have it, the trunk of a tree as well. */
const LABEL = { car: ID.car, person: ID.person, pole: ID.pole, tree: ID.vegetation } as const;
/** How each kind is painted. */
const PAINT: Readonly<Record<Thing["kind"], Painter>> = { car, person, pole, tree };

/** A trunk and four blobs of leaves, textured. */
function tree({ x, z, height, texture, variant }: Thing, { canvas, camera, look }: Stage, ink: Inks): void {
  const scale = camera.focal / z;
  const [foot, ground] = camera.project(x, 0, z);
  const crown = height * 0.3;
  canvas.rectangle([foot - 0.16 * scale, ground - height * 0.6 * scale], [foot + 0.16 * scale, ground], {
    ...ink("trunk"),
  });
  const leaf = ink("leaf");
  const shade = (u: number, v: number) =>
    1 + look.texture * 0.8 * (noise((u - foot) * 4 / scale, (v - ground) * 4 / scale, texture) - 0.5);
  const blobs = [[0, 0.68, 1], [-0.6, 0.6, 0.7], [0.6, 0.58, 0.72], [
    0.1 + variant * 0.3,
    0.84,
    0.65,
  ]] as const;
  for (const [right, up, size] of blobs) {
    const centre = [foot + right * crown * scale, ground - up * height * scale] as const;
    const radius = size * crown * scale;
    canvas.ellipse(centre, [radius, radius * 0.85], { ink: leaf, shade });
  }
}

/** A post with a lamp that reaches over the road, or with a round sign. */
function pole({ x, z, height, second, variant }: Thing, { canvas, camera }: Stage, ink: Inks): void {
  const scale = camera.focal / z;
  const [foot, ground] = camera.project(x, 0, z);
  const half = 0.13 * scale;
  const top = ground - height * scale;
  canvas.rectangle([foot - half, top], [foot + half, ground], ink("pole"));
  if (variant < 0.5) {
    const end = foot - Math.sign(x) * 1.1 * scale;
    canvas.rectangle([Math.min(foot, end), top], [Math.max(foot, end), top + Math.max(1, half)], ink("pole"));
    return;
  }
  const radius = 0.36 * scale;
  canvas.ellipse([foot, top + radius], [radius, radius], { ink: ink("sign", second) });
}

/** Two legs, a body and a head; `scale` is the person's height in pixels here. */
function person(thing: Thing, { canvas, camera }: Stage, ink: Inks): void {
  const { x, z, height, second, variant } = thing;
  const scale = camera.focal * height / z;
  const [foot, ground] = camera.project(x, 0, z);
  const stride = (0.02 + 0.09 * variant) * scale;
  const limb = 0.07 * scale;
  for (const leg of [foot - stride, foot + stride]) {
    canvas.polygon(
      [[foot - limb, ground - 0.5 * scale], [foot + limb, ground - 0.5 * scale], [leg + limb, ground], [
        leg - limb,
        ground,
      ]],
      ink("trousers", second),
    );
  }
  canvas.ellipse([foot, ground - 0.66 * scale], [0.16 * scale, 0.22 * scale], { ink: ink("shirt") });
  canvas.ellipse([foot, ground - 0.92 * scale], [0.075 * scale, 0.09 * scale], { ink: ink("skin", second) });
}

/**
 * Half the width and the length in metres; sill and waist above the ground, the waist as a share of the
 * height.
 */
const CAR = { half: 0.9, length: 4.2, sill: 0.25, waist: 0.62 } as const;

/** A car seen from behind: first the flank, darker, with windows and wheels, then the back. */
function car({ x, z, height }: Thing, { canvas, camera }: Stage, ink: Inks): void {
  const near = z, far = z + CAR.length;
  const waist = height * CAR.waist;
  // The flank that faces the camera, when the car is not straight ahead.
  const flank = x > camera.x + CAR.half ? x - CAR.half : x < camera.x - CAR.half ? x + CAR.half : undefined;
  const quad = (
    side: number,
    [from, to]: readonly [number, number],
    [low, high]: readonly [number, number],
  ) =>
    [
      camera.project(side, low, from),
      camera.project(side, low, to),
      camera.project(side, high, to),
      camera.project(side, high, from),
    ] as const;
  const paint = ink("car");
  const shaded = () => 0.72;
  if (flank !== undefined) {
    canvas.polygon(quad(flank, [near, far], [CAR.sill, waist]), paint, shaded);
    canvas.polygon(quad(flank, [near + 0.5, far - 1.2], [waist, height]), ink("glass"));
    for (const axle of [near + 0.8, far - 0.8]) {
      canvas.polygon(quad(flank, [axle - 0.32, axle + 0.32], [0, 0.6]), ink("tyre"));
    }
  }
  const face = (half: number, [low, high]: readonly [number, number], ink: Ink) =>
    canvas.rectangle(camera.project(x - half, high, near), camera.project(x + half, low, near), ink);
  face(CAR.half, [0, CAR.sill], ink("tyre"));
  face(CAR.half, [CAR.sill, waist], paint);
  face(CAR.half * 0.8, [waist, height], paint);
  face(CAR.half * 0.68, [waist + 0.05, height - 0.1], ink("glass"));
  for (const side of [-1, 1]) {
    const inner = camera.project(x + side * CAR.half * 0.6, waist - 0.08, near);
    const outer = camera.project(x + side * CAR.half * 0.95, waist - 0.28, near);
    canvas.rectangle([Math.min(inner[0], outer[0]), inner[1]], [Math.max(inner[0], outer[0]), outer[1]], {
      ...ink("lamp"),
    });
  }
}
