/**
 * The built-in dataset that needs no files: streets drawn in memory, in several domains.
 *
 * Content and look are drawn apart. A scene (street/scene.ts) is geometry: roads, houses, cars, in metres. A
 * domain (street/looks.ts) is colours, light, haze, noise and camera. So domains differ in how streets look
 * and not in what stands in them, which is the gap that domain adaptation is about.
 */
import { definePlugin } from "../core/plugin.ts";
import { Random } from "../core/random.ts";
import { z } from "../core/schema.ts";
import { STREET_CLASSES } from "./street/classes.ts";
import { type DomainName, LOOKS } from "./street/looks.ts";
import { render } from "./street/render.ts";
import { drawScene } from "./street/scene.ts";

const DOMAINS = Object.keys(LOOKS) as [DomainName, ...DomainName[]];

/**
 * Streets drawn in memory: a scene depends on the run's seed, the domain, the split and the index. Two
 * domains show the same kind of streets, never the same street, under another light, colours, texture, noise
 * and camera. Labels are exact and always one of the eight classes. Images are RGB in 0..255 of exactly
 * `width` x `height` pixels.
 */
export const street = definePlugin({
  kind: "dataset",
  name: "street",
  summary: "procedural street scenes in several domains, with exact labels",
  options: z.strictObject({
    domain: z.enum(DOMAINS).describe("light, colours, texture, noise and camera of the images"),
    width: z.int().min(16).max(4096).default(160).describe("pixels"),
    height: z.int().min(16).max(4096).default(96).describe("pixels"),
    count: z.int().min(1).default(400).describe("number of images"),
    split: z.enum(["train", "val", "test"]).default("train").describe("splits and domains share no scene"),
  }),
  plan: ({ domain, width, height, count, split }) => ({
    labelSpace: STREET_CLASSES,
    needsRoot: false,
    open: ({ seed }) =>
      Promise.resolve({
        length: count,
        read(index, want) {
          const stream = `street/${domain}/${split}/${index}`;
          const scene = drawScene(Random.stream(seed, stream));
          const varied = Random.stream(seed, `${stream}/look`);
          const { image, labels } = render({ scene, domain, width, height }, varied);
          const id = `${domain}_${split}_${String(index).padStart(5, "0")}`;
          return Promise.resolve({ id, width, height, image, ...(want.labels ? { labels } : {}) });
        },
      }),
  }),
});
