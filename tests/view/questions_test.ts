import assert from "node:assert/strict";
import { eventStream, json, page, png, problem } from "../../view/answers.ts";
import { imageQuestion, levelQuestion, rowQuestion } from "../../view/questions.ts";

const LEVEL = {
  checkpoint: "checkpoints/last.safetensors",
  statistics: "running",
  source: "0",
  targetSet: "val",
  target: "2",
  level: "999999999",
};
const READ = {
  checkpoint: "checkpoints/last.safetensors",
  statistics: "running",
  source: 0,
  targetSet: "val",
  target: 2,
  level: 999999999,
};

const query = (more: Readonly<Record<string, string>>) => new URLSearchParams({ ...LEVEL, ...more });

/** The first sentence of what is wrong. */
function refusal(ask: () => unknown): string {
  try {
    ask();
  } catch (error) {
    assert.equal((error as Error).name, "UserError");
    return (error as Error).message;
  }
  return "nothing";
}

Deno.test("levelQuestion: whole numbers and listed words", () => {
  assert.deepEqual(levelQuestion(query({})), READ);
  assert.equal(levelQuestion(query({ statistics: "image", targetSet: "target" })).statistics, "image");
});

Deno.test("levelQuestion: numbers have one to nine digits and nothing else", () => {
  for (const source of ["", "-1", "1.0", "1e3", "0x1", " 1", "1234567890", "١"]) {
    assert.equal(
      refusal(() => levelQuestion(query({ source }))),
      "source: expected a whole number from 0 on",
      source,
    );
  }
});

Deno.test("levelQuestion: each parameter must be there and none beside them", () => {
  for (const name of Object.keys(LEVEL)) {
    const without = query({});
    without.delete(name);
    assert.match(refusal(() => levelQuestion(without)), new RegExp(`^${name}: `));
  }
  assert.match(refusal(() => levelQuestion(query({ more: "1" }))), /^the question: .*more/);
  assert.match(refusal(() => levelQuestion(query({ statistics: "none" }))), /^statistics: /);
  assert.match(refusal(() => levelQuestion(query({ targetSet: "source" }))), /^targetSet: /);
  assert.match(refusal(() => levelQuestion(query({ checkpoint: "" }))), /^checkpoint: /);
  assert.equal(levelQuestion(query({ checkpoint: "c".repeat(200) })).checkpoint.length, 200);
  assert.match(refusal(() => levelQuestion(query({ checkpoint: "c".repeat(201) }))), /^checkpoint: /);
});

Deno.test("rowQuestion: a level's question, the kind of row and its pixel", () => {
  for (const kind of ["forward", "back", "aggregation"]) {
    assert.deepEqual(rowQuestion(query({ kind, pixel: "7" })), { ...READ, kind, pixel: 7 });
  }
  assert.match(refusal(() => rowQuestion(query({ kind: "up", pixel: "7" }))), /^kind: /);
  assert.match(refusal(() => rowQuestion(query({ kind: "back" }))), /^pixel: /);
});

Deno.test("imageQuestion: a set and an index", () => {
  for (const set of ["source", "target", "val"]) {
    assert.deepEqual(imageQuestion(new URLSearchParams({ set, index: "3" })), { set, index: 3 });
  }
  assert.match(refusal(() => imageQuestion(new URLSearchParams({ set: "test", index: "3" }))), /^set: /);
  assert.match(refusal(() => imageQuestion(new URLSearchParams({ set: "val" }))), /^index: /);
});

const ALWAYS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

const DATA = "default-src 'none'; frame-ancestors 'none'; sandbox";

Deno.test("answers: each has the type of what it is, its policy, and the headers of all", async () => {
  const stream = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
  const all: readonly (readonly [Response, type: string, policy: string, status: number])[] = [
    [
      page("<p>"),
      "text/html; charset=utf-8",
      "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      200,
    ],
    [json({ a: 1 }), "application/json; charset=utf-8", DATA, 200],
    [problem({ status: 403, reason: "no" }), "application/json; charset=utf-8", DATA, 403],
    [png(Uint8Array.of(1)), "image/png", DATA, 200],
    [eventStream(stream), "text/event-stream", DATA, 200],
  ];
  for (const [response, type, policy, status] of all) {
    assert.deepEqual(Object.fromEntries(response.headers), {
      ...ALWAYS,
      "content-type": type,
      "content-security-policy": policy,
    });
    assert.equal(response.status, status);
  }
  const bodies = await Promise.all(all.slice(0, 3).map(([response]) => response.text()));
  assert.deepEqual(bodies, ["<p>", '{"a":1}', '{"problem":"no"}']);
});
