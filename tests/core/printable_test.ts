import assert from "node:assert/strict";
import { printable, shortened, visible } from "../../core/printable.ts";

Deno.test("on a terminal a text moves no cursor, ends no line and does not turn around", () => {
  assert.equal(printable("a\x1b[31m\r\nb\x9b"), "a?[31m??b?");
  assert.equal(
    printable("car\u202egpj.exe \u202a\u2066\u2069\u200e\u200f\u061c"),
    "car[U+202E]gpj.exe [U+202A][U+2066][U+2069][U+200E][U+200F][U+061C]",
  );
  assert.equal(printable("straße 道"), "straße 道");
});

Deno.test("characters that show nothing are written out on a page", () => {
  const unseen = "\u061c\u00ad\u180e\u034f\u115f\u3164\ufe0f\ufff9\ufffb\u{e0001}\u{e007f}";
  assert.equal(
    visible(`a${unseen}b`),
    "a[U+061C][U+00AD][U+180E][U+034F][U+115F][U+3164][U+FE0F][U+FFF9][U+FFFB][U+E0001][U+E007F]b",
  );
  assert.equal(visible("道\u{1f697}"), "道\u{1f697}");
});

Deno.test("of a text that is too long the beginning is kept, and no half character", () => {
  assert.equal(shortened("x".repeat(2000)), "x".repeat(2000));
  assert.equal(shortened("x".repeat(2001)), `${"x".repeat(2000)}... (2,001 characters)`);
  assert.equal(shortened("x".repeat(1999) + "\u{1f697}"), `${"x".repeat(1999)}... (2,001 characters)`);
});
