/**
 * The camera of a drawn street: a pinhole without rotation. A world point (x, y, z) falls on the image at u =
 * cu + f (x - x0) / z and v = cv + f (h - y) / z, with f the focal length in pixels, x0 and h the camera's
 * place across and above the street, and (cu, cv) the vanishing point.
 */
import type { Point } from "./raster.ts";
import type { Scene } from "./scene.ts";

/** A pinhole that looks along the street. Lengths on the image in pixels, in the world in metres. */
export interface Camera {
  readonly focal: number;
  readonly x: number;
  readonly height: number;
  /** The vanishing point. */
  readonly centre: Point;
  /** The pixel of a world point; z must be positive. */
  project(x: number, y: number, z: number): Point;
}

/** The camera of a shot; `optics.focal` is a share of the image's width. */
export function cameraOf(
  shot: { readonly scene: Scene; readonly width: number; readonly height: number },
  optics: { readonly height: number; readonly focal: number },
): Camera {
  const { scene, width, height } = shot;
  const focal = optics.focal * width;
  const centre: Point = [width * (0.5 + scene.yaw), height * (0.46 + scene.pitch)];
  return {
    focal,
    x: scene.cameraX,
    height: optics.height,
    centre,
    project: (x, y, z) => [
      centre[0] + focal * (x - scene.cameraX) / z,
      centre[1] + focal * (optics.height - y) / z,
    ],
  };
}
