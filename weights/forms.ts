/**
 * Tensors that a file keeps in another form than the network: one matrix for query, key and value together,
 * or a 1x1 convolution where the network has a matrix. Forms are applied before names are looked up, so to
 * the rest of the import a file looks as if it had the network's own form. Nothing is read: each new tensor
 * reads the old ones when it is read itself. Pure.
 */
import type { TensorForm } from "../core/weights.ts";
import { type Entry, isRead } from "./networks.ts";
import { type LazyTensor, sizeOf, type StoredTensor, toFloat32 } from "./stored_tensor.ts";

/**
 * The same tensors, each form applied in turn. What a form's pattern matches but whose shape does not go with
 * it stays as it is.
 */
export function inForms(entries: readonly Entry[], forms: readonly TensorForm[] = []): readonly Entry[] {
  return forms.reduce<readonly Entry[]>((list, form) => {
    switch (form.kind) {
      case "split":
        return list.flatMap((entry) => split(entry, form));
      case "join":
        return joined(list, form);
      case "matrix":
        return list.map((entry) => asMatrix(entry, form));
    }
  }, entries);
}

/** One kind of form. */
type FormOf<K extends TensorForm["kind"]> = Extract<TensorForm, { readonly kind: K }>;

/** The name within its dictionary, without what PyTorch's wrappers put in. */
const nameOf = ({ path, keys }: Entry) => path.slice(keys).join(".");

/** The entry under another name in the same dictionary, with some of its fields changed. */
function renamed(entry: Entry, name: string, change: Partial<Entry>): Entry {
  return { ...entry, path: [...entry.path.slice(0, entry.keys), ...name.split(".")], ...change };
}

/** One tensor as several: rows of its first axis, `share` parts of all. */
function split(entry: Entry, { pattern, into }: FormOf<"split">): readonly Entry[] {
  const { found } = entry, name = nameOf(entry);
  const whole = into.reduce((sum, { share }) => sum + share, 0);
  if (!pattern.test(name) || !isRead(found) || found.shape.length === 0 || found.shape[0]! % whole !== 0) {
    return [entry];
  }
  const rows = found.shape[0]! / whole;
  let from = 0;
  return into.map(({ to, share }) => {
    const first = from * rows, count = share * rows;
    from += share;
    return renamed(entry, name.replace(pattern, to), {
      inFile: `${entry.inFile} (rows ${first} to ${first + count - 1})`,
      found: rowsOf(found, first, count),
      madeOf: [entry.inFile],
    });
  });
}

/** Some rows of the first axis. */
function rowsOf(tensor: LazyTensor, first: number, count: number): LazyTensor {
  const rest = tensor.shape.slice(1), row = sizeOf(rest);
  const shape = [count, ...rest];
  return {
    dtype: tensor.dtype,
    shape,
    read() {
      const whole = tensor.read();
      return { ...whole, shape, data: whole.data.slice(first * row, (first + count) * row) } as StoredTensor;
    },
  };
}

/**
 * Several tensors as one, along the first axis; only where all parts are there and their other sides agree.
 */
function joined(entries: readonly Entry[], { pattern, parts, to }: FormOf<"join">): readonly Entry[] {
  const groups = new Map<string, Map<string, Entry>>();
  const keyOf = (entry: Entry) => {
    const match = pattern.exec(nameOf(entry));
    const part = match?.groups?.["part"];
    if (part === undefined || !isRead(entry.found)) return undefined;
    const name = nameOf(entry).replace(pattern, to);
    return { part, name, key: JSON.stringify([entry.path.slice(0, entry.keys), name]) };
  };
  for (const entry of entries) {
    const found = keyOf(entry);
    if (!found) continue;
    const group = groups.get(found.key) ?? new Map<string, Entry>();
    groups.set(found.key, group.set(found.part, entry));
  }
  return entries.flatMap((entry) => {
    const found = keyOf(entry);
    if (!found) return [entry];
    const members = parts.map((part) => groups.get(found.key)!.get(part));
    if (members.some((member) => member === undefined)) return [entry];
    const all = members as readonly Entry[];
    const tensor = stacked(all.map((one) => one.found as LazyTensor));
    if (!tensor) return [entry];
    // The whole stands where its first part stood.
    if (all[0] !== entry) return [];
    const names = all.map(({ inFile }) => inFile);
    return [renamed(entry, found.name, { inFile: names.join(" and "), found: tensor, madeOf: names })];
  });
}

/** Undefined where the shapes do not go together. */
function stacked(tensors: readonly LazyTensor[]): LazyTensor | undefined {
  const rests = tensors.map(({ shape }) => String(shape.slice(1)));
  if (tensors.some(({ shape }) => shape.length === 0) || new Set(rests).size > 1) return undefined;
  const rows = tensors.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const shape = [rows, ...tensors[0]!.shape.slice(1)];
  return {
    dtype: "F32",
    shape,
    read() {
      const data = new Float32Array(sizeOf(shape));
      let at = 0;
      for (const tensor of tensors) {
        const part = toFloat32(tensor.read());
        data.set(part, at);
        at += part.length;
      }
      return { dtype: "F32", shape, data };
    },
  };
}

/** A convolution of shape [rows, columns, 1, 1] as a matrix. */
function asMatrix(entry: Entry, { pattern }: FormOf<"matrix">): Entry {
  const { found } = entry;
  if (!pattern.test(nameOf(entry)) || !isRead(found)) return entry;
  const [rows, columns, ...window] = found.shape;
  if (window.length !== 2 || window.some((side) => side !== 1)) return entry;
  const shape = [rows!, columns!];
  return { ...entry, found: { dtype: found.dtype, shape, read: () => ({ ...found.read(), shape }) } };
}
