import assert from "node:assert/strict";
import { notAFile, type PathFacts } from "../../core/file_kind.ts";

const NOTHING: PathFacts = {
  isFile: false,
  isDirectory: false,
  isBlockDevice: null,
  isCharDevice: null,
  isFifo: null,
  isSocket: null,
};

const KINDS: readonly (readonly [keyof PathFacts, string | undefined])[] = [
  ["isFile", undefined],
  ["isDirectory", "a folder"],
  ["isBlockDevice", "a device"],
  ["isCharDevice", "a device"],
  ["isFifo", "a pipe"],
  ["isSocket", "a socket"],
];

Deno.test("what is no file is called by its name", () => {
  for (const [key, name] of KINDS) assert.equal(notAFile({ ...NOTHING, [key]: true }), name, key);
  assert.equal(notAFile(NOTHING), "something without a content of its own");
});
