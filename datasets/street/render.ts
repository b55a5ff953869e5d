/**
 * A scene and a look become an image with labels: paint the backdrop, paint things from far to near, then
 * light, optics and sensor. Labels are written with the colours and are not touched by what comes after, so
 * they are exact.
 */
import type { Random } from "../../core/random.ts";
import { paintBackdrop } from "./backdrop.ts";
import { cameraOf } from "./camera.ts";
import { hash } from "./noise.ts";
import { type Look, LOOKS } from "./looks.ts";
import { Canvas } from "./raster.ts";
import type { Scene } from "./scene.ts";
import { paintThing } from "./things.ts";

/** What to draw and how. */
export interface Shot {
  readonly scene: Scene;
  readonly domain: keyof typeof LOOKS;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * One street under one domain's look. `random` varies light, camera and noise within the domain.
 * @returns RGB bytes, 3 a pixel, and class ids, 1 a pixel, both row-major
 */
export function render(shot: Shot, random: Random): { image: Uint8Array; labels: Uint8Array } {
  const look: Look = LOOKS[shot.domain];
  const camera = cameraOf(shot, {
    height: random.uniform(look.cameraHeight[0], look.cameraHeight[1]),
    focal: random.uniform(look.focal[0], look.focal[1]),
  });
  const canvas = new Canvas(shot, look.haze);
  paintBackdrop({ canvas, camera, look, scene: shot.scene });
  for (const thing of shot.scene.things) paintThing(thing, { canvas, camera, look });
  return { image: expose(canvas, look, random), labels: canvas.labels };
}

/** Light, optics and sensor: scene colours to bytes. */
function expose(canvas: Canvas, look: Look, random: Random): Uint8Array {
  const { width, height } = canvas;
  const gain = random.uniform(look.gain[0], look.gain[1]);
  const contrast = random.uniform(look.contrast[0], look.contrast[1]);
  const sigma = random.uniform(look.noise[0], look.noise[1]);
  const seed = random.integer(0, 2 ** 30);
  const colours = look.blur ? blurred(canvas) : canvas.colours;
  const image = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const dy = 2 * (y + 0.5) / height - 1;
    for (let x = 0; x < width; x++) {
      const dx = 2 * (x + 0.5) / width - 1;
      const light = gain * (1 - look.vignette * (dx * dx + dy * dy) / 2);
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const lit = colours[at + channel]! * light * look.cast[channel]!;
        // The difference of two uniform numbers has variance 1/6.
        const grain = hash(x, y, seed + 2 * channel) - hash(x, y, seed + 2 * channel + 1);
        const value = (lit - 128 * gain) * contrast + 128 * gain + grain * sigma * 2.449;
        image[at + channel] = Math.min(255, Math.max(0, Math.round(value)));
      }
    }
  }
  return image;
}

/** Colours after a 3 x 3 binomial kernel; the border repeats. */
function blurred({ colours, width, height }: Canvas): Float32Array {
  const pass = (from: Float32Array, step: "x" | "y") => {
    const to = new Float32Array(from.length);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = (y * width + x) * 3;
        const back = step === "x" ? (x > 0 ? 3 : 0) : (y > 0 ? width * 3 : 0);
        const ahead = step === "x" ? (x < width - 1 ? 3 : 0) : (y < height - 1 ? width * 3 : 0);
        for (let k = at; k < at + 3; k++) to[k] = (from[k - back]! + 2 * from[k]! + from[k + ahead]!) / 4;
      }
    }
    return to;
  };
  return pass(pass(colours, "x"), "y");
}
