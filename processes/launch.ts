/**
 * Whether a launcher of MPI started this process, told by the environment alone: without one nothing is
 * loaded.
 *
 * processes/mod.ts asks it first. Launchers differ in the names of their variables; under one whose names
 * are missing here, every process would be a run of its own.
 */

/** What a launcher says of a process before MPI begins. */
export interface Launch {
  /** Which of the processes this is. */
  readonly rank: number;
  /** How many there are; undefined where the launcher tells only MPI. */
  readonly size: number | undefined;
  /** How many of them are on this machine; undefined where it is not told. */
  readonly local: number | undefined;
}

/**
 * Variables by which launchers tell the rank: Hydra (MPICH, Intel MPI), its -pmi-port, PMIx (Slurm, PRRTE),
 * Open MPI.
 */
const RANKS = ["PMI_RANK", "PMI_ID", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"];
const SIZES = ["PMI_SIZE", "OMPI_COMM_WORLD_SIZE"];
const LOCAL = ["MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_NTASKS_PER_NODE"];

/** @param env a variable, undefined where it is not set @returns undefined without a launcher */
export function launchOf(env: (name: string) => string | undefined): Launch | undefined {
  const rank = firstNumber(RANKS, env);
  if (rank === undefined) return undefined;
  // PMIx says only how many processes a Slurm step has.
  const slurm = env("PMIX_RANK") === undefined ? [] : ["SLURM_STEP_NUM_TASKS"];
  return { rank, size: firstNumber([...SIZES, ...slurm], env), local: firstNumber(LOCAL, env) };
}

function firstNumber(
  names: readonly string[],
  env: (name: string) => string | undefined,
): number | undefined {
  return names.map(env).filter((text) => text !== undefined && /^\d+$/.test(text)).map(Number)[0];
}
