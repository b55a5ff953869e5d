/** What a mistyped name is taken for. */
import assert from "node:assert/strict";
import { nearest, suggestion } from "../../core/suggest.ts";

Deno.test("nearest: a name two edits away is near, three away only of nine letters and more", () => {
  assert.equal(nearest("layr3", ["layer1", "layer3"]), "layer3");
  assert.equal(nearest("ab", ["abcd"]), "abcd");
  assert.equal(nearest("ab", ["abcde"]), undefined);
  assert.equal(nearest("abcdefgh", ["abcde"]), undefined, "three edits of eight letters");
  assert.equal(nearest("abcdefghi", ["abcdef"]), "abcdef", "three edits of nine letters");
  assert.equal(nearest("a", []), undefined);
});

Deno.test("suggestion: the near name, else all that are known, and nothing where nothing is known", () => {
  assert.equal(suggestion("layr4", ["layer4", "logits"]), '; did you mean "layer4"?');
  assert.equal(suggestion("features", ["layer4", "logits"]), "; expected one of layer4, logits");
  assert.equal(suggestion("features", []), "");
});
