/**
 * ONNX Runtime through its C interface, from the shared library inside the npm package (ort_api.ts). The
 * package's own JavaScript binding copies every result into a new buffer; here tensors are given by address,
 * and results are written where they belong, in the heap of the WASM module.
 *
 * All models share one pool of threads. Memory patterns and the arena are off, which would hold memory of
 * past runs for later ones.
 */
import type { Begun } from "../wasm/background.ts";
import { openSemaphores, type Semaphores } from "./semaphore.ts";
import { type Api, check, cString, made, namesOf, openLibrary, type Pointer } from "./ort_api.ts";

const WARNINGS = 2, ALL_OPTIMIZATIONS = 99;
/** Types of elements. */
const FLOAT = 1, UINT8 = 2, INT32 = 6;
/** Arguments of createCpuMemoryInfo: OrtArenaAllocator and OrtMemTypeDefault. */
const ARENA = 1, DEFAULT_MEMORY = 0;

/**
 * A float32 tensor by its address in this process's memory. The memory must not move or be freed during a
 * run.
 */
export interface Operand {
  readonly address: bigint;
  readonly dims: readonly number[];
}

/** A loaded model, ready to run. */
export interface Session {
  /**
   * Computes the outputs into their memory, and returns when they are there. Inputs and outputs in the
   * model's order. @throws Error with the library's message
   */
  run(inputs: readonly Operand[], outputs: readonly Operand[]): void;
  /**
   * Lets a thread of the library compute the outputs. All memory must stay as it is until the run is over.
   * @returns undefined, and nothing is computed, where there is no semaphore to wait on or one thread only
   */
  begin(inputs: readonly Operand[], outputs: readonly Operand[]): Begun | undefined;
}

/** Numbers and their sides. */
export interface Batch {
  readonly dims: readonly number[];
  readonly data: Float32Array | Uint8Array | Int32Array;
}

/** A loaded model of one input and one output, whose result has sides that only the model knows. */
export interface WholeSession {
  /** @throws Error with what ONNX Runtime says of an input that it refuses */
  run(input: Batch): Batch;
  close(): void;
}

/** The loaded library. */
export interface Ort {
  readonly version: string;
  /** @param inputs names, in the order in which `run` takes them @throws Error when the model is not valid */
  load(model: Uint8Array, inputs: readonly string[], outputs: readonly string[]): Session;
  /** The same for a model whose results are copied out. @throws Error when the model is not one */
  open(model: Uint8Array, input: string, output: string): WholeSession;
}

/**
 * Loads the library and starts its threads. They live as long as the process. @throws Error when it is not
 * there
 */
export function openOrt(threads: number): Ort {
  const { version, api } = openLibrary();
  return startOrt(version, api, threads);
}

/** Makes the environment with its threads, and the options that all sessions share. */
function startOrt(version: string, api: Api, threads: number): Ort {
  const threading = made(api, api.createThreadingOptions);
  check(api, api.setGlobalIntraOpNumThreads(threading, threads));
  check(api, api.setGlobalInterOpNumThreads(threading, 1));
  check(api, api.setGlobalSpinControl(threading, 0));
  const name = cString("plca");
  const env = made(api, (out) => api.createEnvWithGlobalThreadPools(WARNINGS, name, threading, out));
  const optionsOf = () => {
    const options = made(api, api.createSessionOptions);
    check(api, api.disablePerSessionThreads(options));
    check(api, api.setSessionGraphOptimizationLevel(options, ALL_OPTIMIZATIONS));
    return options;
  };
  // Results of these are written where they belong, so nothing is kept for the next run.
  const options = optionsOf();
  check(api, api.disableMemPattern(options));
  check(api, api.disableCpuMemArena(options));
  const memory = made(api, (out) => api.createCpuMemoryInfo(ARENA, DEFAULT_MEMORY, out));
  const loaded = (model: Uint8Array, by: Pointer) => {
    const bytes = new Uint8Array(model);
    return made(api, (out) => api.createSessionFromArray(env, bytes, BigInt(bytes.length), by, out));
  };
  let whole: Pointer | undefined;
  const semaphores = threads > 1 ? openSemaphores() : undefined;
  return {
    version,
    load(model, inputs, outputs) {
      return sessionOf(api, { session: loaded(model, options), memory, inputs, outputs }, semaphores);
    },
    open(model, input, output) {
      const session = loaded(model, whole ??= optionsOf());
      return wholeSessionOf(api, { session, memory, inputs: [input], outputs: [output] });
    },
  };
}

/** Arrays of numbers by the type of their elements. */
const ARRAYS = new Map<number, typeof Float32Array | typeof Uint8Array | typeof Int32Array>([
  [FLOAT, Float32Array],
  [UINT8, Uint8Array],
  [INT32, Int32Array],
]);

