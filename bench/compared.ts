/**
 * Our work beside the PyTorch peer's, each in a process of its own, ours and then every way to run the peer,
 * round after round. A ratio is of one round, so that what else the machine does falls on both sides of it.
 */
import { type Peer, runOurs, runPeer } from "./processes.ts";
import type { Measured } from "./speed_child.ts";
import { medianAndRange } from "./statistics.ts";

/** Work that both sides do. */
export interface Work {
  readonly title: string;
  /** For speed_child.ts. */
  readonly ours: readonly string[];
  /** The peer's arguments behind its script. */
  readonly peer: (script: string) => readonly string[];
  readonly rounds: number;
  /** Which memory is compared: above what was loaded, or all. */
  readonly memory: "extra" | "peak";
  /** The ratios to reach, of seconds and of memory. */
  readonly goals: readonly [number, number | undefined];
}

/** The columns of {@linkcode compareWorks}. */
export const COMPARED_COLUMNS = [
  "work",
  "peer",
  "plca s",
  "peer s",
  "ours/peer",
  "goal",
  "plca GB",
  "peer GB",
  "ours/peer",
  "goal",
];

/** How the rows are to be read. */
export const COMPARED_TEXT =
  "Median and range over rounds; a round runs ours and then every peer, each in a process of its own on all cores, and ratios " +
  "are of one round. The peers are dense PyTorch: Debian's, and that of `PLCA_PEER_PYTHON`. Where the environment holds " +
  "OpenBLAS to the kernels of an older processor, Debian's is measured both so and with OpenBLAS's own choice.";

/**
 * Measures works, and prints each row as soon as it is there. @param peer absent: ours alone. @returns rows
 * for the table
 */
export async function compareWorks(works: readonly Work[], peer: Peer | undefined): Promise<string[][]> {
  const settings = peer?.settings ?? [];
  const rows: string[][] = [];
  for (const work of works) {
    const ours: Measured[] = [], peers: Measured[][] = settings.map(() => []);
    for (let round = 0; round < work.rounds; round++) {
      ours.push(await runOurs(work.ours));
      for (const [k, setting] of settings.entries()) {
        peers[k]!.push(await runPeer(work.peer(peer!.script), setting));
      }
    }
    const measured = peers.length === 0
      ? [row(work, ours, [], "not measured")]
      : peers.map((runs, k) => row(work, ours, runs, settings[k]!.name));
    measured.forEach((cells) => console.log(cells.join(" | ")));
    rows.push(...measured);
  }
  return rows;
}

function row(
  { title, rounds, memory, goals }: Work,
  ours: readonly Measured[],
  peer: readonly Measured[],
  setting: string,
): string[] {
  const cells = (of: (run: Measured) => number, goal: number | undefined) => {
    const values = [ours, peer].map((runs) => runs.map(of));
    const ratios = peer.map((run, k) => of(ours[k]!) / of(run));
    const texts = [...values, ratios].map((list) => list.length === 0 ? "" : medianAndRange(list, 2));
    return [...texts, goal === undefined ? "" : `<= ${goal}`];
  };
  return [
    `${title} (${rounds} rounds)`,
    setting,
    ...cells(({ seconds }) => seconds, goals[0]),
    ...cells((run) => run[memory], goals[1]),
  ];
}
