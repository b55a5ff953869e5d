import assert from "node:assert/strict";
import { notWeights } from "../../weights/not_weights.ts";

const text = (words: string) => new TextEncoder().encode(words);

const ARCHIVES: readonly (readonly [readonly number[], string])[] = [
  [[0x1f, 0x8b, 8], "a gzip archive; unpack it first, as with tar xf or gunzip"],
  [[0x42, 0x5a, 0x68, 0x39], "a bzip2 archive; unpack it first, as with tar xf or bunzip2"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "an xz archive; unpack it first, as with tar xf or unxz"],
  [[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0], "a 7z archive; unpack it first"],
  [[0x52, 0x61, 0x72, 0x21, 0x1a], "a RAR archive; unpack it first"],
  [
    [0x89, 0x48, 0x44, 0x46, 0x0d],
    "an HDF5 file, as Keras writes it; plca reads the files of torch.save and safetensors; convert it to one of them",
  ],
];

for (const [start, message] of ARCHIVES) {
  Deno.test(`notWeights: ${message.split(";")[0]} by its first bytes, all of them`, () => {
    assert.equal(notWeights(Uint8Array.from([...start, 0, 1])), message);
    assert.notEqual(notWeights(Uint8Array.from([...start.slice(0, 1), 0, 0, 1, 0, 0, 0])), message);
    // The length of a safetensors file's header may be these bytes; its brace tells.
    const safetensors = Uint8Array.from([
      ...start.slice(0, 8),
      ...Array(8 - Math.min(8, start.length)).fill(0),
    ]);
    assert.equal(notWeights(Uint8Array.from([...safetensors, 0x7b, 0x7d])), undefined);
  });
}

Deno.test("notWeights: what weights begin with is nothing that is recognised", () => {
  assert.equal(notWeights(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0)), undefined);
  assert.equal(notWeights(Uint8Array.of(0x80, 2, 0x8a, 10)), undefined);
  assert.equal(notWeights(Uint8Array.of(0x10, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x22)), undefined);
  assert.equal(notWeights(text("   \n")), undefined);
});

Deno.test("notWeights: a pointer of Git LFS, with the size of the file that it stands for", () => {
  const pointer = (size: string) =>
    notWeights(text(`version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n${size}`));
  const of = (size: string) =>
    `a Git LFS pointer, a few lines that stand for the file itself${size}, which was not fetched; ` +
    "fetch it with git lfs install and git lfs pull in that repository, or download it from its page";
  assert.equal(pointer("size 178793939\n"), of(" (178.8 MB)"));
  assert.equal(pointer("size 100000\n"), of(" (0.1 MB)"));
  assert.equal(pointer("size 99999\n"), of(" (99999 bytes)"));
  assert.equal(pointer(""), of(""));
  assert.equal(pointer("size 1234567890123456\n"), of(""));
});

Deno.test("notWeights: a page by its title, whatever that holds", () => {
  const called = (html: string) => /called "(.*)" and/.exec(notWeights(text(html))!)?.[1];
  assert.equal(called("<!DOCTYPE html><html><title lang='en'> Sign in \n</title>"), "Sign in");
  assert.equal(called("\n\n<HTML><TITLE>a\x1b[2Jb</TITLE>"), "a?[2Jb");
  assert.equal(called("<html><title>a\u202eb</title>"), "a[U+202E]b");
  assert.equal(called("<html><title></title>"), undefined);
  assert.match(notWeights(text("<head>"))!, /^an HTML page and not the file: /);
  assert.match(notWeights(text("<header>"))!, /^a text that begins with "<header>": an answer of a server/);
});

Deno.test("notWeights: a text is quoted by its first line, cut to 40 characters", () => {
  const quoted = (words: string) => /begins with ("[^;:]*")[;:]/.exec(notWeights(text(words))!)?.[1];
  assert.equal(quoted("a".repeat(40)), `"${"a".repeat(40)}"`);
  assert.equal(quoted("a".repeat(41)), `"${"a".repeat(40)}..."`);
  assert.equal(quoted("one\r\ntwo"), '"one"');
  assert.equal(quoted("[1, 2]\n"), '"[1, 2]"');
  assert.equal(
    notWeights(text("import torch\n")),
    'a text that begins with "import torch"; expected a checkpoint as torch.save or safetensors write it',
  );
});

Deno.test("notWeights: only the first 4096 bytes are looked at, a sign that is cut there is no matter", () => {
  const long = new Uint8Array(5000).fill(0x61);
  long[4096] = 0;
  assert.match(notWeights(long)!, /^a text that begins with "aaaa/);
  long[4095] = 0;
  assert.equal(notWeights(long), undefined);
  long[4095] = 0xc3;
  assert.match(notWeights(long)!, /^a text that begins with "aaaa/);
});
