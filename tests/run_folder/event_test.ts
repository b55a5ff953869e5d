import assert from "node:assert/strict";
import { isShare, parseEvent } from "../../run_folder/event.ts";
import { stepLine, validationLine } from "./memory_run.ts";

const parsed = (value: unknown) => parseEvent(typeof value === "string" ? value : JSON.stringify(value));

/** What is wrong with a line; the event where nothing is. */
function damageOf(value: unknown): unknown {
  const found = parsed(value);
  return "damage" in found ? found.damage : found;
}

const TIME = Date.UTC(2026, 1, 3);

/** A whole line of each type, as training writes it. */
const WHOLE = {
  start: { type: "start", phase: "a", steps: 40, batch: 2 },
  resume: { type: "resume", phase: "a", step: 7 },
  step: {
    type: "step",
    phase: "a",
    step: 3,
    steps: 40,
    rate: 1.5,
    terms: { ce: 0.5 },
    total: 0.5,
    learningRate: 0.1,
    slowest: { rank: 1, host: "node7", times: 1.3 },
  },
  validation: {
    type: "validation",
    phase: "a",
    step: 3,
    miou: 0.25,
    subsets: [{ name: "mIoU13", classes: ["road"], miou: null }],
    labelSize: "original 40x32",
    pixelAccuracy: null,
    iou: [0.25, null],
    best: true,
    labelFree: { entropy: 0.5 },
  },
  checkpoint: { type: "checkpoint", phase: "a", step: 3, path: "checkpoints/last.safetensors" },
  diagnostics: { type: "diagnostics", phase: "a", step: 3, values: { "entropy/source": 0.1 } },
  note: { type: "note", phase: "a", message: "no target" },
  end: { type: "end", phase: "a", step: 3, interrupted: false },
  failure: { type: "failure", phase: "a", message: "no memory" },
} as const;

for (const [type, event] of Object.entries(WHOLE)) {
  Deno.test(`parseEvent: a whole ${type} comes back as it was written, without fields of others`, () => {
    const found = parsed({ ...event, time: "2026-02-03T00:00:00Z", mood: "good" });
    assert.deepEqual(found, { event: { ...event, time: TIME } });
  });

  Deno.test(`parseEvent: a ${type} without any one of its fields is damaged, and that field is named`, () => {
    const optional = ["type", "slowest", "subsets", "labelFree"];
    for (const name of Object.keys(event).filter((one) => !optional.includes(one))) {
      const { [name]: _, ...rest } = event as Readonly<Record<string, unknown>>;
      assert.match(String(damageOf(rest)), new RegExp(`^its ${name} (is|are) (no|not|neither) `), name);
    }
  });
}

Deno.test("parseEvent: a time that is none, or no text, is NaN and no damage", () => {
  for (const time of [undefined, 7, "soon", null]) {
    assert.deepEqual(parsed({ ...WHOLE.note, time }), { event: { ...WHOLE.note, time: NaN } });
  }
});

Deno.test("parseEvent: steps are whole numbers from 0 to a thousand million", () => {
  const at = (step: unknown) => damageOf({ ...WHOLE.resume, step });
  assert.deepEqual(at(0), { event: { ...WHOLE.resume, step: 0, time: NaN } });
  assert.deepEqual(at(1e9), { event: { ...WHOLE.resume, step: 1e9, time: NaN } });
  for (const step of [-1, 0.5, null, "1", true]) {
    assert.equal(at(step), "its step is not a whole number from 0 on");
  }
  assert.equal(at(1e9 + 1), "its step is above 1000000000");
});

