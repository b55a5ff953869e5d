/** Streams of VFM-UDA: mirrored and disturbed images, a teacher's labels by two views, pasting over them, masks. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { MadeStream, Normalization } from "../../core/plan.ts";
import type { Images } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import type { Batch } from "../../datasets/loader.ts";
import { changeColours, drawChanges } from "../../streams/colour_jitter.ts";
import { computePass } from "../../train/compute_pass.ts";
import { relative } from "../goldens.ts";
import { assembled, learning, optimizerPlan, planned, tinyModel, tinyPlan } from "../train/fakes.ts";
import { network, stepTest } from "../train/parts.ts";

const registry = builtins();
const SIDE = 12, PIXELS = SIDE * SIDE;

function stream(name: string, type: string, options: object = {}): MadeStream {
  const at = ["streams", name];
  return { name, at, origin: "tiny.yaml", plan: registry.plan("stream", { type, options }, at) };
}

function images(seed: number): Batch {
  return {
    ids: ["a", "b"],
    size: [SIDE, SIDE],
    images: Float32Array.from({ length: 2 * PIXELS * 3 }, (_, k) => Math.sin(k * 0.7 + seed)),
  };
}

function source(): Batch {
  return {
    ...images(1),
    labels: Uint8Array.from({ length: 2 * PIXELS }, (_, k) => k % 5 === 0 ? 255 : Math.floor(k / 7) % 2),
  };
}

/** Half of each image's columns count. */
const LEFT_HALF = { rows: [0, SIDE], columns: [0, SIDE / 2] } as const;

/** What the streams make in a step; `last` is learned from. */
function made(
  streams: readonly MadeStream[],
  { step = 3, seed = 7, target = images(2) as Batch } = {},
): ReadonlyMap<string, Record<keyof Images | "sure", number[] | number | undefined>> {
  const teacher = registry.plan("network", { type: "ema", options: { decay: 0.9 } });
  const run = assembled({
    ...tinyPlan({
      losses: [planned("ce", learning(streams.at(-1)!.name)), planned("ce-source", learning("source"))],
      networks: [network("teacher", teacher)],
      streams: [...streams],
      optimizer: optimizerPlan({ lr: 0.1 }),
    }),
    seed,
  });
  const result = new Map();
  try {
    tf.tidy(() => {
      const [{ entries }] = run.updates as [typeof run.updates[number]];
      const computed = computePass(run, { source: source(), target }, {
        entries,
        at: { step, steps: 10, pass: 0 },
      });
      for (const [name, one] of computed.images) {
        const read = (tensor?: tf.Tensor) => tensor && [...tensor.dataSync()];
        result.set(name, {
          pixels: read(one.pixels),
          labels: read(one.labels),
          weights: read(one.weights),
          hide: one.hide,
          sure: read(one.values?.["sure"])?.[0],
        });
      }
      const views = [...computed.views].filter(([key]) => key.startsWith("teacher "));
      for (const [key, { upsampled }] of views) result.set(key, [...tf.softmax(upsampled!).dataSync()]);
    });
    return result;
  } finally {
    run.dispose();
  }
}

const mirror = stream("mirror", "mirrored", { stream: "source" });

stepTest("a mirrored stream has its pixels, labels and weights turned left to right", () => {
  const all = made([mirror]);
  const plain = all.get("source")!, turned = all.get("mirror")!;
  const at = (image: number, y: number, x: number) => (image * SIDE + y) * SIDE + x;
  for (const [image, y, x] of [[0, 0, 0], [1, 5, 3], [1, 11, 11]] as const) {
    const here = at(image, y, x), there = at(image, y, SIDE - 1 - x);
    assert.equal((turned.labels as number[])[here], (plain.labels as number[])[there]);
    for (const channel of [0, 1, 2]) {
      const [a, b] = [
        (turned.pixels as number[])[3 * here + channel],
        (plain.pixels as number[])[3 * there + channel],
      ];
      assert.equal(a, b);
    }
  }
});

