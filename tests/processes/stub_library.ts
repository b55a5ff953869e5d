/**
 * Shared libraries without a compiler: files of ELF that hold nothing but the names of functions. Calling one would crash; what
 * looks for names finds them.
 */

/** ELF's numbers of processors. */
const MACHINES: Readonly<Record<string, number>> = { x86_64: 62, aarch64: 183 };

/** Whether the system loads such libraries. */
export const hasElf = Deno.build.os === "linux" && Deno.build.arch in MACHINES;

/** Offsets in the file, which are addresses as well: all of it is loaded as it lies. */
const PROGRAM = 64, DYNAMIC = 256, TABLES = 512;

/** The bytes of a library with these functions. */
export function stubLibrary(names: readonly string[]): Uint8Array<ArrayBuffer> {
  const symbols = TABLES, hash = symbols + 24 * (1 + names.length);
  const texts = hash + 4 * (2 + 1 + 1 + names.length), strings = `\0${names.join("\0")}\0`;
  const size = texts + strings.length;
  const bytes = new Uint8Array(size), view = new DataView(bytes.buffer);
  const u16 = (at: number, value: number) => view.setUint16(at, value, true);
  const u32 = (at: number, value: number) => view.setUint32(at, value, true);
  const u64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  u16(16, 3); // a shared object
  u16(18, MACHINES[Deno.build.arch]!);
  u32(20, 1);
  u64(32, PROGRAM);
  u16(52, 64);
  u16(54, 56);
  u16(56, 2);
  const segment = (k: number, [type, flags, at, length, align]: readonly number[]) => {
    const place = PROGRAM + 56 * k;
    u32(place, type!);
    u32(place + 4, flags!);
    for (const offset of [8, 16, 24]) u64(place + offset, at!);
    for (const offset of [32, 40]) u64(place + offset, length!);
    u64(place + 48, align!);
  };
  // One segment that is loaded, writable because the loader writes into the dynamic one.
  segment(0, [1, 6, 0, size, 0x1000]);
  segment(1, [2, 6, DYNAMIC, 16 * 6, 8]);
  // DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, and the end.
  const entries = [[4, hash], [5, texts], [6, symbols], [10, strings.length], [11, 24], [0, 0]];
  entries.forEach(([tag, value], k) => {
    u64(DYNAMIC + 16 * k, tag!);
    u64(DYNAMIC + 16 * k + 8, value!);
  });
  // One bucket of the hash, in which each symbol leads to the next.
  [1, 1 + names.length, names.length === 0 ? 0 : 1, 0].forEach((value, k) => u32(hash + 4 * k, value));
  let name = 1;
  names.forEach((text, k) => {
    const place = symbols + 24 * (k + 1);
    u32(place, name);
    bytes[place + 4] = 0x12; // a global function
    u16(place + 6, 1); // defined in a section, whichever
    u64(place + 8, PROGRAM);
    u32(hash + 4 * (4 + k), k + 1 < names.length ? k + 2 : 0);
    name += text.length + 1;
  });
  bytes.set(new TextEncoder().encode(strings), texts);
  return bytes;
}
