/**
 * One of several processes that come to each other late or not at all: `waiting_child.ts SCENARIO`, with the limit in
 * PLCA_MPI_TIMEOUT. What a process learns of the others it writes to standard error, behind its rank.
 */
import { launchOf } from "../../processes/launch.ts";
import { type Library, openLibrary } from "../../processes/library.ts";
import { Mpi } from "../../processes/mpi.ts";
import { floats } from "../../processes/requests.ts";

/** Seconds after which nobody waits any more. */
const NEVER = 100;

const [scenario] = Deno.args;
const env = (name: string) => Deno.env.get(name);
const launch = launchOf(env)!;

/** Processes are late in calls of MPI, where they answer nobody. */
function sleep(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000 * seconds);
}

/** A library that the process 1 stays away from when it is to call this function. */
function avoiding(name: "MPI_Comm_idup" | "MPI_Ibarrier"): Library {
  const library = openLibrary(env("PLCA_MPI"));
  const late = () => {
    sleep(NEVER);
    return 0;
  };
  return launch.rank === 1 ? { ...library, symbols: { ...library.symbols, [name]: late } } : library;
}

function open(library = openLibrary(env("PLCA_MPI"))): Mpi {
  return new Mpi(library, { launch, timeout: Number(env("PLCA_MPI_TIMEOUT")) });
}

/** What is done, by name. */
const SCENARIOS: Readonly<Record<string, () => void>> = {
  start: () => void open(avoiding("MPI_Comm_idup")),
  end: () => open(avoiding("MPI_Ibarrier")).finalize(),
  // The process 1 does not come, 2 comes while the first one is asking, 3 is elsewhere.
  apart() {
    const mpi = open();
    mpi.sum(new Float64Array(new ArrayBuffer(8)));
    sleep([0, NEVER, 3.5, 0.5][launch.rank]!);
    if (launch.rank === 3) return mpi.wait(mpi.beginGradientSum(floats(1)));
    mpi.sum(new Float64Array(new ArrayBuffer(8)));
  },
};

try {
  SCENARIOS[scenario!]!();
} catch (error) {
  console.error(`rank ${launch.rank}: ${(error as Error).message}`);
  sleep(0.3);
  Deno.exit(2);
}
