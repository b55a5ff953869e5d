/**
 * Several processes: steps of ResNet-101 by one process on one core, by two on a core each, and by two on a machine each, which are
 * network namespaces here, joined by a wire of a known rate:
 *
 *     deno task bench clusters [CROP]
 *
 * Needs MPICH and two cores and, for the namespaces, root, `ip` and `tc`.
 */
import { fileURLToPath } from "node:url";
import type { ClusterMeasured } from "./clusters_child.ts";
import { kills } from "./clusters_kills.ts";
import { drawModel } from "./clusters_model.ts";
import { nodes } from "./clusters_nodes.ts";
import { published } from "./clusters_published.ts";
import { record } from "./record.ts";
import { median } from "./statistics.ts";

const LAUNCHER = "mpiexec.mpich", STEPS = "2";
/** On one machine each row is measured so often, in turn with the others, because its speed drifts. */
const ROUNDS = 3;

/** Of the two processes. */
const CORES = [0, 1];

/** Gigabits a second of the wires; the model is fitted on the first two and checked on the last. */
const RATES = [1, 0.1, 0.3];

/** What an ssh to a namespace would do. */
export const INTO_NAMESPACE = `#!/bin/sh
while [ "\${1#-}" != "$1" ]; do shift; done
host=$1; shift
case $host in 10.9.0.1) name=plca-a;; *) name=plca-b;; esac
exec ip netns exec $name sh -c "$*"
`;

/** Process K of this machine on core K; in namespaces each is the first of its own. */
const ON_A_CORE = `#!/bin/sh
exec taskset -c \${PLCA_CORE:-\${MPI_LOCALRANKID:-0}} "$@"
`;

