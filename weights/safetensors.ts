/**
 * The safetensors container: 8 bytes with the header's length (little-endian), a JSON header, raw
 * little-endian data. The header has, by tensor, its type, its shape and where its bytes lie. This is plca's
 * own format for checkpoints: no code in it, and readable by any tool. Pure.
 */
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { bytesOf, isDType, sizeOf, type StoredTensor, storedTensor } from "./stored_tensor.ts";

export type { StoredTensor } from "./stored_tensor.ts";

/** What a file holds: tensors and texts. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A file as it was read. */
export interface ReadSafetensors extends SafetensorsFile {
  /** Tensors whose elements are of no type that {@linkcode isDType} knows; absent when there are none. */
  readonly unread?: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
}

/**
 * The bytes of a file. The header lists tensors in the map's order; their data lie by size of element, widest
 * first, so that each starts at a multiple of its element.
 */
export function encodeSafetensors(file: SafetensorsFile): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: file.metadata };
  // Readers that map the file need every tensor at a multiple of its elements' size, so wide ones come first.
  const inFile = [...file.tensors].sort(([, a], [, b]) => bytesOf(b.dtype) - bytesOf(a.dtype));
  let offset = 0;
  const places = new Map<string, readonly [number, number]>();
  for (const [name, { data }] of inFile) {
    places.set(name, [offset, offset + data.byteLength]);
    offset += data.byteLength;
  }
  for (const [name, { dtype, shape }] of file.tensors) {
    header[name] = { dtype, shape, data_offsets: places.get(name) };
  }
  let text = JSON.stringify(header);
  while (new TextEncoder().encode(text).length % 8 !== 0) text += " ";
  const head = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + head.length + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true);
  bytes.set(head, 8);
  for (const [name, { data }] of inFile) {
    const at = 8 + head.length + places.get(name)![0];
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
  }
  return bytes;
}

/**
 * Reads a whole file. Nothing larger than the file is allocated; each tensor is copied, since its data need
 * not be aligned.
 * @throws UserError that starts with `name` when the file is cut short, an entry contradicts itself, or it
 *   is not safetensors
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): ReadSafetensors {
  const refuse = refusal(name);
  const start = 8 + headerLength(bytes.subarray(0, 8), { name, size: bytes.length });
  const header = parseHeader(bytes.subarray(8, start), name);
  const tensors = new Map<string, StoredTensor>();
  const unread = new Map<string, { dtype: string; shape: readonly number[] }>();
  for (const [key, value] of Object.entries(header)) {
    if (key === "__metadata__") continue;
    if (!isEntry(value)) throw refuse(`tensor ${key} has no dtype, shape and data_offsets of whole numbers`);
    const { dtype, shape, data_offsets: [begin, end] } = value;
    if (typeof dtype !== "string") throw refuse(`tensor ${key} has no dtype of those that have a name`);
    if (begin > end || (isDType(dtype) && end - begin !== sizeOf(shape) * bytesOf(dtype))) {
      throw refuse(`tensor ${key} of shape [${shape}] has ${end - begin} bytes`);
    }
    if (start + end > bytes.length) throw refuse(`tensor ${key} ends beyond the file, which was cut short`);
    if (!isDType(dtype)) {
      unread.set(key, { dtype, shape });
      continue;
    }
    // A copy, because the data need not be aligned to its elements in the file.
    tensors.set(key, storedTensor(dtype, shape, bytes.slice(start + begin, start + end).buffer));
  }
  const metadata = metadataOf(header["__metadata__"]);
  return { tensors, metadata, ...(unread.size === 0 ? {} : { unread }) };
}

/** A file whose header is read without the rest. */
export interface HeaderOf {
  /** For errors. */
  readonly name: string;
  /** Of the file, in bytes. */
  readonly size: number;
  /** A header of more bytes is refused. */
  readonly largest: number;
}

/**
 * The texts of a file's header, without reading its tensors.
 * @param fill fills bytes with those that follow the ones it was asked for before
 * @throws UserError that starts with the file's name, as {@linkcode decodeSafetensors}, and for a header
 *   larger than `largest`
 */
export async function readMetadata(
  fill: (bytes: Uint8Array) => Promise<void>,
  { name, size, largest }: HeaderOf,
): Promise<Readonly<Record<string, string>>> {
  const head = new Uint8Array(Math.min(8, size));
  await fill(head);
  const length = headerLength(head, { name, size });
  if (length > largest) throw refusal(name)(`its header has ${length} bytes`);
  const text = new Uint8Array(length);
  await fill(text);
  return metadataOf(parseHeader(text, name)["__metadata__"]);
}

/** A function that makes the error for a reason. */
function refusal(name: string) {
  return (why: string) => new UserError(`${name}: ${printable(why)}; expected a safetensors file`);
}

/** @param head the file's first bytes, 8 if it has as many */
function headerLength(
  head: Uint8Array,
  { name, size }: { readonly name: string; readonly size: number },
): number {
  if (head.length < 8) throw refusal(name)(`only ${head.length} bytes`);
  const length = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(size - 8)) {
    throw refusal(name)(`its header claims ${length} bytes, the file has ${size}`);
  }
  return Number(length);
}

/** The header as a mapping. @throws UserError when it is none */
function parseHeader(bytes: Uint8Array, name: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new UserError(`${name}: its header is not JSON; expected a safetensors file`, { cause });
  }
  if (!isMapping(header)) throw refusal(name)("its header is no mapping of names to tensors");
  return header;
}

/**
 * What a header says of a tensor. Offsets count from the end of the header, in bytes: [first, beyond the
 * last].
 */
interface HeaderEntry {
  readonly dtype: unknown;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEntry(value: unknown): value is HeaderEntry {
  if (!isMapping(value)) return false;
  const { shape, data_offsets: offsets } = value;
  return areCounts(shape) && areCounts(offsets) && offsets.length === 2;
}

function areCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0);
}

/** The texts of a header; the format allows nothing else there, and what is no text is dropped. */
function metadataOf(value: unknown): Record<string, string> {
  if (!isMapping(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
  );
}
