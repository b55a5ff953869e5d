/**
 * What lies where a file of weights was expected. Downloads leave much that has the right name: an HTML page
 * to sign in, a pointer of Git LFS, an archive around the file, nothing at all. "Invalid header" would send a
 * person searching; so the usual cases are recognised and named. Pure.
 */
import { printable } from "../core/printable.ts";
import { megabytes } from "../core/words.ts";

/** Bytes that are looked at. */
const LOOKED_AT = 4096;

/** First bytes of archives and other formats, what they are, and what to do. */
const STARTS: readonly (readonly [bytes: readonly number[], kind: string, remedy: string])[] = [
  [[0x1f, 0x8b], "a gzip archive", "unpack it first, as with tar xf or gunzip"],
  [[0x42, 0x5a, 0x68], "a bzip2 archive", "unpack it first, as with tar xf or bunzip2"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "an xz archive", "unpack it first, as with tar xf or unxz"],
  [[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], "a 7z archive", "unpack it first"],
  [[0x52, 0x61, 0x72, 0x21], "a RAR archive", "unpack it first"],
  [
    [0x89, 0x48, 0x44, 0x46],
    "an HDF5 file, as Keras writes it",
    "plca reads the files of torch.save and safetensors; convert it to one of them",
  ],
];

/**
 * What the bytes are and what to do, to follow "it is"; undefined: nothing that is recognised, which is right
 * for weights.
 */
export function notWeights(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) {
    return "an empty file: a download or copy that never began or was stopped; get it again";
  }
  // A safetensors file may begin with any two bytes, but has a brace after the length.
  for (const [start, kind, remedy] of bytes[8] === 0x7b ? [] : STARTS) {
    if (start.every((byte, k) => bytes[k] === byte)) return `${kind}; ${remedy}`;
  }
  const text = asText(bytes.subarray(0, LOOKED_AT));
  if (text === undefined) return undefined;
  if (text.startsWith("version https://git-lfs.github.com/spec/")) return pointer(text);
  if (/^<(?:!doctype\s+html|html|head|body)\b/i.test(text)) return page(text);
  if (text.startsWith("<")) {
    return `a text that begins with ${
      quoted(text)
    }: an answer of a server instead of the file; download it again`;
  }
  if (/^[[{]/.test(text)) {
    return `a JSON text that begins with ${
      quoted(text)
    }: an answer of a server or a description instead of the weights; download the file itself`;
  }
  return `a text that begins with ${
    quoted(text)
  }; expected a checkpoint as torch.save or safetensors write it`;
}

/** The bytes as text, without a byte order mark and blanks in front; undefined when they are no text. */
function asText(bytes: Uint8Array): string | undefined {
  // A character may be cut at the end.
  const text = new TextDecoder().decode(bytes).replace(/\ufffd$/, "").trimStart();
  // deno-lint-ignore no-control-regex
  return text === "" || /[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]/.test(text) ? undefined : text;
}

/** What a pointer of Git LFS is, with the size of the file that it stands for. */
function pointer(text: string): string {
  const [, size] = /^size (\d{1,15})$/m.exec(text) ?? [];
  const of = size === undefined ? "" : ` (${sizeText(Number(size))})`;
  return `a Git LFS pointer, a few lines that stand for the file itself${of}, which was not fetched; ` +
    "fetch it with git lfs install and git lfs pull in that repository, or download it from its page";
}

function sizeText(bytes: number): string {
  return bytes < 1e5 ? `${bytes} bytes` : megabytes(bytes);
}

/** What an HTML page is, by its title. */
function page(text: string): string {
  const [, title] = /<title[^>]*>\s*([^<]{1,200}?)\s*<\/title>/i.exec(text) ?? [];
  const called = title === undefined ? "" : ` called "${printable(title)}"`;
  return `an HTML page${called} and not the file: a page to sign in, to confirm or about an error was saved in its ` +
    "place; open the address in a browser and download the file itself";
}

/** The first line of a text in quotes, cut to 40 characters. */
function quoted(text: string): string {
  const [line] = text.split(/\r?\n/);
  return JSON.stringify(printable(line!.length > 40 ? `${line!.slice(0, 40)}...` : line!));
}
