/**
 * Two machines that share nothing but data and runs:
 *
 *     deno task bench clusters nodes
 *
 * Two network namespaces are the machines. Each has its own copy of plca, of Deno's packages, its own home, temporary and working
 * folder, and sees neither the other's nor the original: they are hidden under empty file systems. The losses must be those of two
 * processes of one machine. Needs MPICH, root, `ip` and `mount`.
 */
import { fileURLToPath } from "node:url";
import { inNamespaces, INTO_NAMESPACE } from "./clusters.ts";
import { record } from "./record.ts";
import { recipeText } from "../tests/processes/recipes.ts";

const LAUNCHER = "mpiexec.mpich", STEPS = 10;

/** Trains in both ways, compares and writes the section. */
export async function nodes(): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "plca-nodes-" });
  const own = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
  const { denoDir } = JSON.parse(await output("deno info", [Deno.execPath(), "info", "--json"]));
  const mounts = (await output("mounts", ["readlink", "/proc/self/ns/mnt"])).trim();
  const training = { steps: STEPS, batch: 2, validate_every: 5, log_every: 1, checkpoint_every: 5 };
  const recipe = recipeText("plca", { name: "nodes", training });
  try {
    for (const [core, node] of ["a", "b"].entries()) {
      const other = node === "a" ? "b" : "a", home = `${folder}/${node}`;
      for (const part of ["plca", "packages", "home", "tmp", "work"]) {
        await Deno.mkdir(`${home}/${part}`, { recursive: true });
      }
      await output("copy", [
        ...["sh", "-c", 'cd "$1" && git ls-files -z | xargs -0 cp --parents -t "$2"', "sh"],
        ...[own, `${home}/plca`],
      ]);
      await output("copy", ["cp", "-r", `${denoDir}/npm`, `${home}/packages/npm`]);
      await output("copy", ["sh", "-c", 'cp ~/.npmrc "$1" || true', "sh", `${home}/home`]);
      await Deno.writeTextFile(`${home}/work/nodes.yaml`, recipe);
      const hidden = [`${folder}/${other}`, denoDir, own];
      await Deno.writeTextFile(
        `${home}/start.sh`,
        startOf(home, { hidden, mounts, core, run: `${folder}/run` }),
        {
          mode: 0o755,
        },
      );
    }
    await Deno.writeTextFile(`${folder}/into.sh`, INTO_NAMESPACE, { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/one.yaml`, recipe);
    await output("two processes of one machine", [
      ...[LAUNCHER, "-n", "2", "sh", "-c", 'exec taskset -c "$MPI_LOCALRANKID" "$@"', "sh"],
      ...[Deno.execPath(), "run", "-A", "--quiet", "--no-check"],
      ...["--config", `${own}/deno.json`, `${own}/cli/main.ts`],
      ...["train", `${folder}/one.yaml`, "--quiet", "--run", `${folder}/one`],
    ]);
    await inNamespaces(() =>
      output("two machines", [
        ...["ip", "netns", "exec", "plca-a", "env", "UCX_TLS=tcp,self", LAUNCHER],
        ...["-launcher", "ssh", "-launcher-exec", `${folder}/into.sh`, "-hosts", "10.9.0.1:1,10.9.0.2:1"],
        ...["-n", "1", `${folder}/a/start.sh`, ":", "-n", "1", `${folder}/b/start.sh`],
      ]).then(() => {})
    );
    await write(await losses(`${folder}/one`), await losses(`${folder}/run`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Node {
  /** What it is not to see. */
  readonly hidden: readonly string[];
  /** The name of the mounts that it is not to change. */
  readonly mounts: string;
  /** The core that it has. */
  readonly core: number;
  readonly run: string;
}

/** What starts plca on a machine. Mounts are seen in the namespace only. */
function startOf(home: string, { hidden, mounts, core, run }: Node): string {
  return `#!/bin/sh
set -e
# Never where the mounts would be everyone's.
[ "$(readlink /proc/self/ns/mnt)" != '${mounts}' ]
${hidden.map((path) => `mount -t tmpfs none '${path}'`).join("\n")}
export HOME='${home}/home' DENO_DIR='${home}/packages' TMPDIR='${home}/tmp' INIT_CWD='${home}/work' PWD='${home}/work'
cd '${home}/work'
exec taskset -c ${core} '${Deno.execPath()}' run -A --quiet --no-check --cached-only --config '${home}/plca/deno.json' \\
  '${home}/plca/cli/main.ts' train nodes.yaml --quiet --run '${run}'
`;
}

async function output(what: string, [program, ...args]: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program!, { args, stdin: "null" }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${what}: ${text.decode(stderr)}${text.decode(stdout)}`);
  return text.decode(stdout);
}

/** Of every step: the objective and its terms. */
async function losses(run: string): Promise<readonly Readonly<Record<string, number>>[]> {
  return (await Deno.readTextFile(`${run}/events.jsonl`)).split("\n")
    .filter((line) => line.includes('"step",')).map((line) => JSON.parse(line))
    .map(({ total, terms }) => ({ total, ...terms }));
}

type Losses = Awaited<ReturnType<typeof losses>>;

async function write(one: Losses, two: Losses): Promise<void> {
  if (one.length !== STEPS || two.length !== STEPS) throw new Error(`${one.length} and ${two.length} steps`);
  const furthest = Math.max(
    ...one.flatMap((terms, k) =>
      Object.entries(terms).map(([name, value]) =>
        Math.abs(value - two[k]![name]!) / Math.max(1e-9, Math.abs(value))
      )
    ),
  );
  console.log(`largest relative difference ${furthest}`);
  await record("clusters_nodes", {
    title: "Machines that share nothing but data and runs",
    text: [
      `${STEPS} steps of a small network on drawn streets by two processes with a core each: of one machine, and of two network namespaces, each ` +
      "with its own copy of plca and of Deno's packages, its own home, temporary and working folder, the other's and the " +
      "original hidden from it. The largest relative difference of the objective and its terms over all steps.",
    ],
    columns: ["what", "steps", "largest difference"],
    rows: [["two namespaces against one machine", String(STEPS), String(furthest)]],
    commands: ["deno task bench clusters nodes"],
  });
}
