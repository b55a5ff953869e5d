/**
 * The two containers of torch.save. The zip archive (PyTorch 1.6 and later) has a pickle, `data.pkl`, and an
 * entry of raw bytes for each storage. The older format is a row of pickles (a magic number, a protocol, the
 * machine, the value, a list of keys) followed by the storages' bytes in the order of that list. In both, the
 * pickle names storages by key, and tensors are views of them. Pure.
 */
import { DataError } from "../core/errors.ts";
import { bytesOf } from "./stored_tensor.ts";
import { Cursor } from "./cursor.ts";
import type { TorchStorage } from "./torch_tensor.ts";
import { type StorageId, torchWorld } from "./torch_world.ts";
import { plainText } from "./pickle_values.ts";
import { unpickle } from "./unpickle.ts";
import { unzipped } from "./zip.ts";

/** What torch.save was given: arrays, `Map`s, numbers, texts, and {@linkcode TorchTensor}s among them. */
export interface TorchFile {
  readonly format: "zip" | "legacy";
  readonly value: unknown;
}

/** How the older format begins: a pickle of the whole number 0x1950a86a20f9469cfc6c, protocol 2. */
const LEGACY_START = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];

/** The first bytes of a zip archive. */
const ZIP_START = [0x50, 0x4b, 3, 4];

/** Whether the bytes begin like a file of torch.save. */
export function isTorchFile(bytes: Uint8Array): boolean {
  return begins(bytes, ZIP_START) || begins(bytes, LEGACY_START);
}

function begins(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, k) => bytes[k] === byte);
}

/**
 * Reads a file that {@linkcode isTorchFile} knows, without executing anything of it. Elements are copied only
 * when a tensor is read.
 * @param name the file, for messages
 * @throws DataError in one line when it is cut short, damaged, or packed in another way
 */
export function readTorch(bytes: Uint8Array, name: string): TorchFile {
  return begins(bytes, ZIP_START)
    ? { format: "zip", value: readZip(bytes, name) }
    : { format: "legacy", value: readLegacy(new Cursor(bytes, name)) };
}

// --- zip --------------------------------------------------------------------------------------------------

/**
 * The value of a zip archive. Every storage is an entry, `FOLDER/data/KEY`, whose bytes are looked up when
 * the pickle names it. `byteorder` says how they are written; absent, they are little-endian. @throws
 * DataError
 */
function readZip(bytes: Uint8Array, name: string): unknown {
  const entries = unzipped(bytes, name);
  const pickles = Object.keys(entries).filter((path) => /^[^/]+\/data\.pkl$/.test(path));
  const [path] = pickles;
  if (path === undefined || pickles.length > 1) {
    throw new DataError(
      name,
      "a zip archive, but not one of torch.save: expected data.pkl in its only folder",
    );
  }
  const folder = path.slice(0, -"data.pkl".length);
  const order = entries[`${folder}byteorder`];
  const bigEndian = order !== undefined && new TextDecoder().decode(order).trim() === "big";
  const cursor = new Cursor(entries[path]!, name);
  const made = new Map<string, TorchStorage>();
  const find = ({ dtype, key, length }: StorageId): TorchStorage => {
    const known = made.get(`${dtype} ${key}`);
    if (known?.length === length) return known;
    const data = entries[`${folder}data/${key}`];
    const wanted = length * bytesOf(dtype);
    if (data === undefined || data.length < wanted) {
      return cursor.fail(`the file is cut short: storage ${key} has ${data?.length ?? 0} of ${wanted} bytes`);
    }
    const storage = { dtype, length, bigEndian, bytes: () => data };
    made.set(`${dtype} ${key}`, storage);
    return storage;
  };
  return unpickle(cursor, torchWorld(cursor, { find, passOver() {} }));
}

// --- legacy -----------------------------------------------------------------------------------------------

/** The second pickle of the older format: the only protocol that there has been. */
const LEGACY_PROTOCOL = 1001;

/**
 * The older format. Storages come after the pickle that mentions them, so their tensors are made first and
 * filled later.
 */