const twoViews = [
  stream("mirror", "mirrored", { stream: "target" }),
  stream("pseudo", "teacher-labels", { mirrored: "mirror", threshold: 0.4 }),
];

stepTest(
  "a teacher's labels are of the mean of image and mirror; pixels weigh the share it is sure of",
  () => {
    const all = made(twoViews);
    const plain = all.get("teacher target") as unknown as number[];
    const turned = all.get("teacher mirror") as unknown as number[];
    const { labels, weights, sure } = all.get("pseudo")! as Record<string, number[]>;
    const best: number[] = [], most: number[] = [];
    for (let pixel = 0; pixel < 2 * PIXELS; pixel++) {
      const row = Math.floor(pixel / SIDE), there = row * SIDE + SIDE - 1 - pixel % SIDE;
      const mean = [0, 1, 2].map((k) => (plain[3 * pixel + k]! + turned[3 * there + k]!) / 2);
      most.push(Math.max(...mean));
      best.push(mean.indexOf(Math.max(...mean)));
    }
    assert.deepEqual(labels, best);
    const expected = most.filter((share) => share >= 0.4).length / most.length;
    assert.ok(expected > 0 && expected < 1, `${expected}`);
    assert.ok(Math.abs((sure as unknown as number) - expected) < 1e-6);
    assert.ok(weights!.every((weight) => Math.abs(weight - expected) < 1e-6));
    // Another threshold, or one view, gives another answer.
    const alone = made([stream("pseudo", "teacher-labels", { threshold: 0.4 })]).get("pseudo")!;
    assert.notDeepEqual([alone.sure, alone.labels], [sure, labels]);
  },
);

stepTest("pixels in the target's margins weigh nothing, and count as sure or not all the same", () => {
  const counted = { ...images(2), counted: [LEFT_HALF, { rows: [0, 0], columns: [0, 0] } as const] };
  const plain = made(twoViews).get("pseudo")!, cut = made(twoViews, { target: counted }).get("pseudo")!;
  assert.equal(cut.sure, plain.sure);
  (cut.weights as number[]).forEach((weight, pixel) =>
    assert.equal(weight, pixel < PIXELS && pixel % SIDE < SIDE / 2 ? (plain.weights as number[])[pixel] : 0)
  );
});

stepTest("over a labelled target source pixels are pasted; those without a label weigh nothing", () => {
  const mixed = stream("mixed", "class-mix", { target: "pseudo", teacher: null, jitter: false, blur: false });
  const all = made([...twoViews, mixed]);
  const [from, under, result] = ["source", "pseudo", "mixed"].map((name) =>
    all.get(name)! as Record<string, number[]>
  );
  let pasted = 0, unlabelled = 0;
  for (let pixel = 0; pixel < 2 * PIXELS; pixel++) {
    const isSource = result!["pixels"]![3 * pixel] === from!["pixels"]![3 * pixel];
    const whole = isSource ? from! : under!;
    assert.equal(result!["labels"]![pixel], whole["labels"]![pixel]);
    const weight = isSource ? Number(from!["labels"]![pixel] !== 255) : under!["weights"]![pixel];
    assert.equal(result!["weights"]![pixel], weight);
    if (isSource) pasted++;
    if (isSource && weight === 0) unlabelled++;
  }
  assert.ok(pasted > 0 && pasted < 2 * PIXELS);
  // Steps whose draw holds the ignored ones.
  const some = [0, 1, 2, 3, 4, 5].map((step) =>
    made([...twoViews, mixed], { step }).get("mixed")!.labels as number[]
  );
  assert.ok(some.some((labels) => labels.includes(255)) || unlabelled > 0);
});