Deno.test("parseEvent: a share is a number from 0 to 1, or null where there was nothing to average", () => {
  const damage = (miou: unknown) => damageOf(validationLine(1, 0, { miou }));
  for (const miou of [0, 1, null]) assert.equal(typeof damage(miou), "object", String(miou));
  for (const miou of [-0.001, 1.001, "0.5", true]) assert.equal(damage(miou), "its miou is not in 0..1");
  assert.equal(
    damageOf(validationLine(1, 0.5, { pixelAccuracy: 2 })),
    "its pixelAccuracy is not in 0..1",
  );
  for (const iou of [[0.5, 2], "high", { 0: 0.5 }]) {
    assert.equal(damageOf(validationLine(1, 0.5, { iou })), "its iou is no list of shares in 0..1");
  }
  assert.deepEqual([0, 1, 0.5].map(isShare), [true, true, true]);
  assert.deepEqual([-1e-9, 1.0001, NaN, "0", null].map(isShare), Array(5).fill(false));
});

Deno.test("parseEvent: numbers may be as large as axes can show, either way", () => {
  const total = (value: number) => damageOf(stepLine(1, { total: value }));
  for (const value of [1e300, -1e300]) assert.equal(typeof total(value), "object");
  for (const value of [1.01e300, -1.01e300]) assert.equal(total(value), "its total is beyond +-1e+300");
  assert.equal(damageOf(stepLine(1, { rate: "fast" })), "its rate is not a number");
  assert.equal(
    damageOf(stepLine(1, { terms: { ce: -1.01e300 } })),
    "a value of its terms is beyond +-1e+300",
  );
});

Deno.test("parseEvent: names of numbers may be 2000 characters long, not one more", () => {
  const terms = (length: number) => damageOf(stepLine(1, { terms: { ["x".repeat(length)]: 1 } }));
  assert.equal(typeof terms(2000), "object");
  assert.equal(terms(2001), "a name of its terms is longer than 2000 characters");
  for (const values of [null, "x", 3, [1]]) {
    assert.equal(damageOf({ ...WHOLE.diagnostics, values }), "its values are no names with numbers");
  }
});

Deno.test("parseEvent: long texts are shortened, also that of an unknown type", () => {
  const note = parsed({ ...WHOLE.note, message: "y".repeat(2001) });
  assert.equal(
    "event" in note && "message" in note.event && note.event.message,
    `${"y".repeat(2000)}... (2,001 characters)`,
  );
  assert.deepEqual(parsed({ type: "w".repeat(2001) }), {
    unknown: `${"w".repeat(2000)}... (2,001 characters)`,
  });
});

Deno.test("parseEvent: the slowest process is whole or damage", () => {
  const slowest = (value: unknown) => damageOf(stepLine(1, { slowest: value }));
  assert.equal(slowest(null), "its rank is not a whole number from 0 on");
  assert.equal(slowest("node7"), "its rank is not a whole number from 0 on");
  assert.equal(slowest({ rank: 0, times: 2 }), "its host is not a text");
  assert.equal(slowest({ rank: 0, host: "h", times: "2" }), "its times is not a number");
});

Deno.test("parseEvent: subsets of classes are a list of names, classes and shares", () => {
  const subsets = (value: unknown) => damageOf(validationLine(1, 0.5, { subsets: value }));
  assert.equal(subsets({}), "its subsets are no list");
  for (const one of [null, "mIoU", {}, { classes: "road" }, { classes: ["road", 3] }]) {
    assert.equal(subsets([one]), "the classes of a subset are no list of texts");
  }
  assert.equal(subsets([{ classes: [], miou: 0.5 }]), "its name is not a text");
  assert.equal(subsets([{ classes: [], name: "m", miou: 1.5 }]), "its miou is not in 0..1");
  assert.equal(typeof subsets([]), "object");
});

Deno.test("parseEvent: what is no JSON object of a type is damage in words", () => {
  assert.equal(damageOf(""), "it is not JSON");
  assert.equal(damageOf("null"), "it is no JSON object");
  assert.equal(damageOf("[]"), "it is no JSON object");
  assert.equal(damageOf("{}"), "its type is not a text");
  assert.equal(damageOf({ ...WHOLE.note, phase: 3 }), "its phase is not a text");
  assert.deepEqual(parsed({ type: "toString" }), { unknown: "toString" });
  assert.deepEqual(parsed({ type: "" }), { unknown: "" });
});
