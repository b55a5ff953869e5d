/** Changes to zip archives. */

/** The same archive with 0 for every checksum, as PyTorch writes it when it is told to compute none. */
export function withoutChecksums(archive: Uint8Array): Uint8Array {
  const bytes = archive.slice();
  const view = new DataView(bytes.buffer);
  for (const [signature, place] of [[0x04034b50, 14], [0x02014b50, 16]] as const) {
    for (let at = 0; at + 46 <= bytes.length; at++) {
      if (view.getUint32(at, true) === signature) view.setUint32(at + place, 0, true);
    }
  }
  return bytes;
}
