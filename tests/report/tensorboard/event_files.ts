/** An independent reader of TensorBoard's files: checksums bit by bit, protobuf by hand. */
import assert from "node:assert/strict";

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const low = (crc ^ (byte >> bit)) & 1;
      crc = (crc >>> 1) ^ (low ? 0x82f63b78 : 0);
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function unmasked(value: number): number {
  const rotated = (value - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

/** The records of a file; a last one that is cut short is left out. @throws AssertionError for a wrong checksum */
export function recordsOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Uint8Array[] = [];
  for (let at = 0; at + 12 <= bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    assert.equal(
      unmasked(view.getUint32(at + 8, true)),
      crc32c(bytes.subarray(at, at + 8)),
      "length's checksum",
    );
    if (at + 16 + length > bytes.length) break;
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(unmasked(view.getUint32(at + 12 + length, true)), crc32c(data), "data's checksum");
    found.push(data);
    at += 16 + length;
  }
  return found;
}

/** The fields of a message in their order: numbers for varints, bytes for the rest. */
function fieldsOf(bytes: Uint8Array): [number, number | Uint8Array][] {
  const fields: [number, number | Uint8Array][] = [];
  let at = 0;
  const varint = () => {
    let value = 0, factor = 1;
    for (;;) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const length = [undefined, 8, undefined, undefined, undefined, 4][key & 7];
    if ((key & 7) === 0) fields.push([key >> 3, varint()]);
    else {
      const size = length ?? varint();
      fields.push([key >> 3, bytes.subarray(at, at += size)]);
    }
  }
  return fields;
}

function number(bytes: Uint8Array, at = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.length === 4 ? view.getFloat32(0, true) : view.getFloat64(at, true);
}

function numbers(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / 8 }, (_, k) => number(bytes, 8 * k));
}

/** A histogram as it was written. */
export interface ReadHistogram {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly limits: readonly number[];
  readonly buckets: readonly number[];
}

/** One value of an event. */
export interface ReadValue {
  readonly tag: string;
  readonly scalar?: number;
  readonly image?: { readonly width: number; readonly height: number; readonly png: Uint8Array };
  readonly histogram?: ReadHistogram;
}

/** One record. */
export interface ReadEvent {
  readonly time: number;
  readonly step: number;
  readonly version?: string;
  readonly sessionStart?: true;
  readonly values: readonly ReadValue[];
}

const text = new TextDecoder("utf-8", { fatal: true });

/** @throws Error for a text that is not UTF-8 */
export function readEvent(record: Uint8Array): ReadEvent {
  const fields = fieldsOf(record);
  const get = (of: typeof fields, field: number) => of.find(([each]) => each === field)?.[1];
  const version = get(fields, 3) as Uint8Array | undefined;
  const session = get(fields, 7) as Uint8Array | undefined;
  const summary = get(fields, 5) as Uint8Array | undefined;
  const values = summary === undefined ? [] : fieldsOf(summary).map(([, value]): ReadValue => {
    const own = fieldsOf(value as Uint8Array);
    const scalar = get(own, 2) as Uint8Array | undefined;
    const image = get(own, 4) as Uint8Array | undefined;
    const histogram = get(own, 5) as Uint8Array | undefined;
    const parts = image && fieldsOf(image), counts = histogram && fieldsOf(histogram);
    return {
      tag: text.decode(get(own, 1) as Uint8Array),
      ...(scalar ? { scalar: number(scalar) } : {}),
      ...(parts
        ? {
          image: {
            height: get(parts, 1) as number,
            width: get(parts, 2) as number,
            png: get(parts, 4) as Uint8Array,
          },
        }
        : {}),
      ...(counts
        ? {
          histogram: {
            min: number(get(counts, 1) as Uint8Array),
            max: number(get(counts, 2) as Uint8Array),
            num: number(get(counts, 3) as Uint8Array),
            limits: numbers(get(counts, 6) as Uint8Array),
            buckets: numbers(get(counts, 7) as Uint8Array),
          },
        }
        : {}),
    };
  });
  return {
    time: number(get(fields, 1) as Uint8Array),
    step: (get(fields, 2) ?? 0) as number,
    ...(version ? { version: text.decode(version) } : {}),
    ...(session && get(fieldsOf(session), 1) === 1 ? { sessionStart: true as const } : {}),
    values,
  };
}

/** The events of every file of a folder, in the order of their names. */
export function eventsOf(folder: string): ReadEvent[][] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort().map((name) =>
    recordsOf(Deno.readFileSync(`${folder}/${name}`)).map(readEvent)
  );
}

/** What a reader shows of a tag: where a session starts, later steps of the files before count no longer. */
export function shownScalars(files: readonly (readonly ReadEvent[])[], tag: string): [number, number][] {
  let shown: [number, number][] = [];
  for (const event of files.flat()) {
    if (event.sessionStart) shown = shown.filter(([step]) => step < event.step);
    for (const value of event.values) {
      if (value.tag === tag && value.scalar !== undefined) shown.push([event.step, value.scalar]);
    }
  }
  return shown;
}
