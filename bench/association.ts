/**
 * One association with aggregation, forward and backward, ours and the PyTorch peer's, each run in a process of its
 * own, in turn:
 *
 *     deno task bench association [torch_plca.py]
 */
import { record } from "./record.ts";
import { medianAndRange } from "./statistics.ts";

interface Work {
  readonly side: number;
  readonly channels: number;
  readonly metric: "cos" | "kl";
  readonly rounds: number;
}

const WORKS: readonly Work[] = [
  { side: 92, channels: 2048, metric: "cos", rounds: 2 },
  { side: 92, channels: 19, metric: "kl", rounds: 5 },
  { side: 46, channels: 512, metric: "cos", rounds: 7 },
];
const GROWTH = [32, 64, 96, 128];

interface Measured {
  readonly seconds: number;
  /** Gigabytes above what the process had before. */
  readonly memory: number;
}

/** Measures ours, and the peer's when its script is given. */
export async function association([script]: readonly string[]): Promise<void> {
  const rows = [];
  for (const work of WORKS) {
    const own: Measured[] = [], peer: Measured[] = [];
    for (let round = 0; round < work.rounds; round++) {
      own.push(await ours(work));
      if (script !== undefined) peer.push(await theirs(work, script));
    }
    rows.push(row(work, own, peer));
    console.log(rows.at(-1)!.join(" | "));
  }
  const memory = [];
  for (const side of GROWTH) {
    memory.push((await ours({ side, channels: 19, metric: "kl", rounds: 1 })).memory);
  }
  await record("association", {
    title: "Association with aggregation, forward and backward",
    text: [
      "Median and range over rounds; in a round first ours, then the peer, which is dense PyTorch. Memory is the " +
      "highest resident set above that before the association, with everything loaded.",
      `Growth: negative-kl on 19 channels takes ${
        memory.map((gigabytes, k) => `${gigabytes.toFixed(2)} GB at ${GROWTH[k]}x${GROWTH[k]}`).join(", ")
      }; between the last two, memory grows with the pixels to the power ${exponent(memory).toFixed(2)}.`,
    ],
    columns: ["work", "plca s", "peer s", "ours/peer", "plca GB", "peer GB", "ours/peer"],
    rows,
    commands: [`deno task bench association${script === undefined ? "" : " torch_plca.py"}`],
  });
}

function exponent(memory: readonly number[]): number {
  const [a, b] = memory.slice(-2) as [number, number], [from, to] = GROWTH.slice(-2) as [number, number];
  return Math.log(b / a) / Math.log((to / from) ** 2);
}

function row({ side, channels, metric }: Work, own: Measured[], peer: Measured[]): string[] {
  const cells = (of: keyof Measured) => {
    const values = [own, peer].map((runs) => runs.map((run) => run[of]));
    const ratios = peer.map((run, k) => own[k]![of] / run[of]);
    return [...values, ratios].map((list) => list.length === 0 ? "not measured" : medianAndRange(list, 2));
  };
  return [
    `${metric === "cos" ? "cosine" : "negative-kl"}, ${side}x${side}x${channels}`,
    ...cells("seconds"),
    ...cells("memory"),
  ];
}

async function ours({ side, channels, metric }: Work): Promise<Measured> {
  const child = new URL("association_child.ts", import.meta.url).pathname;
  const permissions = ["read", "env", "ffi", "sys"].map((name) => `--allow-${name}`);
  const args = ["run", "--quiet", ...permissions, child, `${side}`, `${channels}`, metric];
  const { seconds, extra_memory_gb } = await json(Deno.execPath(), args);
  return { seconds, memory: extra_memory_gb };
}

async function theirs({ side, channels, metric }: Work, script: string): Promise<Measured> {
  const args = [script, "assoc", "--size", `${side}`, "--channels", `${channels}`, "--metric", metric];
  const { forward_s, backward_s, extra_memory_gb } = await json("/usr/bin/python3", args);
  return { seconds: forward_s + backward_s, memory: extra_memory_gb };
}

/** What the programs print, ours without the peer's fields and the other way round. */
interface Printed {
  readonly seconds: number;
  readonly forward_s: number;
  readonly backward_s: number;
  readonly extra_memory_gb: number;
}

async function json(program: string, args: string[]): Promise<Printed> {
  const { stdout, success } = await new Deno.Command(program, { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
