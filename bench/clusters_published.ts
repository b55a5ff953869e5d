/**
 * An update of gtav_to_cityscapes_8, the published batch by eight processes, an image of 730x730 of each domain in each:
 *
 *     deno task bench clusters published [CROP [PROCESSES]]
 *
 * Needs MPICH and, at 730, 40 GB, of which the system may keep a part on its disk. Only the published size is written into
 * RESULTS.md.
 */
import { fileURLToPath } from "node:url";
import type { PublishedShare } from "./clusters_published_child.ts";
import { record } from "./record.ts";
import { median } from "./statistics.ts";

const LAUNCHER = "mpiexec.mpich", CROP = "730", PROCESSES = "8";

/** Runs it, prints what every process took, and writes the section. */
export async function published([crop = CROP, processes = PROCESSES]: readonly string[]): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "plca-published-" });
  try {
    const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    const line = [
      ...[Deno.execPath(), "run", "-A", "--quiet", "--no-check", "--config", path("../deno.json")],
      ...[path("clusters_published_child.ts"), crop, folder],
    ];
    const args = ["-n", processes, ...line];
    const { code } = await new Deno.Command(LAUNCHER, { args, stdin: "null" }).output();
    if (code !== 0) throw new Error(`${LAUNCHER} ${args.join(" ")}: status ${code}`);
    const shares: PublishedShare[] = [];
    for (let rank = 0; rank < Number(processes); rank++) {
      shares.push(JSON.parse(await Deno.readTextFile(`${folder}/${rank}.json`)));
      console.log(rank, JSON.stringify(shares[rank]));
    }
    if (crop === CROP && processes === PROCESSES) await write(shares);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function write(shares: readonly PublishedShare[]): Promise<void> {
  const middleAndMost = (of: (share: PublishedShare) => number) => {
    const values = shares.map(of);
    return `${median(values).toFixed(2)} (${Math.max(...values).toFixed(2)})`;
  };
  await record("clusters_published", {
    title: "The published batch by eight processes",
    text: [
      "An update of gtav_to_cityscapes_8: ResNet-101, eight images of 730x730 of each domain, one of each in each of eight " +
      "processes of one machine, the full objective, one pass, `checkpointing`, one thread a process; weights and images are " +
      "random. The first update of a process. Median of the processes (most); memory is the highest resident set, and what the " +
      "system had moved to its disk at the end.",
    ],
    columns: [
      "s an update",
      "of them waiting, s",
      "GB a process",
      "GB of all",
      "on disk, GB",
      "heap, GB",
      "outside, GB",
    ],
    rows: [[
      Math.max(...shares.map(({ seconds }) => seconds)).toFixed(0),
      middleAndMost(({ waited }) => waited),
      middleAndMost(({ peak }) => peak),
      shares.reduce((sum, { peak }) => sum + peak, 0).toFixed(2),
      middleAndMost(({ swapped }) => swapped),
      middleAndMost(({ heap }) => heap),
      middleAndMost(({ outside }) => outside),
    ]],
    commands: ["deno task bench clusters published"],
  });
}
