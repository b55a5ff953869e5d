/**
 * What a PyTorch file may call by name, each as a plain value: nothing of it is code.
 *
 * A pickle is a program that calls functions by their names. Python would import and run them, which is why
 * loading a stranger's `.pth` can run anything. Here a name is only a key of a list:
 * `torch._utils._rebuild_tensor_v2` makes a view, `collections.OrderedDict` a `Map`, numpy's scalars numbers.
 * A name that is not in the list makes an {@linkcode Opaque}, which carries its arguments and does nothing,
 * so that a checkpoint with an unknown object beside its weights can still be read. A few names (`os.system`,
 * `eval`, ...) have no business in weights; a file with one of them is refused with a warning not to load it
 * in Python either.
 */
import type { Cursor } from "./cursor.ts";
import type { DType } from "./stored_tensor.ts";
import { isCount, torchNames } from "./torch_names.ts";
import type { TorchStorage } from "./torch_tensor.ts";
import { isGlobal, Opaque, type PickleWorld } from "./pickle_values.ts";

/** How a file names a storage. */
export interface StorageId {
  readonly dtype: DType;
  readonly key: string;
  /** Elements. */
  readonly length: number;
  /** Legacy files: this is a part of the storage `key`. */
  readonly view?: { readonly key: string; readonly offset: number; readonly length: number };
}

/** A storage of a type of element that is not read. */
export interface UnreadId {
  /** Of its class, as in `torch.ComplexFloatStorage`. */
  readonly type: string;
  readonly key: string;
  /** Elements. */
  readonly length: number;
}

/** Where a file has its storages; each container has its own. */
export interface Storages {
  find(id: StorageId): TorchStorage;
  /** Called for one that is not read. @throws DataError when what follows it cannot be found then */
  passOver(id: UnreadId): void;
}

/** The names of a PyTorch file. @param storagesOf where its storages are found */
export function torchWorld(cursor: Cursor, storagesOf: Storages): PickleWorld {
  const { names, storages } = torchNames(cursor);
  return {
    find: (module, name) => names.find(`${module}.${name}`),
    persistent(id) {
      const storage = storageId(id, storages);
      if (storage) return storagesOf.find(storage);
      // Legacy files give a module's class with its source beside it.
      if (Array.isArray(id) && id[0] === "module" && isGlobal(id[1])) return id[1];
      const unread = unreadId(id);
      if (unread === undefined) cursor.fail("the file is damaged: a storage is described in another way");
      storagesOf.passOver(unread);
      return new Opaque(unread.type, []);
    },
  };
}

/** A storage of a class that is not read; undefined when it is described in another way. */
function unreadId(id: unknown): UnreadId | undefined {
  if (!Array.isArray(id)) return undefined;
  const [what, type, key, , length] = id;
  if (what !== "storage" || !isGlobal(type) || !isKey(key) || !isCount(length)) return undefined;
  return { type: type.name, key: String(key), length };
}

/**
 * A storage of a known class: `("storage", class, key, location, length)`, and in legacy files `(key, offset,
 * length)` or None after it; undefined for anything else.
 */
function storageId(id: unknown, storages: ReadonlyMap<unknown, DType>): StorageId | undefined {
  if (!Array.isArray(id)) return undefined;
  const [what, type, key, , length, view] = id;
  const dtype = storages.get(type);
  if (what !== "storage" || dtype === undefined || !isKey(key) || !isCount(length)) return undefined;
  if (!Array.isArray(view)) return { dtype, key: String(key), length };
  const [viewKey, offset, viewLength] = view;
  if (!isKey(viewKey) || !isCount(offset) || !isCount(viewLength)) return undefined;
  return { dtype, key: String(key), length, view: { key: String(viewKey), offset, length: viewLength } };
}

/** Whether it may name a storage. */
function isKey(value: unknown): value is string | number | bigint {
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint";
}
