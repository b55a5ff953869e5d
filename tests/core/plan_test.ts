/** Small questions about plans: parts of a phase, streams behind streams, names of random streams. */
import assert from "node:assert/strict";
import {
  drawnFrom,
  drawnName,
  isMade,
  isRead,
  lastPhase,
  plannedParts,
  type PlannedStream,
  streamsBehind,
} from "../../core/plan.ts";
import { tinyData, tinyPlan } from "../train/fakes.ts";

const place = (name: string) => ({ name, at: [], origin: "recipe.yaml" });

/** A stream that takes images from these. */
function joined(name: string, ...streams: string[]): PlannedStream {
  const dataset = {
    ...tinyData(),
    ...(streams.length > 0 ? { streams: streams.map((stream) => ({ stream, at: [] })) } : {}),
  };
  return { ...place(name), labels: true, dataset };
}

const fromJob: PlannedStream = { ...place("pseudo"), labels: true, job: "labels" };
const made: PlannedStream = {
  ...place("mixed"),
  plan: { needs: {}, create: () => assert.fail("nothing is allocated") },
};

Deno.test("drawnName: a phase's own draws stand before the name, and those of the first phase are plain", () => {
  assert.equal(drawnName({}, "loader/source"), "loader/source");
  assert.equal(drawnName({ draws: "round 2" }, "loader/source"), "round 2/loader/source");
});

Deno.test("lastPhase and plannedParts: the phase that is judged, and all that its plugins make", () => {
  const plan = tinyPlan({ baseline: { name: "baseline", losses: [] }, streams: [made] });
  assert.equal(lastPhase(plan).name, "tiny");
  assert.deepEqual(plannedParts(lastPhase(plan)).map(({ name }) => name), [
    "ce",
    "target",
    "source",
    "mixed",
  ]);
});

Deno.test("isRead and isMade: streams of datasets and jobs are read, the others made", () => {
  assert.deepEqual([joined("a"), fromJob, made].map(isRead), [true, true, false]);
  assert.deepEqual([joined("a"), fromJob, made].map(isMade), [false, false, true]);
});

Deno.test("drawnFrom: only a dataset of other streams' images names streams", () => {
  assert.deepEqual([joined("a", "b", "c"), joined("a"), fromJob, made].map(drawnFrom), [
    ["b", "c"],
    [],
    [],
    [],
  ]);
});

Deno.test("streamsBehind: a stream first, then all that it takes images from, each once", () => {
  const all = [joined("a", "b", "c", "nowhere"), joined("b", "c"), joined("c"), joined("d")];
  const names = (from: number) => streamsBehind(all, all[from]!).map(({ name }) => name);
  assert.deepEqual(names(0), ["a", "b", "c"]);
  assert.deepEqual(names(3), ["d"]);
  const circle = [joined("a", "b"), joined("b", "a")];
  assert.deepEqual(streamsBehind(circle, circle[1]!).map(({ name }) => name), ["b", "a"]);
});
