/** Measured work in processes of its own: ours, and that of the PyTorch peer beside the project. */
import { fileURLToPath } from "node:url";
import { messageOf } from "../core/words.ts";
import type { Measured } from "./speed_child.ts";

/** Debian's; another one, with a PyTorch of its own, is named by this variable. */
const PYTHON = "/usr/bin/python3", OTHER_PYTHON = "PLCA_PEER_PYTHON";

/** A peer that can be measured. */
export interface Peer {
  readonly script: string;
  /** The ways it is run, the house's choice last: Debian's PyTorch, and that of `PLCA_PEER_PYTHON`. */
  readonly settings: readonly PeerSetting[];
}

/** One way to run the peer. */
export interface PeerSetting {
  /** The version of PyTorch, and where it matters how its matrix library is held. */
  readonly name: string;
  readonly python: string;
  readonly env: Record<string, string>;
}

/** The peer, or why there is none to measure. */
export async function findPeer(given: string | undefined): Promise<Peer | string> {
  const script = given ?? fileURLToPath(new URL("../../shared/peer/torch_plca.py", import.meta.url));
  try {
    await Deno.stat(script);
  } catch {
    return `no peer: ${given ?? "torch_plca.py"} is not there`;
  }
  const other = Deno.env.get(OTHER_PYTHON);
  const settings: PeerSetting[] = [], missing: string[] = [];
  for (const python of [PYTHON, ...(other === undefined ? [] : [other])]) {
    try {
      settings.push(...await settingsOf(python));
    } catch (error) {
      missing.push(`no peer: ${python} with torch: ${messageOf(error)}`);
    }
  }
  if (missing.length > 0 && settings.length > 0) console.log(missing.join("\n"));
  return settings.length === 0 ? missing.join("\n") : { script, settings };
}

/** Where the environment holds OpenBLAS to the kernels of an older processor. */
const HELD = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

/**
 * As the environment has it and, where that holds back the OpenBLAS this PyTorch computes with, with its own
 * choice.
 */
async function settingsOf(python: string): Promise<PeerSetting[]> {
  const asks = "import json, torch; print(json.dumps([torch.__version__, torch.__config__.show()]))";
  const [version, built] = await json(python, ["-c", asks]) as [string, string];
  const env = Deno.env.toObject(), name = `PyTorch ${version}`;
  const free = Object.fromEntries(Object.entries(env).filter(([name]) => !HELD.includes(name)));
  if (/BLAS_INFO=mkl/.test(built)) return [{ name: `${name} (MKL)`, python, env: free }];
  const core = env["OPENBLAS_CORETYPE"];
  return [
    ...(core === undefined ? [] : [{ name: `${name}, OPENBLAS_CORETYPE=${core}`, python, env }]),
    { name: `${name}, OpenBLAS's choice`, python, env: free },
  ];
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

/** Runs a piece of the peer's work. */
export async function runPeer(args: readonly string[], { python, env }: PeerSetting): Promise<Measured> {
  const printed = await json(python, args, env) as Printed;
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

/** Runs a script of this folder that prints JSON. @param more permissions beside the usual ones */
export async function runScript(
  script: string,
  args: readonly string[],
  more: readonly ("write" | `write=${string}`)[] = [],
): Promise<unknown> {
  const child = fileURLToPath(new URL(script, import.meta.url));
  const permissions = ["read", "env", "ffi", "sys", ...more].map((name) => `--allow-${name}`);
  const flags = ["run", "--quiet", "--v8-flags=--expose-gc", ...permissions];
  return await json(Deno.execPath(), [...flags, child, ...args]);
}
