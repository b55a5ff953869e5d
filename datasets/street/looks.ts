/**
 * What a domain looks like. Everything that makes one domain differ from another is in this table, so a new
 * domain is a new entry.
 */

/** Red, green, blue in 0..255. */
export type Colour = readonly [number, number, number];

/** The surfaces a scene is made of. */
export type Material =
  | "road"
  | "mark"
  | "sidewalk"
  | "wall"
  | "pane"
  | "leaf"
  | "trunk"
  | "car"
  | "glass"
  | "tyre"
  | "lamp"
  | "shirt"
  | "trousers"
  | "skin"
  | "pole"
  | "sign";

/** A domain's light, colours, texture, camera and sensor. Pairs are the ranges that images vary in. */
export interface Look {
  /** Metres above the road. */
  readonly cameraHeight: readonly [number, number];
  /** Focal length as a share of the image's width. */
  readonly focal: readonly [number, number];
  /**
   * Colours of the sky at the zenith and the horizon, and of its clouds; beyond 255 where it outshines the
   * ground.
   */
  readonly sky: { readonly top: Colour; readonly bottom: Colour; readonly cloud: Colour };
  /** The colours each material comes in; a thing's tone picks between neighbours. */
  readonly palette: Readonly<Record<Material, readonly Colour[]>>;
  /** Share of windows that are lit, and their colour. */
  readonly lit: { readonly share: number; readonly colour: Colour };
  /** Relative strength of surface textures. */
  readonly texture: number;
  /** Colours fade to `colour` by 1 - exp(-z / distance); metres. */
  readonly haze: { readonly colour: Colour; readonly distance: number };
  /** The image is multiplied by gain and by the cast; contrast is around mid-grey. */
  readonly gain: readonly [number, number];
  readonly cast: Colour;
  readonly contrast: readonly [number, number];
  /** Darkening of the corners, 0 to 1. */
  readonly vignette: number;
  /** Standard deviation of the sensor's noise, in 0..255. */
  readonly noise: readonly [number, number];
  /** Whether the optics blur by a 3 x 3 binomial kernel. */
  readonly blur: boolean;
}

/** Clear daylight: the labelled domain of the examples. */
const DAY: Look = {
  cameraHeight: [1.4, 1.6],
  focal: [0.74, 0.82],
  sky: { top: [96, 150, 220], bottom: [190, 215, 240], cloud: [244, 246, 250] },
  palette: {
    road: [[104, 104, 108], [122, 120, 120]],
    mark: [[232, 232, 226]],
    sidewalk: [[176, 168, 158], [196, 190, 182]],
    wall: [[176, 112, 86], [206, 178, 138], [150, 96, 84], [214, 200, 172], [162, 140, 124]],
    pane: [[70, 84, 104], [98, 116, 140]],
    leaf: [[66, 118, 46], [96, 142, 58], [54, 100, 52]],
    trunk: [[84, 66, 48]],
    car: [[196, 34, 38], [34, 66, 160], [232, 232, 236], [40, 42, 48], [222, 176, 40]],
    glass: [[44, 56, 70]],
    tyre: [[24, 24, 26]],
    lamp: [[232, 60, 40]],
    shirt: [[214, 60, 120], [240, 150, 40], [70, 50, 150], [30, 150, 150]],
    trousers: [[40, 44, 74], [70, 60, 52]],
    skin: [[222, 176, 146], [150, 104, 78]],
    pole: [[64, 72, 72], [92, 98, 96]],
    sign: [[214, 40, 40], [36, 84, 180]],
  },
  lit: { share: 0, colour: [255, 214, 140] },
  texture: 1,
  haze: { colour: [198, 214, 232], distance: 320 },
  gain: [0.94, 1.06],
  cast: [1, 1, 1],
  contrast: [0.97, 1.05],
  vignette: 0,
  noise: [1.5, 3],
  blur: false,
};

/** A low sun: darker, warmer, noisier, with lit windows and a higher camera. */
const DUSK: Look = {
  ...DAY,
  cameraHeight: [1.65, 1.9],
  focal: [0.66, 0.73],
  sky: { top: [180, 190, 262], bottom: [318, 262, 236], cloud: [250, 206, 222] },
  palette: {
    ...DAY.palette,
    road: [[86, 84, 96], [106, 100, 108]],
    mark: [[196, 186, 170]],
    sidewalk: [[156, 146, 148], [178, 168, 164]],
    leaf: [[58, 82, 58], [80, 98, 62], [46, 70, 58]],
    pane: [[48, 50, 70], [62, 64, 88]],
  },
  lit: { share: 0.3, colour: [255, 206, 120] },
  texture: 1.8,
  haze: { colour: [188, 138, 130], distance: 170 },
  gain: [0.68, 0.84],
  cast: [1.06, 0.96, 0.99],
  contrast: [0.92, 1],
  vignette: 0.25,
  noise: [5, 9],
  blur: true,
};

/** Fog: pale, flat, and gone after some tens of metres. */
const FOG: Look = {
  ...DAY,
  cameraHeight: [1.25, 1.45],
  focal: [0.82, 0.9],
  sky: { top: [188, 194, 200], bottom: [206, 208, 210], cloud: [214, 216, 218] },
  lit: { share: 0.1, colour: [250, 232, 190] },
  texture: 0.7,
  haze: { colour: [204, 207, 210], distance: 28 },
  gain: [0.86, 0.98],
  cast: [0.97, 1, 1.03],
  contrast: [0.72, 0.84],
  noise: [3, 6],
  blur: true,
};

/** The domains by name. */
export const LOOKS = { day: DAY, dusk: DUSK, fog: FOG } as const;

/** A name in {@linkcode LOOKS}. */
export type DomainName = keyof typeof LOOKS;

/** The colour of a palette at `tone` in [0, 1), between its neighbours. */
export function toneOf(palette: readonly Colour[], tone: number): Colour {
  const place = tone * (palette.length - 1);
  const below = Math.floor(place);
  const a = palette[below]!, b = palette[Math.min(below + 1, palette.length - 1)]!;
  const share = place - below;
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

/** One of a palette's colours, unmixed: paint of cars and clothes. */
export function pickOf(palette: readonly Colour[], tone: number): Colour {
  return palette[Math.min(palette.length - 1, Math.floor(tone * palette.length))]!;
}