stepTest("a target without labels needs a teacher, and it says so", () => {
  const mixed = stream("mixed", "class-mix", { target: "target", teacher: null });
  assert.throws(() => made([mixed]), {
    name: "LossError",
    message:
      'stream "mixed" (tiny.yaml, at streams.mixed) threw: the stream "target" has no labels; name a teacher, or ' +
      "a target that has some (type: teacher-labels)",
  });
});

const always = { probability: 1, drawn: "image" };

/** Which of the two images differ from the source's. */
function changed(options: object, step: number): readonly boolean[] {
  const all = made([stream("seen", "disturbed", options)], { step });
  const [plain, seen] = ["source", "seen"].map((name) => all.get(name)!.pixels as number[]);
  assert.deepEqual(all.get("seen")!.labels, all.get("source")!.labels);
  return [0, 1].map((k) => {
    const part = (all: readonly number[]) => all.slice(k * PIXELS * 3, (k + 1) * PIXELS * 3);
    // Colours outside [0, 1] are cut by every change, so only a blur, or its absence, can be told exactly.
    return relative(part(seen!), part(plain!)) > 1e-3;
  });
}

stepTest("drawn by image, each is disturbed or not by itself; by step, all or none", () => {
  const blur = (more: object) => ({ jitter: false, blur: { probability: 0.5, sigma: [0.9, 1], ...more } });
  // Twelve pixels have a kernel of one; whatever is drawn, nothing changes, and nothing else is drawn.
  assert.deepEqual(changed(blur(always), 0), [false, false]);
  const jitter = { brightness: 0.5, contrast: 0, saturation: 0, hue: 0 };
  const run = (drawn: string) => {
    const random = Array.from({ length: 24 }, (_, step) => step);
    return random.map((step) => {
      const options = { jitter: { ...jitter, probability: 0.5, drawn }, blur: false };
      const all = made([stream("seen", "disturbed", options)], { step });
      const without = made([stream("seen", "disturbed", {
        jitter: { ...jitter, brightness: 0, probability: 1, drawn },
        blur: false,
      })], { step });
      const [a, b] = [all, without].map((one) => one.get("seen")!.pixels as number[]);
      const source = all.get("source")!.pixels as number[];
      return [0, 1].map((k) => {
        const part = (values: readonly number[]) => values.slice(k * PIXELS * 3, (k + 1) * PIXELS * 3);
        return relative(part(a!), part(b!)) > 1e-3 && relative(part(a!), part(source)) > 1e-3;
      });
    });
  };
  const byImage = run("image"), byStep = run("step");
  assert.ok(byStep.every(([a, b]) => a === b));
  assert.ok(byImage.some(([a, b]) => a !== b));
  const share = byImage.flat().filter(Boolean).length / 48;
  assert.ok(share > 0.25 && share < 0.75, `${share}`);
});

stepTest(
  "torchvision's changes: brightness multiplies, contrast and saturation move colours from a grey",
  () => {
    const normalization: Normalization = {
      order: "rgb",
      scale: 1 / 255,
      mean: [0, 0, 0],
      deviation: [1, 1, 1],
    };
    const colours = [[0.2, 0.4, 0.6], [0.5, 0.5, 0.5], [0.7, 0.3, 0.1], [0.1, 0.2, 0.2]];
    const grey = ([r, g, b]: readonly number[]) => 0.299 * r! + 0.587 * g! + 0.114 * b!;
    const meanGrey = colours.reduce((sum, colour) => sum + grey(colour), 0) / 4;
    const none = { brightness: 0, contrast: 0, saturation: 0, hue: 0, form: "torchvision" } as const;
    const expected = {
      brightness: (value: number, _: readonly number[], f: number) => value * f,
      contrast: (value: number, _: readonly number[], f: number) => f * value + (1 - f) * meanGrey,
      saturation: (value: number, colour: readonly number[], f: number) => f * value + (1 - f) * grey(colour),
    };
    for (const [place, [what, formula]] of Object.entries(expected).entries()) {
      const changes = drawChanges({ ...none, [what]: 0.4 }, Random.stream(1, "a"));
      const random = Random.stream(1, "a");
      const drawn = [0, 1, 2, 3].map((k) =>
        random.uniform(...(k === place ? [-0.4, 0.4] : [0, 0]) as [number, number])
      );
      const pixels = tf.tensor4d(colours.flat(), [1, 2, 2, 3]);
      const result = changeColours(pixels, [changes], normalization).dataSync();
      colours.forEach((colour, k) =>
        colour.forEach((value, channel) => {
          const right = Math.min(1, Math.max(0, formula(value, colour, 1 + drawn[place]!)));
          assert.ok(Math.abs(result[3 * k + channel]! - right) < 1e-5, what);
        })
      );
    }
  },
);

