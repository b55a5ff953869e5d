/**
 * Pickles without Python: a stack machine that builds plain values and executes nothing.
 *
 * A pickle is a list of instructions for a stack: push a number, begin a list, take the last two values as
 * key and value, call a name with arguments. The machine knows the instructions ({@linkcode OPERATIONS}) and
 * nothing else; what a name means is asked of a {@linkcode PickleWorld}. Lists and tuples become arrays,
 * dictionaries `Map`s, sets `Set`s, whole numbers beyond 2^53 `bigint`s; what is made by an unknown name
 * becomes an {@linkcode Opaque}.
 *
 * A state dict with one matrix looks like this (Python's `pickletools.dis` shows any other):
 *
 *     GLOBAL collections OrderedDict, EMPTY_TUPLE, REDUCE      push OrderedDict()
 *     MARK                                                     what follows are its items
 *       BINUNICODE "head.weight"                               a key
 *       GLOBAL torch._utils _rebuild_tensor_v2                 a name, to be called
 *       MARK
 *         ("storage", torch.FloatStorage, "0", "cpu", 6) BINPERSID     ask the world for a storage
 *         0, (2, 3), (3, 1), False, OrderedDict()                      offset, shape, strides, ...
 *       TUPLE, REDUCE                                          call it: push the tensor
 *     SETITEMS, STOP                                           put it into the dictionary; done
 *
 * Files come from strangers, so all work is bounded: by the file's length, a number of steps, and the length
 * of whole numbers. `tests/fuzz` feeds it broken ones.
 */
import type { Cursor } from "./cursor.ts";
import { isBuildable, isGlobal, Opaque, type PickleWorld } from "./pickle_values.ts";

/** More objects than any checkpoint describes, and few enough for memory. */
const MOST_STEPS = 4_000_000;

/** Whole numbers of more bytes are refused: their conversion takes time that grows with the square. */
const LONGEST_INTEGER = 256;

/** What the instruction `MARK` pushes. Later ones take everything above the last mark as their arguments. */
const MARK = Symbol("mark");

/**
 * Reads one pickle, protocols 0 to 5, and leaves the cursor behind it. Takes time and memory in proportion to
 * its length.
 * @throws DataError in one line when it is cut short, damaged, calls a plain value, or when the world
 *   refuses a name
 */
export function unpickle(cursor: Cursor, world: PickleWorld): unknown {
  return new Machine(cursor, world).run();
}

