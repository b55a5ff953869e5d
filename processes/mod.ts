/**
 * Several processes, one run. A launcher of MPI starts the same command on every one of them; here each finds
 * the others. Nothing is loaded, and nothing changes, in a process that no launcher started.
 */
import { UserError } from "../core/errors.ts";
import type { Launch } from "./launch.ts";
import { openLibrary } from "./library.ts";
import { Mpi, type Watch } from "./mpi.ts";
import { MpiWorld } from "./world.ts";

export { type Launch, launchOf } from "./launch.ts";
export { type Library, openLibrary } from "./library.ts";
export { Mpi, type Watch } from "./mpi.ts";

/** A process's place among those of its job, and the ways to leave them. */
export interface Processes {
  readonly world: MpiWorld;
  /** Such as `MPICH 4.0.2`. */
  readonly version: string;
  /** `rank 1 of 4 on node7` */
  readonly who: string;
  /** Waits for the others, then ends MPI. @throws UserError that names those who do not come */
  close(): void;
  /** Ends all processes of the job, this one included. */
  abort(code: number): void;
}

/** Seconds that a process waits for the others. */
const TIMEOUT = 600;

/**
 * Begins MPI.
 * @param env gives a variable's value, undefined where it is not set: PLCA_MPI is a library's file,
 * PLCA_MPI_TIMEOUT a limit in seconds
 * @param watch ends the process where MPI does not begin within the limit; absent: it waits without end
 * @throws UserError when there is no MPI, it does not belong to the launcher, others do not come, or the limit
 * is no number above 0
 */
export function openProcesses(
  launch: Launch,
  env: (name: string) => string | undefined,
  watch?: Watch,
): Processes {
  const timeout = timeoutOf(env("PLCA_MPI_TIMEOUT"));
  const library = openLibrary(env("PLCA_MPI"));
  const mpi = new Mpi(library, { launch, timeout, watch });
  return {
    world: new MpiWorld(mpi),
    version: library.version,
    who: `rank ${mpi.rank} of ${mpi.size} on ${mpi.host}`,
    close: () => mpi.finalize(),
    abort: (code) => mpi.abort(code),
  };
}

/**
 * The limit in seconds. @param given as PLCA_MPI_TIMEOUT has it; undefined or empty: the default @throws
 * UserError when it is no number above 0
 */
function timeoutOf(given: string | undefined): number {
  if (given === undefined || given === "") return TIMEOUT;
  const seconds = Number(given);
  if (seconds > 0) return seconds;
  throw new UserError(
    `PLCA_MPI_TIMEOUT is ${given}: expected a number of seconds above 0, such as ${TIMEOUT}`,
  );
}
