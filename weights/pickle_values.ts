/**
 * What pickles speak of besides plain values: names, the values that unknown names make, and the world in
 * which a name means something.
 *
 * A pickle can write down any dictionary, so a name must not be told by its shape: names are the objects that
 * {@linkcode pickleGlobal} made, and nothing that unpickle.ts builds can be one of them.
 */

/** A name that pickles may use: a class or function in Python, here an entry of a list. */
export interface PickleGlobal {
  /** As in `collections.OrderedDict`. */
  readonly name: string;
  /** What calling it means; absent: it is a value only. @throws DataError */
  call?(args: readonly unknown[]): unknown;
}

/** A value with attributes that pickles set after it is made. */
export interface Buildable {
  /** @throws DataError when the state is not what was expected */
  build(state: unknown): void;
}

/** What a pickle can reach outside itself: names, and values that lie elsewhere in the file. */
export interface PickleWorld {
  /** The meaning of a name. One that is not known makes an {@linkcode Opaque} when it is called. */
  find(module: string, name: string): PickleGlobal;
  /** A value that lies outside the pickle, as a storage. @throws DataError */
  persistent(id: unknown): unknown;
}

/**
 * A value that a pickle makes by an unknown name. Its code is not run; its arguments, attributes and items
 * are kept, so that tensors in it can at least be noticed.
 */
export class Opaque implements Buildable {
  /** What would have made it, as in `argparse.Namespace`. */
  readonly name: string;
  /** Of a tensor that is not read. */
  readonly shape: readonly number[] | undefined;
  readonly #parts: unknown[];
  #hasItems = false;

  constructor(name: string, parts: readonly unknown[], shape?: readonly number[]) {
    this.name = name;
    this.shape = shape;
    this.#parts = [parts];
  }

  /** Arguments, attributes, elements and items, each as a list or as it is. */
  get parts(): readonly unknown[] {
    return this.#parts;
  }

  /** Whether keys were set in it, as in a dictionary. */
  get hasItems(): boolean {
    return this.#hasItems;
  }

  /** Elements of a list or a set, or keys and values in turn. */
  add(values: readonly unknown[], what: "elements" | "items"): void {
    this.#parts.push(values);
    this.#hasItems ||= what === "items";
  }

  build(state: unknown): void {
    this.#parts.push(state);
  }
}

/** The objects that stand for names; nothing that a pickle builds is among them, so it cannot forge one. */
const GLOBALS = new WeakSet<object>();

/** Makes a name that pickles may use. */
export function pickleGlobal(name: string, call?: PickleGlobal["call"]): PickleGlobal {
  const named = { name, ...(call ? { call } : {}) };
  GLOBALS.add(named);
  return named;
}

/** An unknown name; every value made by it is opaque. */
export function unknownGlobal(name: string): PickleGlobal {
  return pickleGlobal(name, (args) => new Opaque(name, args));
}

/** Whether it is a name, and no value that one made. */
export function isGlobal(value: unknown): value is PickleGlobal {
  return typeof value === "object" && value !== null && GLOBALS.has(value);
}

export function isBuildable(value: unknown): value is Buildable {
  return typeof value === "object" && value !== null && "build" in value && typeof value.build === "function";
}

/** A key or number of a pickle as text; a collection only as such, since it may hold itself. */
export function plainText(value: unknown): string {
  return typeof value === "object" && value !== null ? "a collection" : String(value);
}
