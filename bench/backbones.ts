/**
 * Mix Transformers beside the same written plainly in PyTorch, and their operators one by one:
 *
 *     deno task bench backbones [torch_plca.py]
 */
import { fileURLToPath } from "node:url";
import { BACKBONE_WORKS } from "./backbone_works.ts";
import { COMPARED_COLUMNS, COMPARED_TEXT, compareWorks, type Work } from "./compared.ts";
import { findPeer, json, type PeerSetting, runScript } from "./processes.ts";
import { record } from "./record.ts";
import { median } from "./statistics.ts";

const SCRIPT = fileURLToPath(new URL("peer_backbones.py", import.meta.url));
const OPERATORS = fileURLToPath(new URL("peer_backbone_operators.py", import.meta.url));
const OPERATOR_ROUNDS = 3;

const WORKS: readonly Work[] = [
  {
    title: "training step, MiT-B0, SegFormer's head, PLCA, crop 256, batch 2+2",
    ours: ["mit-step", "b0", "256", "2", "4"],
    peer: (script) => [SCRIPT, script, "step", "b0", "256", "2", "4"],
    rounds: 5,
    memory: "peak",
    goals: [1, 0.8],
  },
  {
    title: "training step, MiT-B2, SegFormer's head, PLCA, crop 256, batch 1+1",
    ours: ["mit-step", "b2", "256", "1", "3"],
    peer: (script) => [SCRIPT, script, "step", "b2", "256", "1", "3"],
    rounds: 3,
    memory: "peak",
    goals: [1, 0.8],
  },
  {
    title: "inference, MiT-B2, SegFormer's head, 1024x512",
    ours: ["mit-inference", "b2", "512", "1024", "3"],
    peer: (script) => [SCRIPT, script, "inference", "b2", "512", "1024", "3"],
    rounds: 3,
    memory: "peak",
    goals: [1, 0.8],
  },
];

/** Measures ours, and the peers where they are installed. */
export async function backbones([given]: readonly string[]): Promise<void> {
  const found = await findPeer(given);
  const peer = typeof found === "string" ? undefined : found;
  if (typeof found === "string") console.log(found);
  const commands = [`deno task bench backbones${peer === undefined ? "" : " torch_plca.py"}`];
  await record("backbones", {
    title: "Mix Transformers beside PyTorch",
    text: [
      COMPARED_TEXT,
      "Steps have PLCA's objective on the fused features and the predictions, both at stride 4, and AdamW. Memory is the " +
      "highest resident set.",
    ],
    columns: COMPARED_COLUMNS,
    rows: await compareWorks(WORKS, peer),
    commands,
  });
  if (peer !== undefined) await operators(peer.settings.at(-1)!, commands);
}

/** Milliseconds of the value, and of value and gradients, for each operator. */
type Times = readonly (readonly [number, number])[];

async function operators(setting: PeerSetting, commands: readonly string[]): Promise<void> {
  const works = JSON.stringify(BACKBONE_WORKS);
  const ours: Times[] = [], peers: Times[] = [];
  for (let round = 0; round < OPERATOR_ROUNDS; round++) {
    ours.push(await runScript("backbone_operators_child.ts", ["native", works]) as Times);
    peers.push(await json(setting.python, [OPERATORS, works], setting.env) as Times);
  }
  await record("backbone_operators", {
    title: "Operators of a Mix Transformer beside PyTorch's",
    text: [
      `Milliseconds, the fewest of at least seven repetitions, median over ${OPERATOR_ROUNDS} rounds of ours and then the peer's, ` +
      `which is ${setting.name}; ratios are of one round.`,
    ],
    columns: ["operator", "value ms", "peer ms", "ours/peer", "with gradients ms", "peer ms", "ours/peer"],
    rows: BACKBONE_WORKS.map(({ title }, k) => [
      title,
      ...[0, 1].flatMap((part) => {
        const times = (rounds: readonly Times[]) => rounds.map((round) => round[k]![part]!);
        const ratios = times(ours).map((time, round) => time / times(peers)[round]!);
        return [median(times(ours)), median(times(peers)), median(ratios)].map((value) => value.toFixed(2));
      }),
    ]),
    commands,
  });
}
