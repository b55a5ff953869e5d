/** The framing of TFRecord files. */
import { crc32c } from "./crc32c.ts";

/**
 * A record of a TFRecord file: length (8 bytes), its masked checksum, the data, their masked checksum; all
 * little-endian.
 */
export function frame(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(16 + data.length);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(record.subarray(0, 8))), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return record;
}

/**
 * TFRecord's masked checksum: rotated right by 15 bits, and a constant added. The plain one would do
 * badly on data that contain checksums.
 */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
