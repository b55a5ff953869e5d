import assert from "node:assert/strict";
import { decode } from "fast-png";
import type { TrainEvent } from "../../../core/events.ts";
import { crc32c } from "../../../report/tensorboard/crc32c.ts";
import { newEventFile } from "../../../report/tensorboard/event_file.ts";
import { histogramOf } from "../../../report/tensorboard/histogram.ts";
import { tensorBoard } from "../../../report/tensorboard/logger.ts";
import { validationPicture } from "../../../report/tensorboard/picture.ts";
import { inFolder } from "../../cli/fake_host.ts";
import { eventsOf, recordsOf, shownScalars } from "./event_files.ts";

const CLASSES = ["road", "sky"];
const NORMALIZATION = { order: "bgr", scale: 1, mean: [10, 20, 30], deviation: [2, 2, 2] } as const;

function logger(folder: string, more: { classes?: readonly string[]; now?: () => number } = {}) {
  return tensorBoard({
    folder,
    plan: { images: 1, histograms: 2 },
    labelSpace: { name: "two", classes: more.classes ?? CLASSES, ignore: 255 },
    colours: [[200, 0, 0], [0, 200, 0]],
    normalization: NORMALIZATION,
    now: more.now ?? (() => 1_900_000_000_000),
  });
}

const start = (phase = "a"): TrainEvent => ({ type: "start", phase, steps: 9, batch: 1 });
const step = (number: number, phase = "a"): TrainEvent => ({
  type: "step",
  phase,
  step: number,
  steps: 9,
  rate: 2,
  terms: { ce: number / 2, "association/layer4": 7 },
  total: number,
  learningRate: 0.25,
});
const validation = (number: number): TrainEvent => ({
  type: "validation",
  phase: "a",
  step: number,
  miou: 0.5,
  subsets: [{ name: "mIoU*", classes: ["road"], miou: 0.75 }],
  labelSize: "original 4x4",
  pixelAccuracy: 0.25,
  iou: [0.5, null],
  best: true,
});

Deno.test("the checksum is CRC-32C", () => {
  // RFC 3720, appendix B.4.
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, k) => k)), 0x46dd794e);
  assert.equal(crc32c(new Uint8Array(0)), 0);
});

Deno.test("the events of a phase become scalars under tags, in whole records", () =>
  inFolder((folder) => {
    const log = logger(folder);
    for (const event of [start(), step(1), validation(1)]) log.event(event);
    log.event({ type: "diagnostics", phase: "a", step: 1, values: { "entropy/target": 0.5 } });
    const none = { miou: null, pixelAccuracy: null, iou: [null, null] };
    const subsets = [{ name: "mIoU*", classes: ["road"], miou: null }];
    log.event({ type: "validation", phase: "a", step: 2, labelSize: "x", best: false, ...none, subsets });
    log.evaluation(9, {
      split: "val",
      images: 1,
      labelSize: "original 4x4",
      classes: CLASSES,
      iou: [1, 0.5],
      miou: 0.75,
      pixelAccuracy: 1,
      confusion: [],
    });
    log.close();
    const [events] = eventsOf(`${folder}/a`);
    assert.deepEqual(events!.map(({ step, version, sessionStart }) => [step, version, sessionStart]), [
      [0, "brain.Event:2", undefined],
      [0, undefined, true],
      [1, undefined, undefined],
      [1, undefined, undefined],
      [1, undefined, undefined],
      [9, undefined, undefined],
    ]);
    assert.equal(events![2]!.time, 1_900_000_000);
    assert.deepEqual(events!.flatMap(({ values }) => values.map(({ tag, scalar }) => [tag, scalar])), [
      ["loss/total", 1],
      ["loss/ce", 0.5],
      ["loss/association/layer4", 7],
      ["rate/learning rate", 0.25],
      ["rate/steps per second", 2],
      ["validation/mIoU", 0.5],
      ["validation/mIoU*", 0.75],
      ["validation/pixel accuracy", 0.25],
      ["validation IoU/road", 0.5],
      ["diagnostics/entropy/target", 0.5],
      ["final/mIoU", 0.75],
      ["final/pixel accuracy", 1],
      ["final IoU/road", 1],
      ["final IoU/sky", 0.5],
    ]);
    return Promise.resolve();
  }));

Deno.test("baseline and recipe are two runs of one folder", () =>
  inFolder((folder) => {
    const log = logger(folder);
    for (const event of [start("before"), step(1, "before"), start("a"), step(1), step(2)]) log.event(event);
    log.close();
    assert.deepEqual(shownScalars(eventsOf(`${folder}/before`), "loss/total"), [[1, 1]]);
    assert.deepEqual(shownScalars(eventsOf(`${folder}/a`), "loss/total"), [[1, 1], [2, 2]]);
    return Promise.resolve();
  }));

Deno.test("a run that goes on begins a file that takes back the steps it makes again, whatever the clock says", () =>
  inFolder((folder) => {
    const first = logger(folder);
    for (const event of [start(), step(1), step(2), step(3)]) first.event(event);
    first.close();
    // The clock was put back by a day.
    const second = logger(folder, { now: () => 1_900_000_000_000 - 86_400_000 });
    for (const event of [start(), { type: "resume", phase: "a", step: 1 } as const, step(2)]) {
      second.event(event);
    }
    second.close();
    const files = eventsOf(`${folder}/a`);
    assert.equal(files.length, 2);
    assert.deepEqual(shownScalars(files, "loss/total"), [[1, 1], [2, 2]]);
    // One that begins anew takes everything back.
    const third = logger(folder);
    for (const event of [start(), step(1)]) third.event(event);
    third.close();
    assert.deepEqual(shownScalars(eventsOf(`${folder}/a`), "loss/total"), [[1, 1]]);
    return Promise.resolve();
  }));

