/**
 * TensorFlow beside native and the PyTorch peer, and its operators beside ours. Needs `deno task
 * setup:tensorflow`:
 *
 *     deno task bench tensorflow [torch_plca.py]
 */
import { fileURLToPath } from "node:url";
import { installedTensorflow } from "../backends/tensorflow/place.ts";
import { findPeer, runOurs, runPeer, runScript } from "./processes.ts";
import { record } from "./record.ts";
import type { Measured } from "./speed_child.ts";
import { median, medianAndRange } from "./statistics.ts";
import { type Compared, ratioOf } from "./tensorflow_operators.ts";

const CHILD = "tensorflow_child.ts";
const ROUNDS = 3;
const OPERATOR_ROUNDS = 15;

interface Work {
  readonly title: string;
  /** For tensorflow_child.ts, behind the backend. */
  readonly args: readonly string[];
  /** The peer's arguments. @param script of the peer */
  readonly peer: (script: string) => readonly string[];
}

function operatorWork(title: string, args: readonly string[]): Work {
  const script = fileURLToPath(new URL("peer_operators.py", import.meta.url));
  return { title, args, peer: () => [script, ...args] };
}

function associationWork(side: string, channels: string, similarity: string): Work {
  const metric = similarity === "cosine" ? "cos" : "kl";
  return {
    title: `association, ${similarity}, ${side}x${side}x${channels}, forward and backward`,
    args: ["association", side, channels, similarity],
    peer: (script) => [script, "assoc", "--size", side, "--channels", channels, "--metric", metric],
  };
}

function stepWork(title: string, [layers, width, crop, batch]: readonly string[]): Work {
  const sizes = ["--width", width!, "--crop", crop!, "--batch", batch!];
  return {
    title: `training step, ${title}, crop ${crop}, batch ${batch}+${batch}`,
    args: ["step", `[${layers}]`, width!, crop!, batch!, "6"],
    peer: (script) => [script, "step", "--layers", layers!, ...sizes, "--repeat", "6"],
  };
}

const WORKS: readonly Work[] = [
  operatorWork("matrix product, 1024", ["product", "1024"]),
  operatorWork("matrix product, 2048", ["product", "2048"]),
  operatorWork("convolution 3x3, 4x33x33x256 to 256, forward and backward", [
    "convolution",
    "4",
    "33",
    "256",
    "256",
    "1",
  ]),
  operatorWork("convolution 3x3, dilation 4, 4x17x17x512 to 512, forward and backward", [
    "convolution",
    "4",
    "17",
    "512",
    "512",
    "4",
  ]),
  associationWork("46", "512", "cosine"),
  associationWork("46", "19", "negative-kl"),
  stepWork("layers 1,1,1,1, width 0.5", ["1,1,1,1", "0.5", "144", "2"]),
  stepWork("ResNet-101", ["3,4,23,3", "1", "129", "1"]),
];

/** Says what to do, and measures nothing, where TensorFlow is not installed. */
export async function tensorflow([given]: readonly string[]): Promise<void> {
  if (installedTensorflow() === undefined) {
    console.log("tensorflow: not installed, so not measured; deno task setup:tensorflow adds it");
    return;
  }
  const found = await findPeer(given);
  const peer = typeof found === "string" ? undefined : found;
  if (typeof found === "string") console.log(found);
  // Where the peer can be run in several ways, one is enough here: the last is the fastest.
  const setting = peer?.settings.at(-1);
  const rows: string[][] = [];
  const loads = [load()];
  for (const work of WORKS) {
    const native: Measured[] = [], own: Measured[] = [], peers: Measured[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      native.push(await runOurs(["native", ...work.args], CHILD));
      own.push(await runOurs(["tensorflow", ...work.args], CHILD));
      if (setting !== undefined) peers.push(await runPeer(work.peer(peer!.script), setting));
    }
    const seconds = (runs: readonly Measured[]) => runs.map((run) => run.seconds);
    const ratios = (others: readonly Measured[]) => others.map((other, k) => own[k]!.seconds / other.seconds);
    const text = (list: readonly number[], digits: number) =>
      list.length === 0 ? "not measured" : medianAndRange(list, digits);
    rows.push([
      work.title,
      text(seconds(native), 4),
      text(seconds(own), 4),
      text(seconds(peers), 4),
      text(ratios(native), 2),
      text(ratios(peers), 2),
      median(native.map(({ peak }) => peak)).toFixed(2),
      median(own.map(({ peak }) => peak)).toFixed(2),
    ]);
    loads.push(load());
    console.log(rows.at(-1)!.join(" | "));
  }
  const library = await runScript(CHILD, ["tensorflow", "version"]);
  const commands = [`deno task bench tensorflow${peer === undefined ? "" : " torch_plca.py"}`];
  await record("tensorflow", {
    title: "TensorFlow beside native and the PyTorch peer, on the processor",
    text: [
      `Seconds, median and range over ${ROUNDS} rounds; a round runs native, TensorFlow and then the peer, each in a process ` +
      "of its own, and ratios are of one round. Products, convolutions and associations are medians of five after a first one, training " +
      `steps of six; GB are the highest resident set of all. ${library}.${
        setting ? ` The peer is ${setting.name}.` : ""
      }`,
      loadText(loads),
      "**Nothing of this ran on a GPU**: there was none to measure on. What TensorFlow does on a CUDA device through this " +
      "backend is untried.",
    ],
    columns: [
      "work",
      "native s",
      "TensorFlow s",
      "peer s",
      "TensorFlow/native",
      "TensorFlow/peer",
      "native GB",
      "TensorFlow GB",
    ],
    rows,
    commands,
  });
  const compared = await runScript(CHILD, ["tensorflow", "operators", `${OPERATOR_ROUNDS}`]) as Compared[];
  await record("tensorflow_operators", {
    title: "TensorFlow's own operators beside ours, on the processor",
    text: [
      `Milliseconds on TensorFlow, median of ${OPERATOR_ROUNDS} rounds, each of which runs both in turn; the ratio is the ` +
      "median over rounds. The backend uses the one named last. Gradients of dilated convolutions are refused by " +
      "TensorFlow's operators on the processor, so theirs is what TensorFlow for Python composes.",
    ],
    columns: ["operator", "TensorFlow's", "ms", "ours", "ms", "TensorFlow's/ours", "used"],
    rows: compared.map((pair) => [
      pair.what,
      pair.theirs,
      median(pair.times.theirs).toFixed(2),
      pair.ours,
      median(pair.times.ours).toFixed(2),
      ratioOf(pair).toFixed(2),
      pair.kept,
    ]),
    commands,
  });
}

/** How many threads wanted to run in the last minute. */
function load(): number {
  return Deno.loadavg()[0]!;
}

/** What else the machine had to do. @param loads before the first work and after each */
export function loadText(loads: readonly number[]): string {
  const range = `${Math.min(...loads).toFixed(0)} to ${Math.max(...loads).toFixed(0)}`;
  return `Load average of the machine from beginning to end: ${range}, on ${navigator.hardwareConcurrency} cores. Above ` +
    "the number of cores others computed as well, and a library whose threads wait for each other, as the peer's, loses more.";
}
