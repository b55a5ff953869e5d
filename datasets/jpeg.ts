/**
 * The segments of a JPEG (ITU-T T.81, Annex B): whether it is whole, and what stray bytes it holds.
 *
 * A JPEG is a row of segments: FF, a marker byte, a length, data; compressed pixels follow the start of a
 * scan (SOS) without a length, up to the next marker; EOI ends it. Decoders forgive much, and a file cut in
 * half decodes to half a picture. So the end is looked for here, before anything is decoded.
 */

/** Whether bytes begin as a JPEG does. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === SOI;
}

/** A part of a JPEG, from its marker on. */
export interface JpegPart {
  readonly marker: number;
  /** Of the first byte, before which stray ones may lie. */
  readonly start: number;
  /** After the last byte; of a scan, after its compressed data. */
  readonly end: number;
}

const SOI = 0xd8, EOI = 0xd9, SOS = 0xda;

/** The parts in order, up to the end marker; what a header claims beyond the bytes ends it early. */
export function* jpegParts(bytes: Uint8Array): Generator<JpegPart> {
  for (let at = 2; at < bytes.length;) {
    const start = nextMarker(bytes, at);
    if (start === undefined) return;
    const marker = bytes[start + 1]!;
    if (marker === EOI) return void (yield { marker, start, end: start + 2 });
    if (standsAlone(marker)) {
      yield { marker, start, end: at = start + 2 };
      continue;
    }
    const length = (bytes[start + 2]! << 8) | bytes[start + 3]!;
    const header = start + 2 + length;
    if (start + 4 > bytes.length || length < 2 || header > bytes.length) return;
    let end = marker === SOS ? undefined : header;
    // Compressed data is looked through only when what follows it is needed.
    const found = () => end ??= scanEnd(bytes, header);
    yield {
      marker,
      start,
      get end() {
        return found();
      },
    };
    at = found();
  }
}

/**
 * Whether the end marker is there: a file that was cut short has none, nor has one whose end was overwritten.
 */
export function jpegIsWhole(bytes: Uint8Array): boolean {
  if (bytes.at(-2) === 0xff && bytes.at(-1) === EOI) return true;
  for (const { marker } of jpegParts(bytes)) {
    if (marker === EOI) return true;
  }
  return false;
}

/**
 * The same picture without what decoders pass over with a warning although no pixel depends on it: stray
 * bytes between two segments, and zeros that fill the file up before its end marker. Undefined where there is
 * nothing of this kind. Bytes too many after compressed data may as well come from damage in it, so all
 * others stay.
 */
export function withoutStrayBytes(bytes: Uint8Array): Uint8Array | undefined {
  const kept: Uint8Array[] = [bytes.subarray(0, 2)];
  let at = 2, former: JpegPart | undefined;
  for (const part of jpegParts(bytes)) {
    if (part.marker === EOI && former?.marker === SOS) kept.push(withoutZeros(kept.pop()!));
    kept.push(bytes.subarray(part.start, part.end));
    at = part.end;
    former = part;
  }
  // Without an end it is not whole, and left to the decoder.
  if (former?.marker !== EOI) return undefined;
  const length = kept.reduce((sum, part) => sum + part.length, 0);
  if (length === at) return undefined;
  const mended = new Uint8Array(length);
  let to = 0;
  for (const part of kept) {
    mended.set(part, to);
    to += part.length;
  }
  return mended;
}

/**
 * The next marker from a place on, as decoders look for it: other bytes are passed over, FF may be repeated,
 * FF 00 is data. Undefined: there is none.
 */
function nextMarker(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next !== undefined && next !== 0 && next !== 0xff) return at;
  }
  return undefined;
}

/** Where compressed data ends: at the next marker but those that restart it. */
function scanEnd(bytes: Uint8Array, from: number): number {
  let at = nextMarker(bytes, from);
  while (at !== undefined && isRestart(bytes[at + 1]!)) at = nextMarker(bytes, at + 2);
  if (at === undefined) return bytes.length;
  while (at > from && bytes[at - 1] === 0xff) at--;
  return at;
}

function isRestart(marker: number): boolean {
  return marker >= 0xd0 && marker <= 0xd7;
}

/** Of no length: restarts and TEM. */
function standsAlone(marker: number): boolean {
  return isRestart(marker) || marker === 0x01 || marker === SOI;
}

function withoutZeros(scan: Uint8Array): Uint8Array {
  let end = scan.length;
  // FF 00 is one byte FF of the data.
  while (end > 0 && scan[end - 1] === 0 && scan[end - 2] !== 0xff) end--;
  return scan.subarray(0, end);
}
