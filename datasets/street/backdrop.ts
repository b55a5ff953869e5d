/**
 * The background of a drawn street, ray by ray: for every pixel, what its ray meets first of the ground
 * plane, the house fronts on either side, and the sky.
 */
import type { Camera } from "./camera.ts";
import { ID } from "./classes.ts";
import { type Colour, type Look, toneOf } from "./looks.ts";
import { hash, noise } from "./noise.ts";
import type { Canvas, Ink } from "./raster.ts";
import { type Lot, type Scene, STREET_LENGTH } from "./scene.ts";

/** What painting needs. */
export interface Stage {
  readonly canvas: Canvas;
  readonly camera: Camera;
  readonly look: Look;
}

/** Sky, houses, hedges, road and pavement: one ray per pixel against the ground and the two street fronts. */
export function paintBackdrop(stage: Stage & { readonly scene: Scene }): void {
  const { canvas, camera } = stage;
  const ground = groundPainter(stage);
  const sky = skyPainter(stage);
  for (let u = 0; u < canvas.width; u++) {
    const dx = (u + 0.5 - camera.centre[0]) / camera.focal;
    const column = columnOf(stage, dx);
    for (let v = 0; v < canvas.height; v++) {
      const dy = (v + 0.5 - camera.centre[1]) / camera.focal;
      const pixel = v * canvas.width + u;
      const depth = dy > 0 ? camera.height / dy : Infinity;
      if (depth < column.depth) {
        ground(pixel, camera.x + dx * depth, depth);
      } else {
        const height = camera.height - dy * column.depth;
        if (height < column.top) column.paint(pixel, height);
        else sky(pixel, dx, dy);
      }
    }
  }
}

/** What stands at the end of the rays of one image column. */
interface Column {
  readonly depth: number;
  readonly top: number;
  paint(pixel: number, height: number): void;
}

/** What the rays of an image column meet at the side of the street, or at its end. */
function columnOf(stage: Stage & { readonly scene: Scene }, dx: number): Column {
  const { scene, camera } = stage;
  const front = scene.roadHalf + scene.sidewalk;
  const distance = dx > 0 ? front - camera.x : front + camera.x;
  const depth = dx === 0 ? Infinity : distance / Math.abs(dx);
  const lot = (dx > 0 ? scene.lots.right : scene.lots.left).find(({ to }) => depth < to);
  if (depth >= STREET_LENGTH || !lot) {
    const along = dx * STREET_LENGTH;
    return hedge(stage, { depth: STREET_LENGTH, along, height: 6, tone: 0.3, texture: scene.texture });
  }
  const { height, tone, texture } = lot;
  return lot.kind === "building"
    ? facade(stage, lot, depth)
    : hedge(stage, { depth, along: depth, height, tone, texture });
}

/** A hedge at the end of a ray; lengths in metres. */
interface Hedge {
  readonly depth: number;
  readonly along: number;
  readonly height: number;
  readonly tone: number;
  readonly texture: number;
}

/** Leaves with an uneven upper edge. @param along the place along the hedge, for its texture */
function hedge({ canvas, look }: Stage, { depth, along, height, tone, texture }: Hedge): Column {
  const ink: Ink = {
    colour: toneOf(look.palette.leaf, tone),
    clear: canvas.clarity(depth),
    label: ID.vegetation,
  };
  return {
    depth,
    top: height * (0.75 + 0.5 * noise(along * 0.8, 0, texture)),
    paint(pixel, y) {
      const grain = noise(along * 3, y * 3, texture) - 0.5;
      canvas.set(pixel, ink, 1 + look.texture * 0.7 * grain);
    },
  };
}

/** A house front: storeys and bays of windows, some of them lit. */
function facade({ canvas, look }: Stage, lot: Lot, depth: number): Column {
  const clear = canvas.clarity(depth);
  const wall: Ink = { colour: toneOf(look.palette.wall, lot.tone), clear, label: ID.building };
  const pane: Ink = { colour: toneOf(look.palette.pane, lot.tone), clear, label: ID.building };
  const lamp: Ink = { colour: look.lit.colour, clear, label: ID.building };
  const across = depth / lot.bay;
  const bay = Math.floor(across);
  const between = across - bay;
  const beside = between < 0.28 || between > 0.74 || depth > 55;
  return {
    depth,
    top: lot.height,
    paint(pixel, y) {
      const up = y / lot.storey;
      const storey = Math.floor(up);
      const inStorey = up - storey;
      const window = !beside && inStorey > 0.3 && inStorey < 0.8 && y < lot.height - 0.5;
      if (window) {
        canvas.set(pixel, hash(bay, storey, lot.texture) < look.lit.share ? lamp : pane, 1);
        return;
      }
      const grain = noise(depth * 2.5, y * 6, lot.texture) - 0.5;
      const cornice = y > lot.height - 0.4 ? 0.8 : 1;
      canvas.set(pixel, wall, cornice * (1 + look.texture * 0.22 * grain));
    },
  };
}

/** Paints road, markings, kerb and pavement by the distance from the street's axis. */
function groundPainter({ canvas, look, scene }: Stage & { readonly scene: Scene }) {
  const { roadHalf, dash, texture } = scene;
  const road = toneOf(look.palette.road, hash(1, 2, texture));
  const mark = toneOf(look.palette.mark, 0);
  const paving = toneOf(look.palette.sidewalk, hash(3, 4, texture));
  return (pixel: number, x: number, depth: number) => {
    const clear = canvas.clarity(depth);
    const side = Math.abs(x);
    if (side < roadHalf) {
      const dashed = side < 0.09 && (depth / dash) % 1 < 0.55;
      const edge = side > roadHalf - 0.3 && side < roadHalf - 0.17;
      const grain = noise(x * 3, depth * 1.2, texture) - 0.5;
      const ink = { colour: dashed || edge ? mark : road, clear, label: ID.road };
      canvas.set(pixel, ink, 1 + look.texture * 0.16 * grain);
      return;
    }
    const kerb = side < roadHalf + 0.16;
    const joint = ((depth / 1.2) % 1 < 0.08 || (side / 1.2) % 1 < 0.06) && depth < 16;
    const grain = noise(x * 2, depth * 2, texture + 1) - 0.5;
    const factor = (kerb ? 1.12 : joint ? 0.84 : 1) * (1 + look.texture * 0.14 * grain);
    canvas.set(pixel, { colour: paving, clear, label: ID.sidewalk }, factor);
  };
}

/** Paints a gradient from horizon to zenith, with clouds of noise. */
function skyPainter({ canvas, look, scene }: Stage & { readonly scene: Scene }) {
  const { top, bottom, cloud } = look.sky;
  return (pixel: number, dx: number, dy: number) => {
    const high = Math.min(1, Math.max(0, -dy * 1.8));
    const veil = Math.max(
      0,
      noise(dx * 5, dy * 12, scene.texture + 2) + noise(dx * 11, dy * 26, scene.texture + 3) * 0.5 - 0.75,
    );
    const colour = mix(mix(bottom, top, high), cloud, Math.min(1, veil * 2));
    canvas.set(pixel, { colour, clear: 1, label: ID.sky }, 1);
  };
}

/** A colour between two, `share` of the way from `a` to `b`. */
function mix(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}
