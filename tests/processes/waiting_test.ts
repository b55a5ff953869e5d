/** Where processes wait for one that does not come, they name it; nothing waits without end. */
import assert from "node:assert/strict";
import { type JobWanted, mpiTest, runJob, said, standardLibrary } from "./launching.ts";

const LIMIT = "PLCA_MPI_TIMEOUT is the limit in seconds";

/** The first line that a job writes whose processes do what waiting_child.ts has under this name. */
async function told(
  folder: string,
  scenario: string,
  { processes, ...more }: Pick<JobWanted, "processes" | "library">,
): Promise<string | undefined> {
  const { code, stderr } = await runJob({
    processes,
    args: ["tests/processes/waiting_child.ts", scenario],
    cwd: folder,
    env: { PLCA_MPI_TIMEOUT: "2" },
    ...more,
  });
  assert.notEqual(code, 0);
  return stderr.split("\n")[0];
}

/** By the interface that plca takes, and by the standard one where it is another. */
const libraries = [standardLibrary()].flatMap((standard) => [
  undefined,
  ...typeof standard === "string" || Deno.env.get("PLCA_STANDARD_MPI") === undefined ? [] : [standard.name],
]);

mpiTest("of processes that begin to wait apart the one that does not come is named alone", async (folder) => {
  const all = libraries.map((library) =>
    told(folder, "apart", { processes: 4, ...library === undefined ? {} : { library } })
  );
  for (const line of await Promise.all(all)) {
    assert.equal(
      line,
      "rank 0: exchange 2 with the other processes was not over after 2 s: rank 1 did not come, " +
        `rank 3 waits for the sum of gradients; ${LIMIT}`,
    );
  }
});

mpiTest("the start and the end of a job have the limit too, and name who is missing", async (folder) => {
  const scenarios = ["start", "end"];
  assert.deepEqual(
    await Promise.all(scenarios.map((scenario) => told(folder, scenario, { processes: 2 }))),
    scenarios.map((what) =>
      `rank 0: the ${what} with the other processes was not over after 2 s: rank 1 did not come; ${LIMIT}`
    ),
  );
});

mpiTest("a process that does not even begin MPI ends the job as well", async (folder) => {
  const { code, stderr } = await runJob({
    processes: 2,
    args: ["cli/main.ts", "train", "--quiet"],
    cwd: folder,
    env: { PLCA_MPI_TIMEOUT: "1" },
    behind: ["sh", "-c", 'if [ "$PMI_RANK" = 1 ]; then exec sleep 100; else exec "$@"; fi', "sh"],
  });
  assert.notEqual(code, 0);
  assert.equal(
    said(stderr),
    "MPI did not begin within 1 s: a process of the job did not come to its start, and MPI cannot say which; " +
      `${LIMIT}\nrank 0 ended the job`,
  );
});
