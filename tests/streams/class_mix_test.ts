/** The class-mix stream: which classes are drawn, how colours change, what a run with it repeats, and what it refuses. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { MadeStream, Normalization } from "../../core/plan.ts";
import { Random } from "../../core/random.ts";
import { drawHalf, presentLabels } from "../../streams/mixing.ts";
import { changeColours, drawChanges } from "../../streams/colour_jitter.ts";
import type { Batch } from "../../datasets/loader.ts";
import { computePass } from "../../train/compute_pass.ts";
import { assembled, learning, optimizerPlan, planned, tinyPlan } from "../train/fakes.ts";
import { network, stepTest, tensorsAfter } from "../train/parts.ts";
import { go, run, test } from "../train/runs.ts";
import { relative } from "../goldens.ts";

const registry = builtins();

const RGB: Normalization = { order: "rgb", scale: 1, mean: [0, 0, 0], deviation: [1, 1, 1] };

function mixed(options: object = {}): MadeStream {
  return {
    name: "mixed",
    at: ["streams", "mixed"],
    origin: "tiny.yaml",
    plan: registry.plan("stream", { type: "class-mix", options }, ["streams", "mixed"]),
  };
}

function parts(options: object = {}) {
  const teacher = registry.plan("network", { type: "ema", options: { decay: 0.9 } });
  return {
    losses: [planned("ce", learning("mixed")), planned("ce-source", learning("source"))],
    networks: [network("teacher", teacher)],
    streams: [mixed(options)],
    optimizer: optimizerPlan({ lr: 0.1, momentum: 0.9 }),
  };
}

stepTest("of k values present ceil(k / 2) are drawn, each as often, the ignored ones as one of them", () => {
  const labels = tf.tensor3d([0, 0, 2, 255, 1, 1, 1, 1], [2, 2, 2], "int32");
  const present = presentLabels(labels, 3, "image");
  assert.deepEqual(present.arraySync(), [[1, 0, 1, 1], [0, 1, 0, 0]]);
  assert.deepEqual(presentLabels(labels, 3, "batch").arraySync(), [[1, 1, 1, 1], [1, 1, 1, 1]]);
  const random = Random.stream(1, "test");
  const counts = [0, 0, 0, 0];
  for (let k = 0; k < 600; k++) {
    const [first, second] = drawHalf(present, random).arraySync() as [number[], number[]];
    // Two of three; one of one.
    assert.equal(first.reduce((a, b) => a + b), 2);
    assert.deepEqual(second, [0, 1, 0, 0]);
    first.forEach((drawn, id) => counts[id]! += drawn);
  }
  assert.equal(counts[1], 0);
  for (const id of [0, 2, 3]) assert.ok(Math.abs(counts[id]! / 600 - 2 / 3) < 0.1, `${counts}`);
});

/** HSV of a colour in [0, 1], the hue in turns. */
function hsv([r, g, b]: readonly number[]): [number, number, number] {
  const value = Math.max(r!, g!, b!), spread = value - Math.min(r!, g!, b!);
  const sixths = spread === 0
    ? 0
    : value === r
    ? (g! - b!) / spread
    : value === g
    ? (b! - r!) / spread + 2
    : (r! - g!) / spread + 4;
  return [(sixths / 6 + 1) % 1, value === 0 ? 0 : spread / value, value];
}

