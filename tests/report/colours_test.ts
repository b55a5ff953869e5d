import assert from "node:assert/strict";
import { CITYSCAPES_SPACES } from "../../datasets/cityscapes_classes.ts";
import { classColours, distinctColours } from "../../report/colours.ts";

Deno.test("classes have their authors' colours", () => {
  const colours = classColours(CITYSCAPES_SPACES["cityscapes-19"]);
  assert.deepEqual([colours.length, colours[0], colours[13]], [19, [128, 64, 128], [0, 0, 142]]);
  // 13 classes keep the colours they have among 19.
  assert.deepEqual(classColours(CITYSCAPES_SPACES["synthia-13"])[2], [70, 70, 70]);
});

Deno.test("other classes get colours that differ, the same each time, whatever follows", () => {
  const all = distinctColours(255);
  assert.equal(new Set(all.map(String)).size, 255);
  assert.deepEqual(distinctColours(12), all.slice(0, 12));
  assert.deepEqual(classColours({ name: "x", classes: ["a", "b"], ignore: 255 }), all.slice(0, 2));
  const told = [[0, 0, 0], [255, 255, 255], ...all.slice(0, 20)];
  for (const [k, one] of told.entries()) {
    for (const other of told.slice(0, k)) {
      const apart = Math.hypot(...one.map((value, channel) => value - other[channel]!));
      assert.ok(apart > 80, `${one} and ${other}`);
    }
  }
});

Deno.test("no class, no colour", () => assert.deepEqual(distinctColours(0), []));
