import assert from "node:assert/strict";
import { type ClassStyle, plainStyles, safeStyles, worstDistance } from "../../web/palette.ts";

Deno.test("33 classes look different, and those of one pattern differ to colour-blind eyes too", () => {
  const styles = safeStyles(33);
  const look = ({ colour, pattern }: ClassStyle) => `${colour} ${pattern}`;
  assert.equal(new Set(styles.map(look)).size, 33);
  for (const [k, a] of styles.entries()) {
    for (const b of styles.slice(k + 1).filter(({ pattern }) => pattern === a.pattern)) {
      const apart = worstDistance(a.colour, b.colour);
      assert.ok(apart > 0.1, `${look(a)} and ${look(b)}: ${apart}`);
    }
  }
});

Deno.test("a class keeps its look when more classes follow, and from 34 on looks come again", () => {
  assert.deepEqual(safeStyles(40).slice(0, 5), safeStyles(5));
  assert.deepEqual(safeStyles(34)[33], safeStyles(1)[0]);
});

Deno.test("distance is that of the eyes that tell two colours apart worst", () => {
  const near = (value: number, expected: number) =>
    assert.ok(Math.abs(value - expected) < 0.005, String(value));
  near(worstDistance([0, 0, 0], [255, 255, 255]), 1);
  assert.equal(worstDistance([9, 9, 9], [9, 9, 9]), 0);
  // Red and a dark yellow are alike to people with deuteranopia, blue and red to nobody.
  assert.ok(worstDistance([200, 40, 0], [130, 110, 0]) < 0.1);
  assert.ok(worstDistance([255, 0, 0], [0, 0, 255]) > 0.25);
});

Deno.test("a dataset's own colours come without patterns", () => {
  assert.deepEqual(plainStyles([[1, 2, 3]]), [{ colour: [1, 2, 3], pattern: "plain" }]);
});
