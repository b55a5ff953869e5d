/**
 * The two binary interfaces of MPI that can be called without a compiler: the standard one of MPI 5 and
 * MPICH's, which Intel MPI and MVAPICH share. They differ in what handles are and in the numbers of
 * constants.
 *
 * mpi.ts calls by these numbers and library.ts tells which of the two a library has. Nothing checks them at
 * run time: a wrong number is another operation, or a crash.
 */

/** An interface. */
export interface Abi {
  /** As messages call it. */
  readonly name: string;
  /** What a handle is to a function. */
  readonly handle: "usize" | "i32";
  /** Bytes of a handle in memory. */
  readonly handleBytes: 4 | 8;
  readonly commWorld: number;
  readonly float: number;
  readonly double: number;
  readonly byte: number;
  readonly sum: number;
  readonly errorsReturn: number;
  /** Stands for the buffer that the result goes to. */
  readonly inPlace: bigint;
  readonly statusIgnore: bigint;
  /** Only the thread that begins calls MPI. */
  readonly funneled: number;
  /** Stands for the rank of a sender: whoever it is. */
  readonly anySource: number;
}

/** MPI 5.0, chapter 20. */
export const STANDARD: Abi = {
  name: "the standard interface of MPI 5",
  handle: "usize",
  handleBytes: 8,
  commWorld: 0x101,
  float: 0x210,
  double: 0x214,
  byte: 0x247,
  sum: 0x21,
  errorsReturn: 0x143,
  inPlace: 1n,
  statusIgnore: 0n,
  funneled: 1024,
  anySource: -1,
};

/** MPICH 3.1 and later, Intel MPI, MVAPICH. */
export const MPICH: Abi = {
  name: "MPICH's interface",
  handle: "i32",
  handleBytes: 4,
  commWorld: 0x44000000,
  float: 0x4c00040a,
  double: 0x4c00080b,
  byte: 0x4c00010d,
  sum: 0x58000003,
  errorsReturn: 0x54000001,
  inPlace: 0xffff_ffff_ffff_ffffn,
  statusIgnore: 1n,
  funneled: 1,
  anySource: -2,
};

/** Bytes that are enough for the strings that MPI writes. */
export const TEXT_BYTES = { version: 8192, error: 1024, host: 512 } as const;

/** The functions of an interface, as Deno calls them. */
export function symbolsOf({ handle }: Pick<Abi, "handle">) {
  const int = "i32", buffer = "buffer", any = "usize";
  const function_ = <P extends readonly Deno.NativeType[]>(...parameters: P) =>
    ({ parameters, result: "i32" }) as const;
  return {
    MPI_Init_thread: function_(any, any, int, buffer),
    MPI_Finalize: function_(),
    MPI_Abort: function_(handle, int),
    MPI_Comm_rank: function_(handle, buffer),
    MPI_Comm_size: function_(handle, buffer),
    MPI_Comm_idup: function_(handle, buffer, buffer),
    MPI_Comm_set_errhandler: function_(handle, handle),
    MPI_Error_string: function_(int, buffer, buffer),
    MPI_Get_processor_name: function_(buffer, buffer),
    MPI_Ibarrier: function_(handle, buffer),
    MPI_Iallreduce: function_(any, buffer, int, handle, handle, handle, buffer),
    MPI_Iallgatherv: function_(any, int, handle, buffer, buffer, buffer, handle, handle, buffer),
    MPI_Ialltoallv: function_(
      ...[buffer, buffer, buffer, handle] as const,
      ...[buffer, buffer, buffer, handle, handle, buffer] as const,
    ),
    MPI_Isend: function_(buffer, int, handle, int, int, handle, buffer),
    MPI_Irecv: function_(buffer, int, handle, int, int, handle, buffer),
    MPI_Iprobe: function_(int, int, handle, buffer, any),
    MPI_Test: function_(buffer, buffer, any),
  } as const;
}

/** The functions of a library that was opened. */
export type Symbols = Deno.DynamicLibrary<ReturnType<typeof symbolsOf>>["symbols"];
