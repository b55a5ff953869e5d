/** The stack machine, instruction by instruction. Python's pickletools names them as the titles do. */
import assert from "node:assert/strict";
import { strToU8 } from "fflate";
import { Cursor } from "../../weights/cursor.ts";
import {
  isGlobal,
  Opaque,
  pickleGlobal,
  type PickleWorld,
  plainText,
  unknownGlobal,
} from "../../weights/pickle_values.ts";
import { unpickle } from "../../weights/unpickle.ts";

type Part = string | readonly number[];

/** Known names are those of `known`, with what they make of their arguments; others are opaque. */
const WORLD: PickleWorld = {
  find: (module, name) =>
    module === "known"
      ? pickleGlobal(`known.${name}`, (args) => ({ [name]: args }))
      : module === "value"
      ? pickleGlobal(`value.${name}`)
      : unknownGlobal(`${module}.${name}`),
  persistent: (id) => ({ outside: id }),
};

const bytesOf = (parts: readonly Part[]) =>
  Uint8Array.from(parts.flatMap((part) => typeof part === "string" ? [...strToU8(part, true)] : [...part]));

const read = (...parts: readonly Part[]) => unpickle(new Cursor(bytesOf(parts), "x"), WORLD);

const VALUES: Readonly<Record<string, readonly [pickle: readonly Part[], value: unknown]>> = {
  "FLOAT": [["F-2.5e3\n."], -2500],
  "BINFLOAT": [["G", [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], "."], 1.5],
  "INT, also of truth": [["(I7\nI-12\nI01\nI00\nl."], [7, -12, true, false]],
  "BININT": [["J", [0xfe, 0xff, 0xff, 0xff], "."], -2],
  "BININT1 and BININT2": [["(K", [200], "M", [1, 2], "l."], [200, 513]],
  "LONG, with the letter of Python 2 or without": [["(L5L\nL-6\nL+7\nl."], [5, -6, 7]],
  "LONG, beyond what a number can be": [["(L9007199254740991\nL9007199254740992\nl."], [
    9007199254740991,
    9007199254740992n,
  ]],
  "LONG1, the lowest byte first, with its sign": [
    ["(", [0x8a, 0], [0x8a, 1, 0xff], [0x8a, 2, 0xff, 0], [0x8a, 2, 0, 0x80], "l."],
    [0, -1, 255, -32768],
  ],
  "LONG4": [[[0x8b, 3, 0, 0, 0, 1, 2, 3], "."], 0x030201],
  "NONE and truth": [["(N", [0x88, 0x89], "l."], [null, true, false]],
  "STRING, with either quote and escapes": [["(S'a\\n\\x41'\nS\"b'\\\"\"\nl."], ["a\nA", "b'\""]],
  "UNICODE, with escapes": [["Vgr\\u00fcn\\U0001f600\\q\n."], "grün😀q"],
  "UNICODE, with an escape that is no sign": [["V\\Uffffffff\n."], "\\Uffffffff"],
  "BINSTRING and SHORT_BINSTRING": [["(T", [2, 0, 0, 0], "abU", [1], "cl."], ["ab", "c"]],
  "BINUNICODE, short and long": [
    ["(X", [2, 0, 0, 0, 0xc3, 0x9f], [0x8c, 1], "a", [0x8d, 1, 0, 0, 0, 0, 0, 0, 0], "bl."],
    ["ß", "a", "b"],
  ],
  "BINBYTES, short, long and BYTEARRAY8": [
    [
      ...["(B", [1, 0, 0, 0, 255], "C", [2, 1, 2]],
      ...[[0x8e, 1, 0, 0, 0, 0, 0, 0, 0, 7], [0x96, 1, 0, 0, 0, 0, 0, 0, 0, 8], "l."],
    ],
    [[255], [1, 2], [7], [8]].map((each) => Uint8Array.from(each)),
  ],
  "EMPTY_LIST, APPEND and APPENDS": [["]K", [1], "a(K", [2], "K", [3], "e."], [1, 2, 3]],
  "EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2 and TUPLE3": [
    ["()(K", [1], "tK", [1], [0x85], "K", [1], "K", [2], [0x86], "K", [1], "K", [2], "K", [3], [0x87], "l."],
    [[], [1], [1], [1, 2], [1, 2, 3]],
  ],
  "EMPTY_DICT, SETITEM and SETITEMS": [
    ["}K", [1], "K", [2], "s(K", [3], "K", [4], "K", [5], "K", [6], "u."],
    new Map([[1, 2], [3, 4], [5, 6]]),
  ],
  "DICT": [["(K", [1], "K", [2], "d."], new Map([[1, 2]])],
  "EMPTY_SET, ADDITEMS and FROZENSET": [
    ["(", [0x8f], "(K", [1], "K", [1], [0x90], "(K", [2], [0x91], "l."],
    [new Set([1]), new Set([2])],
  ],
  "POP, POP_MARK and DUP": [["(K", [1], "K", [2], "0(K", [3], "1K", [4], "2l."], [1, 4, 4]],
  "POP takes a mark as well": [["K", [1], "(0."], 1],
  "PUT, BINPUT, LONG_BINPUT and their GETs": [
    ["(K", [1], "p5\nK", [2], "q", [6], "K", [3], "r", [7, 1, 0, 0], "g5\nh", [6], "j", [7, 1, 0, 0], "l."],
    [1, 2, 3, 1, 2, 3],
  ],
  "MEMOIZE, under the next number": [["(K", [8], [0x94], "K", [9], [0x94], "h", [1], "h", [0], "l."], [
    8,
    9,
    9,
    8,
  ]],
  "GLOBAL and REDUCE": [["cknown\nf\n(K", [1], "K", [2], "tR."], { f: [1, 2] }],
  "STACK_GLOBAL and NEWOBJ": [["U", [5], "knownU", [1], "g", [0x93], "K", [3], [0x85, 0x81], "."], {
    g: [3],
  }],
  "INST": [["(K", [1], "iknown\nh\n."], { h: [1] }],
  "OBJ": [["(cknown\nk\nK", [1], "K", [2], "o."], { k: [1, 2] }],
  "NEWOBJ_EX, with arguments by name behind the others": [
    ["cknown\nf\nK", [1], [0x85], "}", [0x92], "."],
    { f: [1, new Map()] },
  ],
  "PERSID and BINPERSID": [["(Pa b\nK", [3], "Ql."], [{ outside: "a b" }, { outside: 3 }]],
  "PROTO and FRAME say nothing": [[[0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0], "K", [1], "."], 1],
  "BUILD on a dictionary is passed over": [["}}K", [1], "K", [2], "sb."], new Map()],
};

