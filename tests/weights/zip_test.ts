/** Checksums of PyTorch's zip files. */
import assert from "node:assert/strict";
import { unzipSync, zipSync } from "fflate";
import { DataError } from "../../core/errors.ts";
import { readWeights } from "../../weights/read.ts";
import { withoutChecksums } from "./zip_files.ts";

const golden = (name: string) => Deno.readFileSync(new URL(`../goldens/torch/${name}`, import.meta.url));

const stored = (bytes: Uint8Array) =>
  [...readWeights(bytes, "x.pth").tensors].map(([name, tensor]) => [name, tensor.read()]);

/** The first place of these bytes. */
const placeOf = (bytes: Uint8Array, part: Uint8Array) =>
  bytes.findIndex((_, at) => part.every((byte, k) => bytes[at + k] === byte));

Deno.test("any one bit flipped in a tensor is an error that names its entry and both checksums", () => {
  const whole = golden("bare_state_dict.pth");
  const entries = unzipSync(whole);
  const name = Object.keys(entries).find((path) => path.endsWith("/data/0"))!;
  const [content, start] = [entries[name]!, placeOf(whole, entries[name]!)];
  assert.equal(content.length, 864);
  for (let k = 0; k < content.length; k++) {
    const bytes = whole.slice();
    bytes[start + k]! ^= 1 << (k % 8);
    assert.throws(() => readWeights(bytes, "x.pth"), (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.match(
        error.message,
        /^x\.pth: the file is damaged: bare_state_dict\/data\/0 in it has the checksum [0-9a-f]{8}, and had ([0-9a-f]{8}) when it was written; copy or download it again$/,
      );
      return true;
    });
  }
});

Deno.test("any one byte flipped anywhere is an error in one line, or changes no tensor", () => {
  const whole = golden("bare_state_dict.pth");
  const original = stored(whole);
  let refused = 0;
  for (let at = 0; at < whole.length; at++) {
    const bytes = whole.slice();
    bytes[at]! ^= 0xff;
    try {
      assert.deepEqual(stored(bytes), original, `byte ${at}`);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      assert.match(error.message, /^x\.pth: [^\n]+$/);
      refused++;
    }
  }
  const contents = Object.values(unzipSync(whole)).reduce((sum, { length }) => sum + length, 0);
  assert.ok(refused >= contents, `${refused} of ${whole.length} refused, ${contents} of them contents`);
});

Deno.test("a checksum that was not written is not compared", () => {
  const whole = golden("bare_state_dict.pth");
  const bytes = withoutChecksums(whole);
  assert.notDeepEqual(bytes, whole);
  assert.deepEqual(stored(bytes), stored(whole));
});

Deno.test("compressed archives, and the records of 64 bits that PyTorch writes, are compared alike", () => {
  const whole = golden("bare_state_dict.pth");
  const long = whole.slice();
  // The directory's place in the record of 32 bits.
  long.fill(0xff, whole.length - 6, whole.length - 2);
  for (const bytes of [zipSync(unzipSync(whole), { level: 9 }), long]) {
    assert.deepEqual(stored(bytes), stored(whole));
    const directory = bytes.findLastIndex((_, at) =>
      [0x50, 0x4b, 1, 2].every((byte, k) => bytes[at + k] === byte)
    );
    bytes[directory + 16]! ^= 1;
    assert.throws(
      () => stored(bytes),
      /^DataError: x\.pth: the file is damaged: bare_state_dict\/version in it/,
    );
  }
});
