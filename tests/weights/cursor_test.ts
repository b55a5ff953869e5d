import assert from "node:assert/strict";
import { Cursor } from "../../weights/cursor.ts";

const BYTES = Uint8Array.of(1, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0x40, 9, 8, 0xc3, 0x9f, 0x0a, 7);

Deno.test("Cursor: numbers are little-endian and move on by their size, f64 is big-endian", () => {
  const cursor = new Cursor(BYTES, "x");
  assert.deepEqual([cursor.u8(), cursor.u16(), cursor.i32(), cursor.at], [1, 0xffff, -2, 7]);
  const large = new Cursor(Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), "x");
  assert.deepEqual([large.u64(), large.u32()], [513, 0xffffffff]);
  assert.equal(new Cursor(Uint8Array.of(0xc0, 4, 0, 0, 0, 0, 0, 0), "x").f64(), -2.5);
});

Deno.test("Cursor: a part of a larger buffer is read from its own beginning", () => {
  const cursor = new Cursor(BYTES.subarray(8), "x");
  assert.deepEqual([cursor.u8(), [...cursor.take(1)], cursor.text(2)], [9, [8], "ß"]);
});

Deno.test("Cursor.take: the bytes themselves, not copied", () => {
  const bytes = Uint8Array.of(1, 2, 3), part = new Cursor(bytes, "x").take(2);
  bytes[0] = 9;
  assert.deepEqual([...part], [9, 2]);
});

Deno.test("Cursor.line: up to the line end, which is passed over", () => {
  const cursor = new Cursor(new TextEncoder().encode("ab\n\nc"), "x");
  assert.deepEqual([cursor.line(), cursor.line(), cursor.at], ["ab", "", 4]);
  assert.throws(() => cursor.line(), {
    name: "DataError",
    message: "x: the file is cut short: a line of its description does not end",
  });
  assert.equal(cursor.at, 4);
});

Deno.test("Cursor: what lies beyond the end is an error, and the place stays", () => {
  const cursor = new Cursor(Uint8Array.of(1, 2, 3), "a.pth");
  cursor.u8();
  for (
    const read of [() => cursor.take(3), () => cursor.u32(), () => cursor.text(1e12), () => cursor.f64()]
  ) {
    assert.throws(
      read,
      /^DataError: a\.pth: the file is cut short: \d+ bytes are announced where 2 are left$/,
    );
    assert.equal(cursor.at, 1);
  }
  assert.deepEqual([...cursor.take(2)], [2, 3]);
  assert.deepEqual([...cursor.take(0)], []);
});

Deno.test("Cursor.fail: the message can be shown on a terminal", () => {
  assert.throws(() => new Cursor(BYTES, "x").fail("a\x1b[2J\nb"), {
    name: "DataError",
    message: "x: a?[2J?b",
  });
});