for (const [name, [pickle, value]] of Object.entries(VALUES)) {
  Deno.test(`unpickle: ${name}`, () => assert.deepEqual(read(...pickle), value));
}

const DAMAGED: Readonly<Record<string, readonly [pickle: readonly Part[], message: string]>> = {
  "an instruction that does not exist": [["N", [0xff]], "0xff is no operation that state dicts need (byte 2"],
  "an extension code": [[[0x82, 1], "."], "0x82 is no operation that state dicts need (byte 1"],
  "a stack without the mark that TUPLE asks for": [["Nt."], "a mark is missing (byte 2"],
  "an end on a mark": [["(."], "a value is missing (byte 2"],
  "POP of nothing": [["0"], "a value is missing (byte 1"],
  "DUP of a mark": [["(2"], "a value is missing (byte 2"],
  "TUPLE2 of one value": [["K", [1], [0x86]], "a value is missing (byte 3"],
  "APPEND to a number": [["K", [1], "K", [2], "a"], "values are appended to what is no list (byte 5"],
  "SETITEM in a list": [["]K", [1], "K", [2], "s"], "keys are set in what is no dictionary (byte 6"],
  "SETITEMS with a key left over": [["}(K", [1], "u"], "a key has no value (byte 5"],
  "DICT with a key left over": [["(K", [1], "d"], "a key has no value (byte 4"],
  "ADDITEMS to a list": [["](K", [1], [0x90]], "values are added to what is no set (byte 5"],
  "STACK_GLOBAL of a number": [["K", [1], "U", [1], "a", [0x93]], "a name is no text (byte 6"],
  "REDUCE of a number": [["K", [1], ")R"], "it calls what is no name (byte 4"],
  "REDUCE with arguments that are no tuple": [
    ["cknown\nf\nK", [1], "R"],
    "it calls what is no name (byte 12",
  ],
  "REDUCE of what a call made": [["cknown\nf\n)R)R"], "it calls what is no name (byte 13"],
  "REDUCE of a name that is a value": [["cvalue\nf\n)R"], "it calls value.f, which is a value (byte 11"],
  "BUILD on a number": [["K", [1], "Nb"], "attributes are set on a plain value (byte 4"],
  "INT with letters": [["I1x\n"], "a whole number has other characters than digits (byte 4"],
  "LONG of nothing": [["L\n"], "a whole number has other characters than digits (byte 2"],
  "LONG of 601 digits": [
    ["L", "1".repeat(601), "\n"],
    "a whole number has other characters than digits (byte 603",
  ],
  "LONG4 of 257 bytes": [[[0x8b, 1, 1, 0, 0], Array(257).fill(1)], "a whole number has 257 bytes (byte 262"],
  "STRING without quotes": [["Sabc\n"], "a text has no quotes (byte 5"],
  "STRING with two kinds of quotes": [["S'abc\"\n"], "a text has no quotes (byte 7"],
  "GET of what was never put": [["g3\n"], "it refers to value 3, which it never gave (byte 3"],
  "PUT of nothing": [["p3\n"], "a value is missing (byte 3"],
};

