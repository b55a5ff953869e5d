/** Measured work in processes of its own: ours, and that of the PyTorch peer beside the project. */
import { fileURLToPath } from "node:url";
import { messageOf } from "../core/words.ts";
import type { Measured } from "./speed_child.ts";

const PYTHON = "/usr/bin/python3";

/** A peer that can be measured. */
export interface Peer {
  readonly script: string;
  /** Of PyTorch. */
  readonly version: string;
}

/** The peer, or why there is none to measure. */
export async function findPeer(given: string | undefined): Promise<Peer | string> {
  const script = given ?? fileURLToPath(new URL("../../shared/peer/torch_plca.py", import.meta.url));
  try {
    await Deno.stat(script);
  } catch {
    return `no peer: ${given ?? "torch_plca.py"} is not there`;
  }
  try {
    return {
      script,
      version: await json(PYTHON, ["-c", "import torch; print(f'\"{torch.__version__}\"')"]) as string,
    };
  } catch (error) {
    return `no peer: ${PYTHON} with torch: ${messageOf(error)}`;
  }
}

/** What the peer's commands print; each prints some of it. */
interface Printed {
  readonly seconds?: number;
  readonly forward_s?: number;
  readonly backward_s?: number;
  readonly seconds_median?: number;
  readonly extra_memory_gb?: number;
  readonly peak_rss_gb?: number;
}

/** Where the environment holds OpenBLAS to the kernels of an older processor. */
const HELD = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

/** The ways the peer is run here: as the environment has it and, where that holds OpenBLAS back, with its own choice. */
export function peerSettings(): readonly { readonly name: string; readonly env: Record<string, string> }[] {
  const env = Deno.env.toObject();
  const free = Object.fromEntries(Object.entries(env).filter(([name]) => !HELD.includes(name)));
  const core = env["OPENBLAS_CORETYPE"];
  return [
    ...(core === undefined ? [] : [{ name: `OPENBLAS_CORETYPE=${core}`, env }]),
    { name: "OpenBLAS's choice", env: free },
  ];
}

/** Runs a piece of the peer's work. */
export async function runPeer(args: readonly string[], env: Record<string, string>): Promise<Measured> {
  const printed = await json(PYTHON, args, env) as Printed;
  return {
    seconds: printed.seconds ?? printed.seconds_median ?? printed.forward_s! + printed.backward_s!,
    extra: printed.extra_memory_gb ?? NaN,
    peak: printed.peak_rss_gb ?? NaN,
  };
}

/** Runs a program that prints one JSON value. */
export async function json(
  program: string,
  args: readonly string[],
  env: Record<string, string> = Deno.env.toObject(),
): Promise<unknown> {
  const command = new Deno.Command(program, { args: [...args], env, clearEnv: true, stderr: "inherit" });
  const { stdout, success } = await command.output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Runs a piece of our work; see speed_child.ts, and tensorflow_child.ts. */
export async function runOurs(args: readonly string[], script = "speed_child.ts"): Promise<Measured> {
  return await runScript(script, args) as Measured;
}

/** Runs a script of this folder that prints JSON. */
export async function runScript(script: string, args: readonly string[]): Promise<unknown> {
  const child = fileURLToPath(new URL(script, import.meta.url));
  const permissions = ["read", "env", "ffi", "sys"].map((name) => `--allow-${name}`);
  const flags = ["run", "--quiet", "--v8-flags=--expose-gc", ...permissions];
  return await json(Deno.execPath(), [...flags, child, ...args]);
}
