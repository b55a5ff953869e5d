/** Damages bytes and texts, by seed. */
import { Random } from "../../core/random.ts";

/** Numbers that formats trip over. */
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

const WORDS = [
  "null",
  "-1",
  "1e308",
  "1e-400",
  ".nan",
  ".inf",
  "2147483648",
  "9007199254740993",
  "[]",
  "{}",
  "''",
  "&a [*a]",
  "*a",
  "<<: *a",
  "!!binary aGk=",
  "../../../../etc/passwd",
  "\u0000",
  "\ud800",
  "__proto__",
  "constructor",
  "\t",
  "- -",
  "? x",
  "|",
  "> ",
  "%YAML 1.1",
  "---",
  "...",
  "x: [".repeat(40),
  "{".repeat(200),
  "a".repeat(5000),
  "0x10",
  "1_000",
];

/** One to eight changes. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let changed = bytes.slice();
  for (let k = random.integer(1, 8); k > 0; k--) {
    changed = CHANGES[random.integer(0, CHANGES.length - 1)]!(changed, random);
  }
  return changed;
}

type Change = (bytes: Uint8Array<ArrayBuffer>, random: Random) => Uint8Array<ArrayBuffer>;

/** A place of the array, headers more often than the rest. */
function place(bytes: Uint8Array, random: Random, length = 1): number {
  const end = Math.max(0, bytes.length - length);
  return random.integer(0, random.next() < 0.5 ? Math.min(end, 200) : end);
}

const CHANGES: readonly Change[] = [
  (bytes, random) => {
    if (bytes.length > 0) bytes[place(bytes, random)]! ^= 1 << random.integer(0, 7);
    return bytes;
  },
  (bytes, random) => {
    if (bytes.length > 0) bytes[place(bytes, random)] = random.integer(0, 255);
    return bytes;
  },
  (bytes, random) => bytes.slice(0, random.integer(0, bytes.length)),
  (bytes, random) => {
    const at = place(bytes, random), gone = random.integer(1, 64);
    return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + gone)]);
  },
  (bytes, random) => {
    const from = place(bytes, random), to = place(bytes, random);
    return Uint8Array.from([
      ...bytes.subarray(0, to),
      ...bytes.subarray(from, from + random.integer(1, 64)),
      ...bytes.subarray(to),
    ]);
  },
  ...[1, 2, 4, 8].map((width): Change => (bytes, random) => {
    if (bytes.length < width) return bytes;
    const view = new DataView(bytes.buffer), at = place(bytes, random, width);
    const value = EXTREMES[random.integer(0, EXTREMES.length - 1)]!, little = random.next() < 0.5;
    if (width === 1) view.setUint8(at, value & 0xff);
    else if (width === 2) view.setUint16(at, value & 0xffff, little);
    else if (width === 4) view.setUint32(at, value, little);
    else view.setBigUint64(at, random.next() < 0.5 ? 2n ** 40n : BigInt(value), little);
    return bytes;
  }),
];

/** Changes of words and lines besides those of bytes. */
export function mutateText(text: string, random: Random): string {
  let changed = text;
  for (let k = random.integer(1, 4); k > 0; k--) {
    const lines = changed.split("\n");
    const line = random.integer(0, lines.length - 1);
    const word = WORDS[random.integer(0, WORDS.length - 1)]!;
    switch (random.integer(0, 6)) {
      case 0:
        lines[line] = lines[line]!.replace(/:.*/, `: ${word}`);
        break;
      case 1:
        lines.splice(line, 1);
        break;
      case 2:
        lines.splice(line, 0, lines[random.integer(0, lines.length - 1)]!);
        break;
      case 3:
        lines[line] = `${" ".repeat(random.integer(0, 9))}${lines[line]!.trimStart()}`;
        break;
      case 4:
        lines[line] = lines[line]!.replace(/[\w.-]+$/, word);
        break;
      case 5:
        lines[line] += word;
        break;
      default: {
        const bytes = mutateBytes(new TextEncoder().encode(changed), random);
        changed = new TextDecoder().decode(bytes);
        continue;
      }
    }
    changed = lines.join("\n");
  }
  return changed;
}

/** The stream of one input: it can be repeated alone. */
export function inputRandom(target: string, number: number): Random {
  return Random.stream(number, `fuzz/${target}`);
}
