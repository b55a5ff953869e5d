import assert from "node:assert/strict";
import { LineSplitter, LONGEST_LINE } from "../../run_folder/lines.ts";

const bytes = new TextEncoder();

/** What a splitter hands on of these parts. */
function linesOf(...parts: readonly (string | Uint8Array)[]): [string | undefined, number][] {
  const splitter = new LineSplitter(), lines: [string | undefined, number][] = [];
  let read = 0;
  for (const part of parts) {
    const added = typeof part === "string" ? bytes.encode(part) : part;
    splitter.add(added, (text, number) => lines.push([text, number]));
    assert.equal(splitter.read, read += added.length);
  }
  return lines;
}

Deno.test("LineSplitter: lines are counted from 1, empty ones too", () => {
  assert.deepEqual(linesOf("a\n\nb\n"), [["a", 1], ["", 2], ["b", 3]]);
  assert.deepEqual(linesOf("\n"), [["", 1]]);
  assert.deepEqual(linesOf(""), []);
});

Deno.test("LineSplitter: what comes after the last line end waits, over any number of parts", () => {
  assert.deepEqual(linesOf("a", "b", "", "c"), []);
  assert.deepEqual(linesOf("a", "b", "c\nd", "\n"), [["abc", 1], ["d", 2]]);
});

Deno.test("LineSplitter: keeps nothing of the bytes that it was handed", () => {
  const part = bytes.encode("half"), splitter = new LineSplitter(), lines: unknown[] = [];
  splitter.add(part, () => {});
  part.fill(0x21);
  splitter.add(bytes.encode("\n"), (text) => lines.push(text));
  assert.deepEqual(lines, ["half"]);
});

Deno.test("LineSplitter: a sign that two parts share is whole, one that is none is shown as such", () => {
  const [first, second] = bytes.encode("ß");
  assert.deepEqual(linesOf(Uint8Array.of(first!), Uint8Array.of(second!, 0x0a)), [["ß", 1]]);
  assert.deepEqual(linesOf(Uint8Array.of(0xff, 0x0a)), [["\ufffd", 1]]);
});

Deno.test("LineSplitter: a line of just the most bytes is read, one of a byte more is not", () => {
  assert.equal(LONGEST_LINE, 2 ** 20);
  const longest = new Uint8Array(LONGEST_LINE).fill(0x61);
  const texts = (...parts: readonly (string | Uint8Array)[]) =>
    linesOf(...parts).map(([text, number]) => [text?.length, number]);
  assert.deepEqual(texts(longest, "\nb\n"), [[LONGEST_LINE, 1], [1, 2]]);
  assert.deepEqual(texts(longest, "a\nb\n"), [[undefined, 1], [1, 2]]);
  assert.deepEqual(texts(longest, "a", "\n", "b\n"), [[undefined, 1], [1, 2]]);
  const whole = new Uint8Array(LONGEST_LINE + 2).fill(0x61);
  whole[LONGEST_LINE + 1] = 0x0a;
  assert.deepEqual(texts(whole), [[undefined, 1]]);
  // The rest of a line that is too long belongs to it, however short that is.
  assert.deepEqual(texts(longest, "a", "short", "end\nnext\n"), [[undefined, 1], [4, 2]]);
});
