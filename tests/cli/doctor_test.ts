import assert from "node:assert/strict";
import { backendLine, processesLine } from "../../cli/doctor.ts";
import type { Job } from "../../cli/job.ts";
import { openLibrary } from "../../processes/mod.ts";
import { assertSuccess, mpiTest, runJob } from "../processes/launching.ts";

Deno.test("doctor tells a GPU, a software adapter that auto refuses, and a missing backend apart", () => {
  const name = "webgpu";
  assert.deepEqual(
    [
      backendLine({ name, available: true, detail: "nvidia RTX" }),
      backendLine({
        name,
        available: true,
        software: true,
        detail: "only a software adapter (llvmpipe)",
      }),
      backendLine({ name, available: false, detail: "no WebGPU adapter found" }),
    ],
    [
      "  webgpu     found          nvidia RTX",
      "  webgpu     software only  only a software adapter (llvmpipe)",
      "  webgpu     missing        no WebGPU adapter found",
    ],
  );
});

Deno.test("doctor says of MPI why there is none, and in a job what a launcher started", () => {
  const env = (name: string) => name === "PLCA_MPI" ? "/nowhere/libmpi.so" : undefined;
  const job = (size: number | undefined) =>
    ({ launch: { rank: 0, size, local: undefined } }) satisfies Pick<Job, "launch"> as Job;
  const line = processesLine({ env });
  assert.match(line, /^MPI {5}PLCA_MPI \/nowhere\/libmpi\.so: Could not open library: [^;]*$/);
  assert.equal(processesLine({ env, job: job(4) }), `${line}; a launcher started 4 processes`);
  assert.equal(processesLine({ env, job: job(undefined) }), `${line}; a launcher started several processes`);
});

mpiTest(
  "doctor names the library of MPI, its version and interface, and under a launcher the processes",
  async (folder) => {
    const env = (name: string) => Deno.env.get(name);
    const { name, version, abi } = openLibrary(env("PLCA_MPI"));
    const line = `MPI     ${version} (${name}, by ${abi.name})`;
    assert.match(version, /^\S.* \d+(\.\d+)+/);
    assert.equal(processesLine({ env }), `${line}; no launcher started this process`);
    const outcome = await runJob({ processes: 2, args: ["cli/main.ts", "doctor"], cwd: folder });
    assertSuccess(outcome);
    assert.equal(outcome.stdout.split("MPI  ").length, 2);
    assert.ok(outcome.stdout.endsWith(`\n${line}; a launcher started 2 processes\n`), outcome.stdout);
  },
);
