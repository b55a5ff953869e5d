/** Streams whose images are those of other streams: each mistake with its position, and what is read for a good one. */
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import { loadRecipe } from "../../config/load.ts";
import { ConfigError } from "../../core/errors.ts";
import { readStreams } from "../../core/step_plan.ts";
import { stepLines } from "../../report/step_text.ts";

function load(text: string) {
  return loadRecipe({ path: "mine.yaml", text: `extends: street\nbaseline: null\n${text}` }, {
    registry: builtins(),
    cwd: "/",
    readText: (path) => Deno.readTextFile(path),
  });
}

async function mistakes(text: string): Promise<string> {
  try {
    await load(text);
    return "";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

function joining(of: string, more = ""): string {
  return `losses: { cross-entropy: { options: { stream: mixed } } }\nstreams:\n${more}` +
    `  mixed: { dataset: { type: joined, of: [{ stream: ${of} }] } }\n`;
}

const cases: readonly (readonly [what: string, text: string, message: string])[] = [
  [
    "an unknown stream",
    joining("sorce"),
    'mine.yaml:5:52 streams.mixed.dataset.of[0].stream: there is no stream "sorce"; did you mean "source"?',
  ],
  [
    "the target, whose labels training does not read",
    joining("target"),
    'mine.yaml:5:52 streams.mixed.dataset.of[0].stream: takes labels of "target", which training does not read; name a ' +
    "labelled stream",
  ],
  [
    "a stream of its own images",
    joining("other", "  other: { dataset: { type: joined, of: [{ stream: mixed }] } }\n"),
    "mine.yaml:5:52 streams.other.dataset.of[0].stream: takes images from itself\n" +
    "mine.yaml:6:52 streams.mixed.dataset.of[0].stream: takes images from itself",
  ],
  [
    "a stream that is made",
    joining("cut", "  cut: { type: class-mix }\n") + "networks: { teacher: { type: ema } }\n",
    'mine.yaml:6:52 streams.mixed.dataset.of[0].stream: the stream "cut" is made in each step; expected one that is read',
  ],
  [
    "a job of joined images",
    "streams:\n  mixed: { dataset: { type: joined, of: [{ stream: source }] } }\n" +
    "phases:\n  - name: one\n    before: [{ type: pseudo-labels, options: { of: mixed } }]\n" +
    "    streams: { target: { job: pseudo-labels } }\n",
    'mine.yaml:7:37 phases[0].before[0].options: goes through the stream "mixed", whose images are those of other ' +
    "streams; name one of these",
  ],
];

for (const [what, text, message] of cases) {
  Deno.test(`${what} is refused`, async () => assert.equal(await mistakes(text), message));
}

Deno.test("only the joined stream is loaded, and the step says of what it is", async () => {
  const { phases } = await load(joining("source }, { stream: source, mark: 0"));
  const [phase] = phases;
  assert.deepEqual(readStreams(phase!), ["target", "source", "mixed"]);
  const read = stepLines(phase!).find((line) => line.startsWith("read"));
  assert.equal(read, "read target, source with labels, mixed (of source and source) with labels");
});