function wholeSessionOf(api: Api, { session, memory, inputs, outputs }: Loaded): WholeSession {
  const [inputNames, outputNames] = [namesOf(inputs), namesOf(outputs)];
  return {
    run({ dims, data }) {
      const [type] = [...ARRAYS].find(([, kind]) => data instanceof kind)!;
      const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
      const shape = BigInt64Array.from(dims, BigInt), at = Deno.UnsafePointer.of(bytes);
      const input = made(
        api,
        (out) =>
          api.createTensorWithDataAsOrtValue(
            memory,
            at,
            BigInt(bytes.length),
            shape,
            BigInt(dims.length),
            type,
            out,
          ),
      );
      const feeds = BigUint64Array.of(Deno.UnsafePointer.value(input)), fetches = new BigUint64Array(1);
      try {
        check(
          api,
          api.run(session, null, inputNames.addresses, feeds, 1n, outputNames.addresses, 1n, fetches),
        );
        return copied(api, Deno.UnsafePointer.create(fetches[0]!));
      } finally {
        for (const address of [...feeds, ...fetches]) {
          if (address !== 0n) api.releaseValue(Deno.UnsafePointer.create(address));
        }
      }
    },
    close: () => void api.releaseSession(session),
  };
}

/** A result in memory of its own. @throws Error for elements of a type that is none of `ARRAYS` */
function copied(api: Api, value: Pointer): Batch {
  const info = made(api, (out) => api.getTensorTypeAndShape(value, out));
  const type = new Int32Array(1), rank = new BigUint64Array(1);
  check(api, api.getTensorElementType(info, type));
  check(api, api.getDimensionsCount(info, rank));
  const sides = new BigInt64Array(Number(rank[0]!));
  check(api, api.getDimensions(info, sides, rank[0]!));
  api.releaseTensorTypeAndShapeInfo(info);
  const Kind = ARRAYS.get(type[0]!);
  if (Kind === undefined) throw new Error(`ONNX Runtime: the result has elements of type ${type[0]}`);
  const dims = [...sides].map(Number), data = new Kind(dims.reduce((product, side) => product * side, 1));
  const at = made(api, (out) => api.getTensorMutableData(value, out));
  if (data.length > 0) new Deno.UnsafePointerView(at as Deno.PointerObject).copyInto(data);
  return { dims, data };
}

interface Loaded {
  readonly session: Pointer;
  readonly memory: Pointer;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/**
 * The session of a loaded model. A run wraps each operand in an OrtValue, which borrows its memory, and
 * releases it after.
 */
function sessionOf(
  api: Api,
  { session, memory, inputs, outputs }: Loaded,
  semaphores: Semaphores | undefined,
): Session {
  const [inputNames, outputNames] = [namesOf(inputs), namesOf(outputs)];
  const [inputCount, outputCount] = [BigInt(inputs.length), BigInt(outputs.length)];
  const value = ({ address, dims }: Operand): bigint => {
    const bytes = BigInt(4 * dims.reduce((product, side) => product * side, 1));
    const shape = BigInt64Array.from(dims, BigInt);
    const data = Deno.UnsafePointer.create(address);
    const out = new BigUint64Array(1);
    check(
      api,
      api.createTensorWithDataAsOrtValue(memory, data, bytes, shape, BigInt(dims.length), FLOAT, out),
    );
    return out[0]!;
  };
  const valuesOf = (operands: readonly Operand[]) => {
    // Of an ArrayBuffer, so that it stays where it is while another thread reads it.
    const values = new BigUint64Array(new ArrayBuffer(8 * operands.length));
    operands.forEach((operand, k) => values[k] = value(operand));
    return values;
  };
  const argumentsOf = (feeds: BigUint64Array<ArrayBuffer>, fetches: BigUint64Array<ArrayBuffer>) =>
    [inputNames.addresses, feeds, inputCount, outputNames.addresses, outputCount, fetches] as const;
  const release = (...lists: readonly BigUint64Array[]) => {
    for (const list of lists) {
      for (const address of list) api.releaseValue(Deno.UnsafePointer.create(address));
    }
  };
  return {
    run(inputOperands, outputOperands) {
      const feeds = valuesOf(inputOperands), fetches = valuesOf(outputOperands);
      try {
        check(api, api.run(session, null, ...argumentsOf(feeds, fetches)));
      } finally {
        release(feeds, fetches);
      }
    },
    begin(inputOperands, outputOperands) {
      if (semaphores === undefined) return undefined;
      const feeds = valuesOf(inputOperands), fetches = valuesOf(outputOperands);
      const semaphore = semaphores.make();
      // The library calls `raise` with the semaphore's address, and then with the status of the run, which the C
      // function ignores. A run fails only for shapes that do not fit or for want of memory.
      const args = argumentsOf(feeds, fetches);
      try {
        check(api, api.runAsync(session, null, ...args, semaphores.raise, semaphore.at));
      } catch {
        // The pool has one thread after all, or is full: done here, it works or says what is wrong.
        release(feeds, fetches);
        return undefined;
      }
      let over = false;
      const end = () => {
        over = true;
        release(feeds, fetches);
      };
      return {
        isOver() {
          if (!over && semaphore.taken()) end();
          return over;
        },
        wait() {
          if (over) return;
          semaphore.wait();
          end();
        },
      };
    },
  };
}