stepTest(
  "the hue is turned, the saturation multiplied, and what each change leaves of the others stays",
  () => {
    const colours = [[0.8, 0.2, 0.1], [0.1, 0.7, 0.3], [0.2, 0.3, 0.9], [0.5, 0.5, 0.5], [0, 0, 0], [
      0.9,
      0.1,
      0.6,
    ]];
    const pixels = tf.tensor4d(colours.flat().map((value) => value * 255), [1, 1, colours.length, 3]);
    const changed = (jitter: object) => {
      const all = { brightness: 0, contrast: 0, saturation: 0, hue: 0, ...jitter };
      const changes = drawChanges(all, Random.stream(5, "test"));
      return tf.unstack(tf.reshape(changeColours(pixels, [changes], RGB), [-1, 3])).map((colour) =>
        [...colour.dataSync()].map((value) => value / 255)
      );
    };
    assert.ok(relative(changed({}).flat(), colours.flat()) < 1e-5);
    // The numbers in the order in which they are drawn.
    const random = Random.stream(5, "test");
    const [brightness, contrast, saturation, hue] = Array.from({ length: 4 }, () => random.uniform(-1, 1));
    const cut = (value: number) => Math.min(1, Math.max(0, value));
    changed({ brightness: 0.2 }).forEach((colour, k) =>
      colour.forEach((value, at) =>
        assert.ok(Math.abs(value - cut(colours[k]![at]! + 0.2 * brightness!)) < 1e-5)
      )
    );
    changed({ contrast: 0.2 }).forEach((colour, k) =>
      colour.forEach((value, at) =>
        assert.ok(Math.abs(value - cut(colours[k]![at]! * (1 + 0.2 * contrast!))) < 1e-5)
      )
    );
    changed({ saturation: 0.5 }).forEach((colour, k) => {
      const [h, s, v] = hsv(colours[k]!), [h2, s2, v2] = hsv(colour);
      assert.ok(Math.abs(v2 - v) < 1e-5 && Math.abs(s2 - cut(s * (1 + 0.5 * saturation!))) < 1e-4);
      if (s > 0) assert.ok(Math.abs(h2 - h) < 1e-4);
    });
    changed({ hue: 0.3 }).forEach((colour, k) => {
      const [h, s, v] = hsv(colours[k]!), [h2, s2, v2] = hsv(colour);
      assert.ok(Math.abs(v2 - v) < 1e-5 && Math.abs(s2 - s) < 1e-4);
      if (s > 0) assert.ok(Math.abs((h2 - h - 0.3 * hue! + 2.5) % 1 - 0.5) < 1e-4);
    });
  },
);

stepTest("colours are changed as RGB in [0, 1], however the recipe normalises", () => {
  const values = Array.from({ length: 24 }, (_, k) => (k * 37) % 256);
  const jitter = { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.2 };
  const result = (normalization: Normalization) => {
    const { order, scale, mean, deviation } = normalization;
    const turned = (x: tf.Tensor4D) => order === "bgr" ? tf.reverse(x, 3) : x;
    const plain = tf.tensor4d(values, [2, 2, 2, 3]);
    const given = tf.div(
      tf.sub(tf.mul(turned(plain), scale), tf.tensor1d([...mean])),
      tf.tensor1d([...deviation]),
    );
    const random = Random.stream(2, "test");
    const changes = [drawChanges(jitter, random), drawChanges(jitter, random)];
    const made = changeColours(given as tf.Tensor4D, changes, normalization);
    const back = tf.div(tf.add(tf.mul(made, tf.tensor1d([...deviation])), tf.tensor1d([...mean])), scale);
    return turned(back as tf.Tensor4D).dataSync();
  };
  const expected = result(RGB);
  const caffe: Normalization = { order: "bgr", scale: 1, mean: [104, 116.7, 122.7], deviation: [1, 1, 1] };
  const imagenet: Normalization = {
    order: "rgb",
    scale: 1 / 255,
    mean: [0.485, 0.456, 0.406],
    deviation: [0.229, 0.224, 0.225],
  };
  for (const normalization of [caffe, imagenet]) assert.ok(relative(result(normalization), expected) < 1e-5);
});

/** So large that a kernel of a tenth of it has more than one pixel. */
const LARGE = 24;

/** Two images. */
function images(seed: number): Batch {
  const values = 2 * LARGE * LARGE * 3;
  return {
    ids: ["a", "b"],
    size: [LARGE, LARGE],
    images: Float32Array.from({ length: values }, (_, k) => Math.sin(k * 0.7 + seed)),
  };
}

/** With labels, of which the second image has none of the first's. */
function source(): Batch {
  const label = (k: number) => k % 5 === 0 ? 255 : k < LARGE * LARGE ? 0 : 1;
  return { ...images(1), labels: Uint8Array.from({ length: 2 * LARGE * LARGE }, (_, k) => label(k)) };
}