/** The stack, and the memo by which a pickle refers to a value again. */
class Machine {
  readonly #cursor: Cursor;
  readonly #world: PickleWorld;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(cursor: Cursor, world: PickleWorld) {
    this.#cursor = cursor;
    this.#world = world;
  }

  /** Performs instructions up to `STOP`. @returns the value on top of the stack */
  run(): unknown {
    for (let step = 0; step < MOST_STEPS; step++) {
      const code = this.#cursor.u8();
      if (code === 0x2e) return this.#pop();
      const operation = OPERATIONS.get(code);
      if (operation === undefined) {
        this.damaged(`0x${code.toString(16).padStart(2, "0")} is no operation that state dicts need`);
      }
      operation(this, this.#cursor);
    }
    return this.#cursor.fail(`its description has more than ${MOST_STEPS} steps, which no checkpoint needs`);
  }

  /** Ends the reading with the place in the pickle. @throws DataError */
  damaged(why: string): never {
    return this.#cursor.fail(`the file is damaged: ${why} (byte ${this.#cursor.at} of its description)`);
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  mark(): void {
    this.#stack.push(MARK);
  }

  /** Takes the top value. @throws DataError when there is none, or a mark */
  #pop(): unknown {
    if (this.#stack.length === 0) this.damaged("a value is missing");
    const value = this.#stack.pop();
    if (value === MARK) this.damaged("a value is missing");
    return value;
  }

  pop(): unknown {
    return this.#pop();
  }

  /** Takes the top value or mark away. */
  drop(): void {
    if (this.#stack.length === 0) this.damaged("a value is missing");
    this.#stack.pop();
  }

  /** The top value, which stays. */
  top(): unknown {
    const value = this.#stack.at(-1);
    if (this.#stack.length === 0 || value === MARK) this.damaged("a value is missing");
    return value;
  }

  /** Everything above the last mark, which goes as well. */
  aboveMark(): unknown[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) this.damaged("a mark is missing");
    const values = this.#stack.splice(at + 1);
    this.#stack.pop();
    return values;
  }

  /** Takes the top values, the lowest of them first. */
  last(count: number): unknown[] {
    const values = Array.from({ length: count }, () => this.#pop());
    return values.reverse();
  }

  /** Notes the top value in the memo. */
  put(key: number): void {
    this.#memo.set(key, this.top());
  }

  /** Notes the top value in the memo under the next number. */
  memoize(): void {
    this.put(this.#memo.size);
  }

  /** Pushes a value of the memo: the same object, so a pickle can build what holds itself. */
  get(key: number): void {
    if (!this.#memo.has(key)) this.damaged(`it refers to value ${key}, which it never gave`);
    this.push(this.#memo.get(key));
  }

  /** Adds elements to the list on top. */
  append(values: readonly unknown[]): void {
    const list = this.top();
    if (list instanceof Opaque) return list.add(values, "elements");
    if (!Array.isArray(list)) this.damaged("values are appended to what is no list");
    for (const value of values) list.push(value);
  }

  /** Sets keys of the dictionary on top. @param values keys and values in turn */
  setItems(values: readonly unknown[]): void {
    const target = this.top();
    if (values.length % 2 === 1) this.damaged("a key has no value");
    if (target instanceof Opaque) return target.add(values, "items");
    if (!(target instanceof Map)) this.damaged("keys are set in what is no dictionary");
    for (let k = 0; k < values.length; k += 2) target.set(values[k], values[k + 1]);
  }

  /** Adds elements to the set on top. */
  addItems(values: readonly unknown[]): void {
    const target = this.top();
    if (target instanceof Opaque) return target.add(values, "elements");
    if (!(target instanceof Set)) this.damaged("values are added to what is no set");
    for (const value of values) target.add(value);
  }

  /** Pushes what a name means in the world. */
  find(module: unknown, name: unknown): void {
    if (typeof module !== "string" || typeof name !== "string") this.damaged("a name is no text");
    this.push(this.#world.find(module, name));
  }

  /** Pushes a value that lies outside the pickle. */
  persistent(id: unknown): void {
    this.push(this.#world.persistent(id));
  }

  /** Calls the second value from the top with the arguments on top, a tuple (`REDUCE`, `NEWOBJ`). */
  call(): void {
    const args = this.#pop();
    this.make(this.#pop(), args);
  }

  /** With arguments by name, which only opaque things have. */
  callNamed(): void {
    const [callee, args, named] = this.last(3);
    this.make(callee, Array.isArray(args) ? [...args, named] : args);
  }

  /** Calls a name with arguments; a call of something opaque is opaque as well. */
  make(callee: unknown, args: unknown): void {
    if (callee instanceof Opaque && Array.isArray(args)) {
      return this.push(new Opaque(callee.name, [callee, args]));
    }
    if (!isGlobal(callee) || !Array.isArray(args)) this.damaged("it calls what is no name");
    if (!callee.call) this.damaged(`it calls ${callee.name}, which is a value`);
    this.push(callee.call(args));
  }

  /** Gives the value below the top its attributes (`BUILD`): the state of a Python object. */
  build(): void {
    const state = this.#pop();
    const target = this.top();
    // Attributes of a dictionary: a state dict's `_metadata`.
    if (target instanceof Map) return;
    if (!isBuildable(target)) this.damaged("attributes are set on a plain value");
    target.build(state);
  }

  /** Pushes a new dictionary. @param values keys and values in turn */
  dictionary(values: readonly unknown[]): void {
    this.push(new Map());
    this.setItems(values);
  }

  /** Pushes a whole number in two's complement, the lowest byte first. */
  integer(bytes: Uint8Array): void {
    if (bytes.length > LONGEST_INTEGER) this.damaged(`a whole number has ${bytes.length} bytes`);
    let value = 0n;
    bytes.forEach((byte, k) => value |= BigInt(byte) << BigInt(8 * k));
    this.push(plainInteger(BigInt.asIntN(8 * bytes.length, value)));
  }

  /** Decimal digits, Python 2's `L` after them allowed. */
  digits(text: string): void {
    const digits = text.replace(/L$/, "");
    if (!/^[+-]?\d{1,600}$/.test(digits)) this.damaged("a whole number has other characters than digits");
    this.push(plainInteger(BigInt(digits.replace(/^\+/, ""))));
  }
}

/** What an instruction does to the machine, its arguments read from the cursor. */
type Operation = (machine: Machine, cursor: Cursor) => void;

/** The instructions by their code; Python's pickletools describes every one. */
const OPERATIONS: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [0x28, (m) => m.mark()],
  [0x30, (m) => m.drop()],
  [0x31, (m) => void m.aboveMark()],
  [0x32, (m) => m.push(m.top())],
  // Numbers, truth and None.
  [0x46, (m, c) => m.push(Number(c.line()))],
  [0x47, (m, c) => m.push(c.f64())],
  [0x49, (m, c) => {
    const text = c.line();
    if (text === "00" || text === "01") m.push(text === "01");
    else m.digits(text);
  }],
  [0x4a, (m, c) => m.push(c.i32())],
  [0x4b, (m, c) => m.push(c.u8())],
  [0x4c, (m, c) => m.digits(c.line())],
  [0x4d, (m, c) => m.push(c.u16())],
  [0x4e, (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [0x8a, (m, c) => m.integer(c.take(c.u8()))],
  [0x8b, (m, c) => m.integer(c.take(c.u32()))],
  // Text and bytes.
  [0x53, (m, c) => {
    const [, , text] = /^(["'])(.*)\1$/.exec(c.line()) ?? m.damaged("a text has no quotes");
    m.push(unescaped(text!));
  }],
  [0x54, (m, c) => m.push(c.text(c.u32()))],
  [0x55, (m, c) => m.push(c.text(c.u8()))],
  [0x56, (m, c) => m.push(unescaped(c.line()))],
  [0x58, (m, c) => m.push(c.text(c.u32()))],
  [0x8c, (m, c) => m.push(c.text(c.u8()))],
  [0x8d, (m, c) => m.push(c.text(c.u64()))],
  [0x42, (m, c) => m.push(c.take(c.u32()))],
  [0x43, (m, c) => m.push(c.take(c.u8()))],
  [0x8e, (m, c) => m.push(c.take(c.u64()))],
  [0x96, (m, c) => m.push(c.take(c.u64()))],
  // Lists, tuples, dictionaries, sets.
  [0x5d, (m) => m.push([])],
  [0x29, (m) => m.push([])],
  [0x6c, (m) => m.push(m.aboveMark())],
  [0x74, (m) => m.push(m.aboveMark())],
  [0x85, (m) => m.push(m.last(1))],
  [0x86, (m) => m.push(m.last(2))],
  [0x87, (m) => m.push(m.last(3))],
  [0x61, (m) => m.append(m.last(1))],
  [0x65, (m) => m.append(m.aboveMark())],
  [0x7d, (m) => m.push(new Map())],
  [0x64, (m) => m.dictionary(m.aboveMark())],
  [0x73, (m) => m.setItems(m.last(2))],
  [0x75, (m) => m.setItems(m.aboveMark())],
  [0x8f, (m) => m.push(new Set())],
  [0x90, (m) => m.addItems(m.aboveMark())],
  [0x91, (m) => m.push(new Set(m.aboveMark()))],
  // The memo.
  [0x70, (m, c) => m.put(Number(c.line()))],
  [0x71, (m, c) => m.put(c.u8())],
  [0x72, (m, c) => m.put(c.u32())],
  [0x94, (m) => m.memoize()],
  [0x67, (m, c) => m.get(Number(c.line()))],
  [0x68, (m, c) => m.get(c.u8())],
  [0x6a, (m, c) => m.get(c.u32())],
  // Names, and what they make.
  [0x63, (m, c) => m.find(c.line(), c.line())],
  [0x93, (m) => {
    const [module, name] = m.last(2);
    m.find(module, name);
  }],
  [0x52, (m) => m.call()],
  [0x81, (m) => m.call()],
  [0x92, (m) => m.callNamed()],
  [0x69, (m, c) => {
    m.find(c.line(), c.line());
    const callee = m.pop();
    m.make(callee, m.aboveMark());
  }],
  [0x6f, (m) => {
    const [callee, ...args] = m.aboveMark();
    m.make(callee, args);
  }],
  [0x62, (m) => m.build()],
  [0x50, (m, c) => m.persistent(c.line())],
  [0x51, (m) => m.persistent(m.pop())],
  // The protocol's number and the length of a frame say nothing that is needed.
  [0x80, (_, c) => void c.u8()],
  [0x95, (_, c) => void c.u64()],
]);

/** A whole number as a `number` where that is exact. */
function plainInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** A text with Python's escapes resolved: \n, \x41, \u0041, \U00000041; of others the character stays. */
function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/g,
    (whole, byte, short, long, other) => {
      if (other !== undefined) return ESCAPES[other] ?? other;
      const code = parseInt(byte ?? short ?? long, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