/** Measures and writes the section. */
export async function clusters([crop = "321", ...more]: readonly string[]): Promise<void> {
  if (crop === "model") return await drawModel();
  if (crop === "kills") return await kills(more);
  if (crop === "published") return await published(more);
  if (crop === "nodes") return await nodes();
  const folder = await Deno.makeTempDir({ prefix: "plca-clusters-" });
  const scripts = { into: `${folder}/into.sh`, core: `${folder}/core.sh` };
  await Deno.writeTextFile(scripts.into, INTO_NAMESPACE, { mode: 0o755 });
  await Deno.writeTextFile(scripts.core, ON_A_CORE, { mode: 0o755 });
  const work = {
    line: [
      ...[Deno.execPath(), "run", "-A", "--quiet", "--no-check", "--config", path("../deno.json")],
      ...[path("clusters_child.ts"), crop, "1", STEPS],
    ],
    result: `${folder}/measured.json`,
    scripts,
  };
  try {
    const measured: (readonly [string, ClusterMeasured])[] = await onOneMachine(work);
    await inNamespaces(async (shape) => {
      for (const rate of RATES) {
        await shape(rate);
        measured.push([`two machines, ${rate} Gbit/s`, await ran(acrossLine(work.scripts), work)]);
      }
    });
    await write(measured, crop);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * One process, on each core in turn, two that train together, and two that know nothing of each other: what
 * the slower of these loses is the machine's doing, since processes that train together wait for it.
 */
async function onOneMachine(work: Work): Promise<(readonly [string, ClusterMeasured])[]> {
  const { core } = work.scripts;
  const alone: ClusterMeasured[] = [], apart: ClusterMeasured[] = [], together: ClusterMeasured[] = [];
  const on = (k: number) => ran(["env", `PLCA_CORE=${k}`, core], { ...work, result: `${work.result}-${k}` });
  for (let round = 0; round < ROUNDS; round++) {
    for (const k of CORES) alone.push(await on(k));
    together.push(await ran([LAUNCHER, "-n", "2", core], work));
    apart.push(slower(await Promise.all(CORES.map(on))));
  }
  return [
    ["one process", middle(alone)],
    ["two processes apart, the slower", middle(apart)],
    ["two processes of one machine", middle(together)],
  ];
}

function slower(both: readonly ClusterMeasured[]): ClusterMeasured {
  return both.reduce((one, other) => other.seconds > one.seconds ? other : one);
}

/** The median of every number. */
function middle(rounds: readonly ClusterMeasured[]): ClusterMeasured {
  const names = Object.keys(rounds[0]!) as (keyof ClusterMeasured)[];
  const medians = names.map((name) => [name, median(rounds.map((round) => round[name]))]);
  return Object.fromEntries(medians) as ClusterMeasured;
}

interface Work {
  readonly line: readonly string[];
  readonly result: string;
  readonly scripts: { readonly into: string; readonly core: string };
}

function acrossLine({ into, core }: Work["scripts"]): string[] {
  return [
    ...["ip", "netns", "exec", "plca-a", "env", "UCX_TLS=tcp,self", LAUNCHER],
    ...["-launcher", "ssh", "-launcher-exec", into, "-hosts", "10.9.0.1:1,10.9.0.2:1"],
    ...["-n", "1", "-env", "PLCA_CORE", "0", core],
  ];
}

/** Runs the child behind these words; across machines once for each of them. */
async function ran(words: readonly string[], { line, result, scripts }: Work): Promise<ClusterMeasured> {
  const whole = [...line, result];
  const all = words[0] === "ip"
    ? [...words, ...whole, ":", "-n", "1", "-env", "PLCA_CORE", "1", scripts.core, ...whole]
    : [...words, ...whole];
  await runs(all);
  const measured: ClusterMeasured = JSON.parse(await Deno.readTextFile(result));
  console.log(JSON.stringify(measured));
  return measured;
}

async function runs([program, ...args]: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program!, { args }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** Two namespaces with a wire between them. */
export async function inNamespaces(
  body: (shape: (rate: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const ip = (line: string) => runs(["ip", ...line.split(" ")]);
  const names = ["a", "b"] as const;
  for (const name of names) await ip(`netns add plca-${name}`);
  try {
    await ip("link add plca-a0 netns plca-a type veth peer name plca-b0 netns plca-b");
    for (const [k, name] of names.entries()) {
      const inside = `netns exec plca-${name} ip`;
      await ip(`${inside} addr add 10.9.0.${k + 1}/24 dev plca-${name}0`);
      await ip(`${inside} link set lo up`);
      await ip(`${inside} link set plca-${name}0 up`);
    }
    // The wire is there a moment later.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await body(async (rate) => {
      const shaped = `root tbf rate ${1000 * rate}mbit burst 1mb latency 200ms`;
      for (const name of names) {
        await ip(`netns exec plca-${name} tc qdisc replace dev plca-${name}0 ${shaped}`);
      }
    });
  } finally {
    for (const name of names) await ip(`netns del plca-${name}`);
  }
}

async function write(
  measured: readonly (readonly [string, ClusterMeasured])[],
  crop: string,
): Promise<void> {
  const alone = measured[0]![1].seconds;
  await record("clusters", {
    title: "Several processes",
    text: [
      `A training step of ResNet-101 with the full objective, crop ${crop}x${crop}, one image of each domain a process, on ` +
      `\`native\` with one thread on a core of its own: the median of ${STEPS} steps after the first, on one machine of ` +
      `${ROUNDS} rounds of them. One process is measured on each core in turn. Two processes apart know nothing of each ` +
      "other; the slower of the two counts, since processes that train together wait for it. Machines are network " +
      "namespaces of one machine, joined by a wire that `tc tbf` holds to a rate. Efficiency is the step of one process by " +
      "the step of two that do the same each. The sum is that of all gradients " +
      `(${
        (measured[0]![1].bytes / 1e6).toFixed(0)
      } MB) when nothing else is done. "At the end" is what the first ` +
      'process waited for gradients after its backward pass, "on the way" what it waited until then, for batch ' +
      "statistics above all; the hidden share of a sum is what it did not make the process wait at the end.",
    ],
    columns: ["what", "s a step", "efficiency", "sum, s", "at the end, s", "hidden", "on the way, s", "GB"],
    rows: measured.map(([what, { seconds, gradients, others, reduction, peak }]) => [
      what,
      seconds.toFixed(2),
      (alone / seconds).toFixed(2),
      ...(reduction === 0
        ? ["-", "-", "-", "-"]
        : [reduction.toFixed(2), gradients.toFixed(2), hidden(reduction, gradients), others.toFixed(2)]),
      peak.toFixed(2),
    ]),
    commands: [`deno task bench clusters${crop === "321" ? "" : ` ${crop}`}`],
  });
}

function hidden(reduction: number, seen: number): string {
  return `${Math.round(100 * Math.max(0, 1 - seen / reduction))} %`;
}

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
