/**
 * The C interface of ONNX Runtime, by Deno's FFI: the library's file, its table of functions, and how
 * statuses, texts and lists of names cross the border. ort.ts makes sessions of it.
 *
 * The C interface is one exported function, which gives a table of function pointers. Functions are only ever
 * appended to the table, so a function is known by its place in it: FUNCTIONS lists the places that are used,
 * with their arguments. Nothing checks these at run time, and a wrong one would crash the process; the
 * products that kernels.ts computes at the start go through all that a run needs.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { IN_PACKAGE } from "../../core/packaged.ts";

/** The version of the function table that is asked for; every later library still has it. */
const API_VERSION = 16;

/** An address; null for none. */
export type Pointer = Deno.PointerValue;
type Native = Deno.NativeType;

/**
 * Places in the function table (OrtApi of onnxruntime_c_api.h) and the arguments; each returns a status or
 * nothing.
 */
const FUNCTIONS = {
  getErrorMessage: [2, ["pointer"], "pointer"],
  createSessionFromArray: [8, ["pointer", "buffer", "usize", "pointer", "buffer"], "pointer"],
  run: [9, ["pointer", "pointer", "buffer", "buffer", "usize", "buffer", "usize", "buffer"], "pointer"],
  createSessionOptions: [10, ["buffer"], "pointer"],
  disableMemPattern: [17, ["pointer"], "pointer"],
  disableCpuMemArena: [19, ["pointer"], "pointer"],
  setSessionGraphOptimizationLevel: [23, ["pointer", "i32"], "pointer"],
  createTensorWithDataAsOrtValue: [
    49,
    ["pointer", "pointer", "usize", "buffer", "usize", "i32", "buffer"],
    "pointer",
  ],
  getTensorMutableData: [51, ["pointer", "buffer"], "pointer"],
  getTensorElementType: [60, ["pointer", "buffer"], "pointer"],
  getDimensionsCount: [61, ["pointer", "buffer"], "pointer"],
  getDimensions: [62, ["pointer", "buffer", "usize"], "pointer"],
  getTensorTypeAndShape: [65, ["pointer", "buffer"], "pointer"],
  createCpuMemoryInfo: [69, ["i32", "i32", "buffer"], "pointer"],
  releaseStatus: [93, ["pointer"], "void"],
  releaseSession: [95, ["pointer"], "void"],
  releaseValue: [96, ["pointer"], "void"],
  releaseTensorTypeAndShapeInfo: [99, ["pointer"], "void"],
  createEnvWithGlobalThreadPools: [119, ["i32", "buffer", "pointer", "buffer"], "pointer"],
  disablePerSessionThreads: [120, ["pointer"], "pointer"],
  createThreadingOptions: [121, ["buffer"], "pointer"],
  setGlobalIntraOpNumThreads: [147, ["pointer", "i32"], "pointer"],
  setGlobalInterOpNumThreads: [148, ["pointer", "i32"], "pointer"],
  setGlobalSpinControl: [149, ["pointer", "i32"], "pointer"],
  runAsync: [
    260,
    [
      ...["pointer", "pointer", "buffer", "buffer", "usize", "buffer", "usize", "buffer"] as const,
      ...["pointer", "pointer"] as const,
    ],
    "pointer",
  ],
} as const satisfies Record<string, readonly [number, readonly Native[], "pointer" | "void"]>;

type Name = keyof typeof FUNCTIONS;
type Argument = Pointer | BufferSource | number | bigint | null;
/** The functions that are used, by name. */
export type Api = Readonly<Record<Name, (...args: Argument[]) => Pointer>>;

/** The library's interface, and its version in words. */
export interface OrtLibrary {
  readonly version: string;
  readonly api: Api;
}

/** Loads the library. @throws Error when it is not there, or is older than the table that is asked for */
export function openLibrary(): OrtLibrary {
  const library = Deno.dlopen(libraryPath(), { OrtGetApiBase: { parameters: [], result: "pointer" } });
  const base = new Deno.UnsafePointerView(library.symbols.OrtGetApiBase()!);
  const call = (offset: number, parameters: readonly Native[], ...args: Argument[]) =>
    nativeFunction(base.getPointer(offset), parameters, "pointer")(...args);
  const version = new Deno.UnsafePointerView(call(8, [])!).getCString();
  const table = call(0, ["u32"], API_VERSION);
  if (table === null) throw new Error(`ONNX Runtime ${version} has no interface of version ${API_VERSION}`);
  return { version, api: apiOf(new Deno.UnsafePointerView(table)) };
}

/** Never called. It names the package to Deno, which else does not have it where a program links a clone. */
export const namesPackage = () => import("onnxruntime-node");

/**
 * The library's file. A clone has the libraries of all systems, in onnxruntime-node; the npm package of plca
 * comes with a package for one system alone.
 */
function libraryPath(): string {
  const platform = Deno.build.os === "windows" ? "win32" : Deno.build.os;
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const { resolve } = createRequire(import.meta.url);
  const folder = IN_PACKAGE
    ? dirname(resolve(`@plca/onnxruntime-${platform}-${arch}/package.json`))
    : join(dirname(resolve("onnxruntime-node")), "..", "bin", "napi-v6", platform, arch);
  for (const { name } of Deno.readDirSync(folder)) {
    if (/^(lib)?onnxruntime\..*/.test(name)) return join(folder, name);
  }
  throw new Error(`ONNX Runtime has no library for ${platform} ${arch}`);
}

/** The table's functions, by name. */
function apiOf(table: Deno.UnsafePointerView): Api {
  return Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, [index, parameters, result]]) => [
      name,
      nativeFunction(table.getPointer(8 * index), parameters, result),
    ]),
  ) as Api;
}

/** A function of the library that can be called, from its address. */
function nativeFunction(
  at: Pointer,
  parameters: readonly Native[],
  result: "pointer" | "void",
): (...args: Argument[]) => Pointer {
  const native = new Deno.UnsafeFnPointer(at as Deno.PointerObject<never>, { parameters, result });
  return (...args) => (native.call as (...args: Argument[]) => Pointer).apply(native, args);
}

/** @throws Error with the message of a status; a null status is a success */
export function check(api: Api, status: Pointer): void {
  if (status === null) return;
  const message = new Deno.UnsafePointerView(api.getErrorMessage(status)!).getCString();
  api.releaseStatus(status);
  throw new Error(`ONNX Runtime: ${message}`);
}

/** Calls a function that writes a pointer through its last argument, and returns that pointer. */
export function made(api: Api, make: (out: BigUint64Array<ArrayBuffer>) => Pointer): Pointer {
  const out = new BigUint64Array(1);
  check(api, make(out));
  return Deno.UnsafePointer.create(out[0]!);
}

/** The bytes of a text as C takes it, with a zero at its end. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/**
 * Names as C takes them: a list of addresses. The strings are kept with it, because their memory must not be
 * collected.
 */
export interface Names {
  readonly strings: readonly Uint8Array<ArrayBuffer>[];
  readonly addresses: BigUint64Array<ArrayBuffer>;
}

export function namesOf(names: readonly string[]): Names {
  const strings = names.map(cString);
  // Of an ArrayBuffer: it is read by other threads too, and the memory of a small array of its own could move.
  const addresses = new BigUint64Array(new ArrayBuffer(8 * strings.length));
  strings.forEach((string, k) => addresses[k] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(string)));
  return { strings, addresses };
}
