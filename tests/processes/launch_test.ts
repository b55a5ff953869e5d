import assert from "node:assert/strict";
import { drawnForOwn } from "../../core/world.ts";
import { launchOf, openProcesses } from "../../processes/mod.ts";

function launchBy(env: Readonly<Record<string, string>>) {
  return launchOf((name) => env[name]);
}

Deno.test("launchers are known by what they tell a process; an allocation of Slurm alone is none", () => {
  assert.equal(launchBy({}), undefined);
  assert.equal(launchBy({ SLURM_NTASKS: "4", SLURM_PROCID: "0" }), undefined);
  assert.deepEqual(launchBy({ PMI_RANK: "1", PMI_SIZE: "4", MPI_LOCALNRANKS: "2" }), {
    rank: 1,
    size: 4,
    local: 2,
  });
  assert.deepEqual(launchBy({ PMI_ID: "0", PMI_PORT: "here:1" }), {
    rank: 0,
    size: undefined,
    local: undefined,
  });
  assert.deepEqual(launchBy({ PMIX_RANK: "3", SLURM_STEP_NUM_TASKS: "8" }), {
    rank: 3,
    size: 8,
    local: undefined,
  });
  assert.deepEqual(launchBy({ OMPI_COMM_WORLD_RANK: "0", OMPI_COMM_WORLD_SIZE: "2" }), {
    rank: 0,
    size: 2,
    local: undefined,
  });
});

Deno.test("openProcesses refuses a PLCA_MPI_TIMEOUT that is no number above 0, before it looks for MPI", () => {
  for (const given of ["abc", "0", "-1", "1m"]) {
    assert.throws(
      () =>
        openProcesses(
          { rank: 0, size: 1, local: 1 },
          (name) => name === "PLCA_MPI_TIMEOUT" ? given : "/none",
        ),
      {
        name: "UserError",
        message: `PLCA_MPI_TIMEOUT is ${given}: expected a number of seconds above 0, such as 600`,
      },
    );
  }
});

Deno.test("what is drawn for the parts of a batch is what is drawn for the whole", () => {
  const numbers = () => {
    let next = 0;
    return () => next++;
  };
  const whole = drawnForOwn(6, { rank: 0, size: 1 }, numbers());
  const parts = [0, 1, 2].map((rank) => drawnForOwn(2, { rank, size: 3 }, numbers()));
  assert.deepEqual(parts.flat(), whole);
});
