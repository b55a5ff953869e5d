/** Which MPI is taken: the standard interface, MPICH's, and none that cannot be called. */
import assert from "node:assert/strict";
import { type Library, openLibrary } from "../../processes/mod.ts";
import { assertSuccess, mpiTest, runJob, standardLibrary } from "./launching.ts";
import { recipeText } from "./recipes.ts";
import { hasElf, stubLibrary } from "./stub_library.ts";

Deno.test("a library that is named and not there is told by that name", () => {
  assert.throws(() => openLibrary("/nowhere/libmpi.so"), {
    name: "UserError",
    message: /^PLCA_MPI \/nowhere\/libmpi\.so: Could not open library/,
  });
});

Deno.test({
  name: "Open MPI's own interface is refused with the way out",
  ignore: !hasElf,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const file = `${folder}/libmpi.so.40`;
      await Deno.writeFile(file, stubLibrary(["MPI_Get_library_version", "ompi_mpi_init"]));
      assert.throws(() => openLibrary(file), {
        name: "UserError",
        message:
          `PLCA_MPI ${file}: it has Open MPI's own interface, which is not the same from one build to the ` +
          "next; install MPICH (Debian and Ubuntu: mpich; pip: mpich), Intel MPI or an MPI with libmpi_abi.so (MPI 5), " +
          "and start with its own mpirun; PLCA_MPI names the file of another library",
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

const library = standardLibrary();

mpiTest("2 processes by the standard interface make the losses of one, to rounding", async (folder) => {
  const { name, version } = library as Library;
  const training = { steps: 3, batch: 4, validate_every: 0, log_every: 1 };
  Deno.writeTextFileSync(`${folder}/short.yaml`, recipeText("plca", { name: "short", training }));
  const trained = async (processes: number) => {
    const args = ["cli/main.ts", "train", "short.yaml", "--run", `run-${processes}`];
    const outcome = await runJob({
      processes,
      args,
      cwd: folder,
      library: name,
    });
    assertSuccess(outcome);
    const lines = Deno.readTextFileSync(`${folder}/run-${processes}/events.jsonl`).split("\n");
    return {
      outcome,
      steps: lines.filter((line) => line.includes('"step",')).map((line) => JSON.parse(line)),
    };
  };
  const one = await trained(1), two = await trained(2);
  assert.ok(two.outcome.stdout.includes(`2 processes by ${version}, `), two.outcome.stdout);
  assert.deepEqual([one.steps.length, two.steps.length], [3, 3]);
  for (const [k, { total }] of one.steps.entries()) {
    assert.ok(Math.abs(total - two.steps[k].total) < 1e-5 * Math.abs(total), `step ${k + 1}`);
  }
}, typeof library === "string" ? library : undefined);
