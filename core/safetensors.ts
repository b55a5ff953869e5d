/** The safetensors container: 8-byte little-endian header length, JSON header, raw little-endian data. Pure. */
import { UserError } from "./errors.ts";

/** A named array as stored. */
export interface StoredTensor {
  readonly dtype: "F32" | "I32";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** What a file holds. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The bytes of a safetensors file; tensors in the map's order, each aligned to 8 bytes. */
export function encodeSafetensors(file: SafetensorsFile): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: file.metadata };
  let offset = 0;
  for (const [name, { dtype, shape, data }] of file.tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  let text = JSON.stringify(header);
  while (new TextEncoder().encode(text).length % 8 !== 0) text += " ";
  const head = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + head.length + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true);
  bytes.set(head, 8);
  let at = 8 + head.length;
  for (const { data } of file.tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/**
 * Reads a whole file. Only F32 and I32 tensors are supported.
 * @throws UserError that starts with `name` when the file is cut short or not safetensors
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): SafetensorsFile {
  const refuse = (why: string) => new UserError(`${name}: ${why}; expected a safetensors file`);
  if (bytes.length < 8) throw refuse(`only ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(bytes.length - 8)) {
    throw refuse(`its header claims ${length} bytes, the file has ${bytes.length}`);
  }
  const start = 8 + Number(length);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  } catch (cause) {
    throw new UserError(`${name}: its header is not JSON; expected a safetensors file`, { cause });
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [key, value] of Object.entries(header)) {
    if (key === "__metadata__") continue;
    const { dtype, shape, data_offsets: [begin, end] } = value as HeaderEntry;
    if (dtype !== "F32" && dtype !== "I32") throw refuse(`tensor ${key} has dtype ${dtype}, not F32 or I32`);
    const size = shape.reduce((product, side) => product * side, 1);
    if (end - begin !== size * 4) throw refuse(`tensor ${key} of shape [${shape}] has ${end - begin} bytes`);
    if (begin < 0 || start + end > bytes.length) {
      throw refuse(`tensor ${key} ends beyond the file, which was cut short`);
    }
    // A copy, because the data need not be aligned to 4 bytes in the file.
    const raw = bytes.slice(start + begin, start + end).buffer;
    tensors.set(key, { dtype, shape, data: dtype === "F32" ? new Float32Array(raw) : new Int32Array(raw) });
  }
  return { tensors, metadata: (header["__metadata__"] ?? {}) as Record<string, string> };
}
