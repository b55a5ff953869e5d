/**
 * The zip archives of torch.save. The library unpacks; what it does not do is compare checksums and bound
 * sizes, which happens here: a flipped bit in 200 MB of weights would otherwise train on unnoticed. Pure.
 */
import { crc32 } from "node:zlib";
import { type UnzipFileInfo, type Unzipped, unzipSync } from "fflate";
import { DataError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { messageOf } from "../core/words.ts";

/**
 * How many times larger than the archive its contents may be. torch.save compresses nothing, and compressing
 * such an archive gains little; a bomb gains much.
 */
const MOST_UNPACKED = 16;

/**
 * Unpacks an archive and compares every entry with its checksum; a stored checksum of 0 means that PyTorch
 * was told to write none.
 * @param name the file, for messages
 * @returns the entries by their paths
 * @throws DataError in one line when it is cut short, damaged, or unpacks to far more than it has bytes
 */
export function unzipped(bytes: Uint8Array, name: string): Unzipped {
  const entries: string[] = [];
  let total = 0;
  const filter = ({ name: entry, originalSize }: UnzipFileInfo) => {
    total += originalSize;
    entries.push(entry);
    // An entry of the directory takes 46 bytes.
    if (!(total <= MOST_UNPACKED * bytes.length) || 46 * entries.length > bytes.length) {
      throw new DataError(
        name,
        `its entries claim more than ${MOST_UNPACKED} times the file's ${bytes.length} bytes; expected a file of torch.save`,
      );
    }
    return true;
  };
  let contents: Unzipped, checksums: Map<string, number>;
  try {
    contents = unzipSync(bytes, { filter });
    // Of entries with the same name the last one is unpacked.
    checksums = new Map(storedChecksums(bytes, entries.length).map((sum, k) => [entries[k]!, sum]));
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const why = messageOf(cause);
    throw new DataError(
      name,
      why === "invalid zip data"
        ? "the file is cut short: it begins as a zip archive, whose directory at the end is missing; copy or download it again"
        : `the file is damaged: its zip archive cannot be unpacked (${why})`,
      { cause },
    );
  }
  for (const [entry, stored] of checksums) {
    const found = crc32(contents[entry]!);
    if (stored === 0 || found === stored) continue;
    throw new DataError(
      name,
      printable(
        `the file is damaged: ${entry} in it has the checksum ${hex(found)}, and had ${
          hex(stored)
        } when it was written; copy or download it again`,
      ),
    );
  }
  return contents;
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}

/**
 * The checksums of the directory's first entries, which {@linkcode unzipSync} passes without telling them.
 */
function storedChecksums(bytes: Uint8Array, count: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = directoryStart(view);
  return Array.from({ length: count }, () => {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50) {
      throw new Error("its directory has an entry that is none");
    }
    const checksum = view.getUint32(at + 16, true);
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    return checksum;
  });
}

/**
 * Where the directory of the archive begins: the record at the file's end says so, or the one of 64 bits that
 * a record right before it points to.
 */
function directoryStart(view: DataView): number {
  let end = view.byteLength - 22;
  while (view.getUint32(end, true) !== 0x06054b50) end--;
  if (end >= 20 && view.getUint32(end - 20, true) === 0x07064b50) {
    const long = view.getUint32(end - 12, true);
    if (long + 56 <= view.byteLength && view.getUint32(long, true) === 0x06064b50) {
      return view.getUint32(long + 48, true);
    }
  }
  return view.getUint32(end + 16, true);
}
