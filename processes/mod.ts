/**
 * Several processes, one run. A launcher of MPI starts the same command on every one of them; here each finds
 * the others. Nothing is loaded, and nothing changes, in a process that no launcher started.
 */
import type { Launch } from "./launch.ts";
import { openLibrary } from "./library.ts";
import { Mpi } from "./mpi.ts";
import { MpiWorld } from "./world.ts";

export { type Launch, launchOf } from "./launch.ts";
export { type Library, openLibrary } from "./library.ts";
export { Mpi } from "./mpi.ts";

/** What a process knows of its job. */
export interface Processes {
  readonly world: MpiWorld;
  /** Such as `MPICH 4.0.2`. */
  readonly version: string;
  /** `rank 1 of 4 on node7` */
  readonly who: string;
  /** Waits for the others, then leaves them in peace. */
  close(): void;
  /** Ends all processes of the job, this one included. */
  abort(code: number): void;
}

/** Seconds that a process waits for the others. */
const TIMEOUT = 600;

/**
 * Begins MPI. @param env a variable, undefined where it is not set: PLCA_MPI is a library's file,
 * PLCA_MPI_TIMEOUT a limit in seconds
 * @throws UserError when there is no MPI, or it does not belong to the launcher
 */
export function openProcesses(launch: Launch, env: (name: string) => string | undefined): Processes {
  const library = openLibrary(env("PLCA_MPI"));
  const mpi = new Mpi(library, { launch, timeout: Number(env("PLCA_MPI_TIMEOUT") ?? TIMEOUT) || TIMEOUT });
  return {
    world: new MpiWorld(mpi),
    version: library.version,
    who: `rank ${mpi.rank} of ${mpi.size} on ${mpi.host}`,
    close: () => mpi.finalize(),
    abort: (code) => mpi.abort(code),
  };
}