function readLegacy(cursor: Cursor): unknown {
  const storages = new Map<string, LegacyStorage>();
  const world = torchWorld(cursor, {
    find({ dtype, key, length, view }) {
      const root = storages.get(key) ?? new LegacyStorage({ dtype, key, length }, cursor);
      storages.set(key, root);
      return view === undefined ? root : new StoragePart(root, view, cursor);
    },
    passOver({ type, key, length }) {
      const width = UNREAD_BYTES[type] ??
        cursor.fail(`it holds a ${type}, which plca does not read and whose end it does not know; ${RESAVE}`);
      if (!storages.has(key)) {
        storages.set(key, new LegacyStorage({ dtype: "U8", key, length }, cursor, width));
      }
    },
  });
  unpickle(cursor, world);
  const protocol = unpickle(cursor, world);
  if (protocol !== LEGACY_PROTOCOL) {
    cursor.fail(`protocol ${plainText(protocol)} of torch.save; expected ${LEGACY_PROTOCOL}`);
  }
  const system = unpickle(cursor, world);
  const bigEndian = system instanceof Map && system.get("little_endian") === false;
  const value = unpickle(cursor, world);
  const keys = unpickle(cursor, world);
  if (!Array.isArray(keys)) cursor.fail("the file is damaged: its list of storages is missing");
  for (const key of keys) {
    const storage = storages.get(plainText(key)) ??
      cursor.fail("the file is damaged: a storage belongs to no tensor");
    storage.fill(bigEndian);
  }
  for (const storage of storages.values()) storage.bytes();
  return value;
}

/** Bytes of an element of storages that are not read, which must be known to find what follows them. */
const UNREAD_BYTES: Readonly<Record<string, number>> = {
  "torch.ComplexFloatStorage": 8,
  "torch.ComplexDoubleStorage": 16,
  "torch.QInt8Storage": 1,
  "torch.QUInt8Storage": 1,
  "torch.QInt32Storage": 4,
};

/** What to do about files that cannot be read. */
const RESAVE = "re-save the file in Python as PyTorch does since 1.6: torch.save(torch.load(FILE), NEW_FILE)";

/** A storage whose bytes come after the pickles that mention it. */
class LegacyStorage implements TorchStorage {
  readonly dtype: TorchStorage["dtype"];
  readonly length: number;
  /** What the pickle calls it. */
  readonly #key: string;
  readonly #cursor: Cursor;
  /** Bytes of an element. */
  readonly #width: number;
  #bytes: Uint8Array | undefined;
  #bigEndian = false;

  constructor({ dtype, length, key }: StorageId, cursor: Cursor, width: number = bytesOf(dtype)) {
    this.dtype = dtype;
    this.#width = width;
    this.length = length;
    this.#key = key;
    this.#cursor = cursor;
  }

  get bigEndian(): boolean {
    return this.#bigEndian;
  }

  /** Takes its bytes from where the cursor stands: the number of elements, then those. */
  fill(bigEndian: boolean): void {
    const cursor = this.#cursor;
    const length = cursor.u64();
    if (length !== this.length) {
      cursor.fail(
        `the file is damaged: storage ${this.#key} has ${length} elements; expected ${this.length}`,
      );
    }
    const wanted = length * this.#width;
    const left = cursor.bytes.length - cursor.at;
    if (wanted > left) {
      cursor.fail(`the file is cut short: storage ${this.#key} has ${left} of ${wanted} bytes`);
    }
    this.#bigEndian = bigEndian;
    this.#bytes = cursor.take(wanted);
  }

  bytes(): Uint8Array {
    return this.#bytes ?? this.#cursor.fail(`the file is damaged: storage ${this.#key} is not in it`);
  }
}

/** Some elements of a storage, as files of old PyTorch versions name them. */
class StoragePart implements TorchStorage {
  readonly dtype: TorchStorage["dtype"];
  readonly length: number;
  readonly #root: TorchStorage;
  readonly #offset: number;

  constructor(root: TorchStorage, { offset, length }: NonNullable<StorageId["view"]>, cursor: Cursor) {
    if (offset + length > root.length) {
      cursor.fail(
        `the file is damaged: a part of a storage ends at element ${offset + length} of ${root.length}`,
      );
    }
    this.dtype = root.dtype;
    this.length = length;
    this.#root = root;
    this.#offset = offset;
  }

  get bigEndian(): boolean {
    return this.#root.bigEndian;
  }

  bytes(): Uint8Array {
    const width = bytesOf(this.dtype);
    return this.#root.bytes().subarray(this.#offset * width, (this.#offset + this.length) * width);
  }
}
