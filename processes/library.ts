/**
 * Finds MPI on this machine and which of the interfaces it has.
 *
 * processes/mod.ts calls it once a launcher is known. The library must be the one of the launcher: another
 * one starts, and every process then believes that it is alone, so mpi.ts compares its number of processes
 * with the launcher's.
 */
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";
import { type Abi, MPICH, STANDARD, type Symbols, symbolsOf, TEXT_BYTES } from "./abi.ts";

/** A library that was opened; nothing of MPI has begun. */
export interface Library {
  /** As it was found. */
  readonly name: string;
  readonly abi: Abi;
  /** Such as `MPICH 4.0.2`. */
  readonly version: string;
  readonly symbols: Symbols;
}

/** Where a library may be, by name; the first that is there is taken. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  linux: ["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so", "libmpi.so.12", "libmpich.so.12"],
  darwin: ["libmpi_abi.1.dylib", "libmpi_abi.dylib", "libmpi.12.dylib", "libmpich.12.dylib"],
};

/** Open MPI's own interface: only to say that it is that. */
const OPEN_MPI: Readonly<Record<string, string>> = { linux: "libmpi.so.40", darwin: "libmpi.40.dylib" };

/** What every MPI answers before it has begun. */
const QUESTIONS = {
  MPI_Abi_get_version: { parameters: ["buffer", "buffer"], result: "i32", optional: true },
  MPI_Get_library_version: { parameters: ["buffer", "buffer"], result: "i32", optional: true },
  ompi_mpi_init: { parameters: [], result: "i32", optional: true },
} as const;

const WAY_OUT =
  "install MPICH (Debian and Ubuntu: mpich; pip: mpich), Intel MPI or an MPI with libmpi_abi.so (MPI 5), and " +
  "start with its own mpirun; PLCA_MPI names the file of another library";

/**
 * Opens MPI. @param given a file or a name to take instead of looking (`PLCA_MPI`)
 * @throws UserError that says what was looked for and what to install
 */
export function openLibrary(given: string | undefined): Library {
  const wanted = given === undefined ? NAMES[Deno.build.os] ?? [] : [given];
  const failures: string[] = [];
  for (const name of wanted) {
    const found = tryLibrary(name);
    if (typeof found !== "string") return found;
    failures.push(found);
  }
  if (given !== undefined) {
    const way = failures[0] === OPEN_MPI_WORDS ? `it ${OPEN_MPI_WORDS}; ${WAY_OUT}` : failures[0];
    throw new UserError(`PLCA_MPI ${given}: ${way}`);
  }
  const open = OPEN_MPI[Deno.build.os];
  const refused = open !== undefined && tryLibrary(open) === OPEN_MPI_WORDS
    ? `; ${open} ${OPEN_MPI_WORDS}`
    : "";
  throw new UserError(`there is no MPI that plca can call (${wanted.join(", ")})${refused}; ${WAY_OUT}`);
}

const OPEN_MPI_WORDS = "has Open MPI's own interface, which is not the same from one build to the next";

/** A library, or why it cannot be used. */
function tryLibrary(name: string): Library | string {
  try {
    const { symbols } = Deno.dlopen(name, QUESTIONS);
    if (symbols.ompi_mpi_init && !isStandard(symbols.MPI_Abi_get_version)) return OPEN_MPI_WORDS;
    const abi = isStandard(symbols.MPI_Abi_get_version) ? STANDARD : MPICH;
    const version = versionOf(symbols.MPI_Get_library_version);
    return { name, abi, version, symbols: Deno.dlopen(name, symbolsOf(abi)).symbols as Symbols };
  } catch (error) {
    return messageOf(error);
  }
}

type Question = ((a: Int32Array, b: Int32Array) => number) | null;

function isStandard(ask: Question): boolean {
  const [major, minor] = [new Int32Array(1), new Int32Array(1)];
  return ask !== null && ask(major, minor) === 0 && major[0]! >= 1;
}

function versionOf(ask: ((text: Uint8Array, length: Int32Array) => number) | null): string {
  const text = new Uint8Array(TEXT_BYTES.version), length = new Int32Array(1);
  if (ask === null || ask(text, length) !== 0) return "of an unknown version";
  const whole = new TextDecoder().decode(text.subarray(0, length[0]!)).replaceAll("\0", "");
  const [name, number] = [/^\s*([^\n:]+?) Version/.exec(whole)?.[1], /Version:?\s*([\w.]+)/.exec(whole)?.[1]];
  return name && number ? `${name} ${number}` : whole.split("\n")[0]!.trim();
}
