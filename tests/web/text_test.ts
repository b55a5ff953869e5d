import assert from "node:assert/strict";
import { duration, milliseconds, moment, number, percent, points, visible } from "../../web/text.tsx";

Deno.test("shares, their differences, numbers and durations as people read them", () => {
  assert.deepEqual([0.3401, 0, null, undefined].map(percent), ["34.0", "0.0", "–", "–"]);
  assert.deepEqual(
    [
      points(0.1, 0.256),
      points(0.3, 0.296),
      points(0.3, 0.29999),
      points(0.3, 0.3),
      points(null, 1),
      points(1, null),
    ],
    ["+15.6", "−0.4", "0.0", "0.0", "–", "–"],
  );
  assert.deepEqual(
    [0, 1.23456, 12345.6, -2, 0.000012, 123456789, NaN, null].map(number),
    ["0", "1.235", "12,346", "−2", "1.20e−5", "1.23e+8", "NaN", "–"],
  );
  assert.deepEqual([9.84, 309, 3909].map(duration), ["9.8 s", "5:09", "1:05:09"]);
  assert.deepEqual([0.000988, 4.702, 0, null].map(milliseconds), ["0.988", "4,702", "0", "–"]);
  assert.match(moment("2030-01-02T12:04:05.000Z"), /^[123] Jan 2030, \d\d:\d\d$/);
  assert.deepEqual(["soon", "2030-99-02T12:04:05Z"].map(moment), ["soon", "2030-99-02T12:04:05Z"]);
});

Deno.test("characters that show nothing or turn the text around are written out", () => {
  assert.equal(visible("a\u202egpj.exe\x1b[31m\u200b\ufeff"), "a[U+202E]gpj.exe[U+001B][31m[U+200B][U+FEFF]");
  assert.equal(visible("straße\n道\t"), "straße\n道\t");
});