Deno.test("a process that is killed loses at most its last record", () =>
  inFolder((folder) => {
    const log = logger(folder);
    for (const event of [start(), step(1), step(2)]) log.event(event);
    // Not closed: everything has left the process.
    const [file] = [...Deno.readDirSync(`${folder}/a`)];
    const bytes = Deno.readFileSync(`${folder}/a/${file!.name}`);
    assert.equal(recordsOf(bytes).length, 4);
    assert.equal(recordsOf(bytes.subarray(0, -3)).length, 3);
    log.close();
    return Promise.resolve();
  }));

Deno.test("hostile names are tags, in UTF-8, and no way out of the folder", () =>
  inFolder((folder) => {
    const classes = ["\ud800\x00<b>", "../../x"];
    const log = logger(`${folder}/logs`, { classes });
    log.event(start("../../up"));
    log.event({ ...step(1, "../../up"), terms: { "\udfff": 1 } } as TrainEvent);
    log.event({ ...validation(1), phase: "../../up", iou: [1, 1] } as TrainEvent);
    log.close();
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["logs"]);
    const tags = eventsOf(`${folder}/logs/.._.._up`).flat().flatMap(({ values }) =>
      values.map(({ tag }) => tag)
    );
    assert.ok(tags.includes("loss/\ufffd"));
    assert.ok(tags.includes("validation IoU/\ufffd\x00<b>"));
    return Promise.resolve();
  }));

Deno.test("a folder that cannot be written is one clear line, before the first step", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/taken`, "");
    assert.throws(() => logger(`${folder}/taken`).event(start()), { name: "UserError" });
    assert.throws(() => newEventFile(`${folder}/taken/a`, 0), {
      name: "UserError",
      message: /^.*\/taken\/a: cannot be written \(.+\)$/,
    });
  }));

Deno.test("images of a validation: the image, its labels and what was predicted", () =>
  inFolder((folder) => {
    const log = logger(folder);
    for (const event of [start(), step(1)]) log.event(event);
    // Two pixels, BGR: (value * 2 + mean) is what the file had.
    const input = { images: Float32Array.from([0, 0, 0, 20, 40, 60]), height: 1, width: 2 };
    const image = {
      input,
      labels: Uint8Array.from([0, 255]),
      predictions: Uint8Array.from([1, 0]),
      labelHeight: 1,
      labelWidth: 2,
    };
    log.picture({ step: 1, index: 0, ...image });
    log.close();
    const [value] = eventsOf(`${folder}/a`).flat().at(-1)!.values;
    assert.equal(value!.tag, "validation/image 1");
    const { width, height, png } = value!.image!;
    const read = decode(png);
    assert.deepEqual([width, height, read.width, read.height, read.channels], [6, 1, 6, 1, 3]);
    assert.deepEqual([...read.data], [
      ...[30, 20, 10],
      ...[150, 100, 50],
      ...[200, 0, 0],
      ...[0, 0, 0],
      ...[0, 200, 0],
      ...[200, 0, 0],
    ]);
    return Promise.resolve();
  }));

Deno.test("large images are drawn at most 512 pixels wide", () => {
  const plane = new Uint8Array(1024 * 300);
  const input = { images: new Float32Array(3 * 64 * 32), height: 32, width: 64 };
  const picture = validationPicture(
    { input, labels: plane, predictions: plane, labelHeight: 300, labelWidth: 1024 },
    { normalization: NORMALIZATION, colours: [[1, 2, 3]] },
  );
  assert.deepEqual([picture.width, picture.height], [3 * 512, 150]);
});

Deno.test("histograms count every finite value once", () =>
  inFolder((folder) => {
    const log = logger(folder);
    assert.deepEqual([1, 2, 3, 4].map((step) => log.wantsHistograms(step)), [false, true, false, true]);
    for (const event of [start(), step(2)]) log.event(event);
    log.histogram({ step: 2, name: "conv", values: Float32Array.from([0, 1, 2, 3, NaN, 3]) });
    log.histogram({ step: 2, name: "constant", values: new Float32Array(4).fill(0.5) });
    log.histogram({ step: 2, name: "empty", values: new Float32Array(0) });
    log.close();
    const values = eventsOf(`${folder}/a`).flat().flatMap(({ values }) => values);
    const of = (tag: string) => values.find((value) => value.tag === tag)?.histogram;
    const conv = of("weights/conv")!;
    assert.deepEqual([conv.min, conv.max, conv.num], [0, 3, 5]);
    assert.deepEqual([conv.limits.length, conv.limits.at(-1)], [30, 3]);
    assert.deepEqual(conv.buckets.filter((count) => count > 0), [1, 1, 1, 2]);
    assert.deepEqual(of("weights/constant"), { min: 0.5, max: 0.5, num: 4, limits: [0.5], buckets: [4] });
    assert.equal(of("weights/empty"), undefined);
    assert.equal(histogramOf(Float32Array.of(NaN)), undefined);
    return Promise.resolve();
  }));