/** What the stream makes in one step, as plain values. */
function made(options: object, step: number, seed = 7) {
  const run = assembled(tinyPlan({ ...parts(options), seed }));
  try {
    const batches = { source: source(), target: images(2) };
    return tf.tidy(() => {
      const [{ entries }] = run.updates as [typeof run.updates[number]];
      const { images } = computePass(run, batches, { entries, at: { step, steps: 10, pass: 0 } });
      const { pixels, labels, weights, values } = images.get("mixed")!;
      return [pixels, labels!, weights!, values!["sure"]!].map((tensor) => [...tensor.dataSync()]);
    });
  } finally {
    run.dispose();
  }
}

stepTest(
  "the same seed and step make the same images; whether they are disturbed is drawn for a step",
  () => {
    assert.deepEqual(made({}, 3), made({}, 3));
    assert.notDeepEqual(made({}, 3), made({}, 4));
    assert.notDeepEqual(made({}, 3), made({}, 3, 8));
    const plain = Array.from({ length: 24 }, (_, step) => made({ jitter: false, blur: false }, step)[0]!);
    const disturbed = (options: object) =>
      plain.filter((pixels, step) => relative(made(options, step)[0]!, pixels) > 1e-4).length;
    assert.equal(disturbed({ jitter: { probability: 0 }, blur: { probability: 0 } }), 0);
    assert.equal(disturbed({ jitter: { probability: 1 }, blur: false }), 24);
    assert.equal(disturbed({ jitter: false, blur: { probability: 1, sigma: [0.9, 1] } }), 24);
    const half = disturbed({ jitter: { probability: 0.5 }, blur: false });
    assert.ok(half > 3 && half < 21, `${half}`);
  },
);

stepTest("every option matters, and an unknown one is refused by its place", () => {
  const base = { threshold: 0.3, jitter: false, blur: false };
  const all = (options: object) =>
    JSON.stringify([0, 1, 2, 3].map((step) => made({ ...base, ...options }, step)));
  const before = all({});
  for (
    const change of [{ threshold: 0.45 }, { classes: "batch" }, { ignore_top: 5 }, { ignore_bottom: 5 }, {
      jitter: {},
    }, { blur: { sigma: [1, 2] } }]
  ) {
    assert.notEqual(all(change), before, JSON.stringify(change));
  }
  assert.throws(() => mixed({ jitter: { hues: 1 } }), {
    name: "ConfigError",
    message: 'streams.mixed.options.jitter: Unrecognized key: "hues"',
  });
});

stepTest("without labels there is nothing to paste by, and it says so", async () => {
  const run = assembled(tinyPlan({ ...parts({ source: "target" }) }));
  try {
    const [{ entries }] = run.updates as [typeof run.updates[number]];
    const batches = { source: source(), target: images(2) };
    assert.throws(
      () => tf.tidy(() => void computePass(run, batches, { entries, at: { step: 0, steps: 10, pass: 0 } })),
      {
        name: "LossError",
        message: 'stream "mixed" (tiny.yaml, at streams.mixed) threw: the stream "target" has no labels; ' +
          "pixels are pasted by their class",
      },
    );
  } finally {
    run.dispose();
  }
  await Promise.resolve();
});

for (const when of ["after", "before"] as const) {
  test(`a run with a teacher that moves ${when} the step and mixed images goes on bit for bit`, async (folder) => {
    const plan = () => {
      const teacher = registry.plan("network", {
        type: "ema",
        options: { decay: 0.9, when, buffers: "own" },
      });
      return tinyPlan({ ...parts({ threshold: 0.4 }), networks: [network("teacher", teacher)] }, {
        steps: 8,
      });
    };
    await run(plan(), folder);
    const last = "run/checkpoints/last.safetensors";
    const whole = folder.tensors(last);
    assert.ok([...whole.keys()].some((name) => name.startsWith("network/teacher/")));
    await Deno.remove(`${folder.path}/run`, { recursive: true });
    await run(plan(), folder, (event, { control }) => {
      if (event.type === "step" && event.step === 4) control.abort();
    });
    assert.equal(folder.state(last).step, 4);
    await go(folder.path, plan());
    assert.deepEqual(folder.tensors(last), whole);
  });
}

stepTest("a step leaves no tensor", async () => {
  const run = assembled(tinyPlan(parts()));
  try {
    assert.equal((await tensorsAfter(run, 4)).size, 1);
  } finally {
    run.dispose();
  }
});