for (const [name, [pickle, message]] of Object.entries(DAMAGED)) {
  Deno.test(`unpickle: ${name} is damage, with its place`, () => {
    assert.throws(() => read(...pickle), {
      name: "DataError",
      message: `x: the file is damaged: ${message} of its description)`,
    });
  });
}

Deno.test("unpickle: 600 digits and 256 bytes are read", () => {
  assert.equal(read("L", "1".repeat(600), "\n."), BigInt("1".repeat(600)));
  assert.equal(typeof read([0x8b, 0, 1, 0, 0], Array(256).fill(1), "."), "bigint");
});

Deno.test("unpickle: a pickle that ends anywhere is cut short", () => {
  const whole = bytesOf(["(K", [1], "X", [2, 0, 0, 0], "abcknown\nf\n)RI12\nl."]);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => unpickle(new Cursor(whole.subarray(0, length), "x"), WORLD), {
      name: "DataError",
      message: /^x: the file is cut short: /,
    });
  }
  const cursor = new Cursor(Uint8Array.of(...whole, 7, 7), "x");
  unpickle(cursor, WORLD);
  // What follows it is another's.
  assert.equal(cursor.at, whole.length);
});

Deno.test("unpickle: four million steps are too many", () => {
  // The number of a protocol, again and again.
  const bytes = new Uint8Array(8_000_002).fill(0x80);
  assert.throws(() => unpickle(new Cursor(bytes, "x"), WORLD), {
    message: "x: its description has more than 4000000 steps, which no checkpoint needs",
  });
});

Deno.test("unpickle: a value may hold itself by the memo", () => {
  const list = read("]q\x00h\x00a.") as unknown[];
  assert.equal(list[0], list);
});

Deno.test("Opaque: what an unknown name makes keeps its arguments, state, elements and items", () => {
  const made = read("cargparse\nNamespace\nK", [1], [0x85], "R}b(K", [2], "K", [3], "u(K", [4], "e.");
  assert.ok(made instanceof Opaque);
  assert.deepEqual([made.name, made.hasItems], ["argparse.Namespace", true]);
  assert.deepEqual(made.parts, [[1], new Map(), [2, 3], [4]]);
  const listed = read("ca\nb\n)R(K", [1], "e(K", [2], [0x90], ".") as Opaque;
  assert.deepEqual([listed.hasItems, listed.parts], [false, [[], [1], [2]]]);
});

Deno.test("Opaque: calling one makes another of its name, which holds both", () => {
  const made = read("ca\nb\n)RK", [1], [0x85], "R.");
  assert.ok(made instanceof Opaque && made.name === "a.b");
  const [[inner, args]] = made.parts as [[Opaque, unknown]];
  assert.ok(inner instanceof Opaque);
  assert.deepEqual(args, [1]);
});

Deno.test("isGlobal: names alone, and nothing that looks like one", () => {
  assert.equal(isGlobal(pickleGlobal("a.b")), true);
  assert.equal(isGlobal({ name: "a.b", call: () => 1 }), false);
  assert.deepEqual([isGlobal(null), isGlobal("a.b")], [false, false]);
});

Deno.test("plainText: a key as text; a collection is only called so", () => {
  assert.deepEqual([1, 2n, "a", null, true].map(plainText), ["1", "2", "a", "null", "true"]);
  assert.deepEqual([[], new Map(), {}].map(plainText), Array(3).fill("a collection"));
});
