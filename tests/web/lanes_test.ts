import assert from "node:assert/strict";
import type { ReportData, ReportPhase } from "../../report/report_data.ts";
import { lineDash, lineStroke } from "../../web/lines.ts";
import { curveNames, lanesOf, manySeries, seriesOf } from "../../web/report/lanes.ts";

const curve = (...y: number[]) => ({ x: y.map((_, k) => k + 1), y });

const phase = (name: string, curves: ReportPhase["curves"] = {}) => ({ name, curves }) as ReportPhase;

const dataOf = (...runs: readonly (readonly [title: string, phases: readonly ReportPhase[]])[]) =>
  ({ runs: runs.map(([title, phases]) => ({ title, phases })) }) as unknown as ReportData;

const lanes = (data: ReportData, runs = [...data.runs.keys()]) =>
  lanesOf(data, { classes: [], colours: [], runs });
const looks = (data: ReportData, runs?: number[]) =>
  lanes(data, runs).map(({ title, colour, dash, later }) => [title, colour, dash, later]);

Deno.test("lanesOf: a run alone has a colour for each phase, and grey for the first of several", () => {
  assert.deepEqual(looks(dataOf(["a-001", [phase("a")]])), [["a", 0, 0, 0]]);
  assert.deepEqual(looks(dataOf(["a-001", [phase("source-only"), phase("warm-up"), phase("a")]])), [
    ["source-only", 6, 0, 2],
    ["warm-up", 1, 0, 1],
    ["a", 0, 0, 0],
  ]);
  assert.deepEqual(looks(dataOf(["a-001", [phase("source-only"), phase("a")]])), [
    ["source-only", 6, 0, 1],
    ["a", 0, 0, 0],
  ]);
  // A phase without a name.
  assert.deepEqual(looks(dataOf(["a-001", [phase("")]])), [["a-001", 0, 0, 0]]);
});

Deno.test("lanesOf: several runs have a colour each, their earlier phases a dash each", () => {
  const data = dataOf(["x", [phase("p"), phase("q")]], ["y", [phase("p")]], ["z", [phase("p"), phase("q")]]);
  assert.deepEqual(looks(data), [
    ["x, p", 0, 1, 1],
    ["x", 0, 0, 0],
    ["y", 1, 0, 0],
    ["z, p", 2, 1, 1],
    ["z", 2, 0, 0],
  ]);
  // Of a group only its runs, with colours of their own.
  assert.deepEqual(looks(data, [1, 2]).map(([title, colour]) => [title, colour]), [
    ["y", 0],
    ["z, p", 1],
    ["z", 1],
  ]);
});

Deno.test("seriesOf: one curve for each lane that has points, in the lane's look", () => {
  const data = dataOf(
    ["x", [phase("p", { total: curve(5, 4) })]],
    ["y", [phase("p")]],
    ["z", [phase("p", { total: curve() })]],
    ["w", [phase("p", { total: curve(1) })]],
  );
  assert.deepEqual(seriesOf(lanes(data), ({ curves }) => curves["total"]), [
    { name: "x", x: [1, 2], y: [5, 4], colour: 0, dash: 0 },
    { name: "w", x: [1], y: [1], colour: 3, dash: 0 },
  ]);
});

Deno.test("manySeries: a colour for each name, a dash for each lane; the lane is named where there are several", () => {
  const names = new Map([["a", "first"], ["b", "second"]]);
  const one = dataOf(["x", [phase("p", { a: curve(1), b: curve(2) })]]);
  assert.deepEqual(manySeries(lanes(one), names).map(({ name, colour, dash }) => [name, colour, dash]), [
    ["first", 0, 0],
    ["second", 1, 0],
  ]);
  const two = dataOf(
    ["x", [phase("p", { a: curve(1) })]],
    ["none", [phase("p", { c: curve(1) })]],
    ["y", [phase("p", { a: curve(), b: curve(2) })]],
  );
  assert.deepEqual(manySeries(lanes(two), names).map(({ name, colour, dash }) => [name, colour, dash]), [
    ["first · x", 0, 0],
    ["second · y", 1, 1],
  ]);
  assert.deepEqual(manySeries(lanes(two), new Map()), []);
});

Deno.test("curveNames: each once, in the order in which they first occur", () => {
  const data = dataOf(["x", [
    phase("p", { b: curve(1), a: curve(1) }),
    phase("q", { c: curve(), a: curve(1) }),
  ]]);
  assert.deepEqual(curveNames(lanes(data)), ["b", "a", "c"]);
});

Deno.test("lineStroke and lineDash: 32 looks, which then come again", () => {
  const look = (k: number) => `${lineStroke(k)} ${lineDash(Math.floor(k / 8))}`;
  assert.equal(new Set(Array.from({ length: 32 }, (_, k) => look(k))).size, 32);
  assert.equal(look(32), look(0));
  assert.deepEqual([lineStroke(0), lineStroke(7), lineStroke(8)], ["--line-0", "--line-7", "--line-0"]);
  assert.deepEqual([lineDash(0), lineDash(4)], [[], []]);
});
