/** What terms and streams read, in one form: the short form, views by several readers, and streams. */
import assert from "node:assert/strict";
import { neededStreams, type NeededView, neededViews, unionOf, viewKey } from "../../core/needs.ts";

const layer3 = { name: "layer3" }, layer4 = { name: "layer4" };

/** A view of which nothing is asked. */
function plain(stream: string, by = "student"): NeededView {
  return { stream, by, taps: [], labelResolution: false, labels: false };
}

Deno.test("neededViews: taps alone are the student's views of source and target, the source with labels", () => {
  assert.deepEqual(neededViews({ taps: [layer4], labelResolution: true }), [
    { ...plain("source"), taps: [layer4], labelResolution: true, labels: true },
    { ...plain("target"), taps: [layer4] },
  ]);
  assert.deepEqual(neededViews({ taps: [], target: false }), [{ ...plain("source"), labels: true }]);
  assert.deepEqual(neededViews({ taps: [], target: true }).length, 2);
});

Deno.test("neededViews: without taps the short form asks for nothing, whatever else it says", () => {
  assert.deepEqual(neededViews({}), []);
  assert.deepEqual(neededViews({ labelResolution: true, target: true, streams: ["a"] }), []);
});

Deno.test("neededViews: a view is the student's and asks for nothing unless it says so", () => {
  assert.deepEqual(neededViews({ views: [{ stream: "mixed" }] }), [plain("mixed")]);
  const asking = { stream: "mixed", by: "teacher", taps: [layer3], labelResolution: true, labels: true };
  assert.deepEqual(neededViews({ views: [{ ...asking, flows: true, at: ["losses", 0] }] }), [
    { ...asking, flows: true },
  ]);
  assert.ok(!("flows" in neededViews({ views: [{ ...asking, flows: false }] })[0]!));
});

Deno.test("neededViews: the short form comes first, and joins the views of its streams", () => {
  const found = neededViews({
    taps: [layer4],
    views: [{ stream: "mixed" }, { stream: "target", taps: [layer3] }],
  });
  assert.deepEqual(found, [
    { ...plain("source"), taps: [layer4], labels: true },
    { ...plain("target"), taps: [layer4, layer3] },
    plain("mixed"),
  ]);
});

Deno.test("unionOf: what any reader asks of a view the view has, in the place of the first", () => {
  const asked = [
    { labelResolution: true },
    { labels: true },
    { flows: true },
    { taps: [layer3] },
  ] as const;
  for (const more of asked) {
    for (const order of [[{}, more], [more, {}]]) {
      const [first, ...others] = unionOf(order.map((one) => ({ ...plain("source"), ...one })));
      assert.deepEqual([first, others], [{ ...plain("source"), ...more }, []]);
    }
  }
  const views = [plain("b"), plain("a"), { ...plain("b"), taps: [layer4] }, plain("b", "teacher")];
  assert.deepEqual(unionOf(views).map(({ stream, by, taps }) => [stream, by, taps.length]), [
    ["b", "student", 1],
    ["a", "student", 0],
    ["b", "teacher", 0],
  ]);
  assert.deepEqual(unionOf([]), []);
});

Deno.test("viewKey: network and stream decide, and nothing else", () => {
  const labelled: NeededView = { ...plain("a"), labels: true };
  assert.equal(viewKey(plain("a")), viewKey(labelled));
  assert.notEqual(viewKey(plain("a", "b")), viewKey(plain("b", "a")));
});

Deno.test("neededStreams: the streams of views and those whose images are read, none twice", () => {
  const needs = { taps: [], views: [{ stream: "mixed" }], streams: ["target", "third", "third"] };
  assert.deepEqual(neededStreams(needs), ["source", "target", "mixed", "third"]);
  assert.deepEqual(neededStreams({}), []);
});