const plainMask = { stream: "source", jitter: false, blur: false };

stepTest("masked cells become the mean colour, others stay; labels and weights are the stream's", () => {
  const all = made([stream("masked", "masked", { ...plainMask, cell: 3, share: 0.5 })]);
  const [plain, seen] = ["source", "masked"].map((name) => all.get(name)! as Record<string, number[]>);
  assert.deepEqual(seen!["labels"], plain!["labels"]);
  const hidden = new Map<string, Set<boolean>>();
  for (let pixel = 0; pixel < 2 * PIXELS; pixel++) {
    const x = pixel % SIDE, y = Math.floor(pixel / SIDE);
    const values = [0, 1, 2].map((k) => seen!["pixels"]![3 * pixel + k]!);
    const isHidden = values.every((value) => value === 0);
    if (!isHidden) values.forEach((value, k) => assert.equal(value, plain!["pixels"]![3 * pixel + k]));
    const cell = `${Math.floor(x / 3)} ${Math.floor(y / 3)}`;
    hidden.set(cell, (hidden.get(cell) ?? new Set()).add(isHidden));
  }
  assert.equal(hidden.size, 32);
  for (const [cell, kinds] of hidden) assert.equal(kinds.size, 1, cell);
  const count = [...hidden.values()].filter((kinds) => kinds.has(true)).length;
  assert.ok(count > 6 && count < 26, `${count}`);
  // A cell larger than the image is one.
  const whole = made([stream("masked", "masked", { ...plainMask, cell: 64, share: 0.5 })]).get("masked")!;
  assert.equal(whole.hide, undefined);
});

stepTest("patches are hidden by networks that can: pixels stay, and networks are told the share", () => {
  const told: (readonly number[] | undefined)[] = [];
  const hiding = {
    ...tinyModel,
    hides: true,
    create(setup: Parameters<typeof tinyModel.create>[0]) {
      const made = tinyModel.create(setup);
      return {
        ...made,
        forward(...[batches, mode]: Parameters<typeof made.forward>) {
          told.push(mode.hide);
          return made.forward(batches, mode);
        },
      };
    },
  };
  for (
    const [hide, model, expected] of [["auto", hiding, 0.7], ["auto", tinyModel, undefined], [
      "patches",
      hiding,
      0.7,
    ]] as const
  ) {
    told.length = 0;
    const masked = stream("masked", "masked", { ...plainMask, hide, share: 0.7, cell: 3 });
    const run = assembled(tinyPlan({
      model: { type: "tiny", plan: model },
      losses: [planned("ce", learning("masked")), planned("ce-source", learning("source"))],
      streams: [masked],
    }));
    tf.tidy(() => {
      const [{ entries }] = run.updates as [typeof run.updates[number]];
      const { images } = computePass(run, { source: source() }, {
        entries,
        at: { step: 0, steps: 1, pass: 0 },
      });
      const { pixels, hide } = images.get("masked")!;
      assert.equal(hide, expected);
      const same = relative(pixels.dataSync(), images.get("source")!.pixels.dataSync()) === 0;
      assert.equal(same, expected !== undefined);
    });
    if (model === hiding) assert.deepEqual(told, [[0, 0.7]]);
    run.dispose();
  }
});
