/**
 * Runs the parts of the packed benchmark one after another and writes one JSON file, after every part anew: a
 * part that fails, hangs or is cut off by the time limit costs only itself.
 *
 *     run.js --out FILE [--seconds 240] [--small] [--only BEGINNING OF A NAME]... [--python PROGRAM] [--bytes SIZE OF THE PACK]
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { outputOf, processorName } from "../processor.ts";
import { exists, type Part, partsOf } from "./parts.ts";

/** What became of a part. */
export interface PartResult {
  readonly name: string;
  readonly seconds: number;
  /** `ok`, `failed`, `out of time` or `not started`. */
  readonly state: string;
  readonly lines: readonly unknown[];
  /** Of its errors. */
  readonly errors?: string;
  /** Of the card, by nvidia-smi, while it ran. */
  readonly cardMegabytes?: number;
}

/** The file that is written. */
export interface GpuResult {
  readonly started: string;
  readonly commit: string;
  readonly deno: string;
  readonly machine: Readonly<Record<string, unknown>>;
  readonly small: boolean;
  /** That it might take; absent in older files. */
  readonly seconds?: number;
  /** Of the packed folder; likewise. */
  readonly bytes?: number;
  /** The interfaces of the network that have an address: none where nothing can be reached; likewise. */
  readonly network?: readonly string[];
  readonly parts: readonly PartResult[];
}

/** The time that parts' own limits are made for. */
const USUAL = 240;

const { values: given } = parseArgs({
  args: Deno.args,
  options: {
    out: { type: "string" },
    seconds: { type: "string", default: `${USUAL}` },
    small: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    python: { type: "string", default: "python3" },
    bytes: { type: "string" },
  },
});

/** A file beside this one. */
const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Where there is more time in all, each part has more. */
const patience = Math.max(1, Number(given.seconds) / USUAL);

function cardUse(): Promise<string> {
  return outputOf("nvidia-smi", ["--query-gpu=memory.used", "--format=csv,noheader,nounits"]);
}

async function runPart({ name, program, args, output, seconds }: Part, left: number): Promise<PartResult> {
  const started = performance.now();
  const limit = Math.min(seconds * patience, left);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { args: [...args], stdout: "piped", stderr: "piped" }).spawn();
  } catch (error) {
    return { name, seconds: 0, state: "not started", lines: [], errors: (error as Error).message };
  }
  let late = false, card = 0, over = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limit * 1000);
  const watching = (async () => {
    while (!over) {
      card = Math.max(card, ...(await cardUse()).split("\n").map(Number).filter(Number.isFinite));
      await new Promise((wake) => setTimeout(wake, 400));
    }
  })();
  const [text, errors, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.status,
  ]);
  clearTimeout(timer);
  over = true;
  await watching;
  return {
    name,
    seconds: (performance.now() - started) / 1000,
    state: late ? "out of time" : status.success ? "ok" : "failed",
    lines: output === "json" ? jsonLines(text) : [tapSummary(text)],
    ...errors.trim() === "" ? {} : { errors: errors.slice(-3000) },
    ...card > 0 ? { cardMegabytes: card } : {},
  };
}

function jsonLines(text: string): unknown[] {
  return text.split("\n").flatMap((line) => {
    try {
      return line.startsWith("{") ? [JSON.parse(line)] : [];
    } catch {
      return [];
    }
  });
}

/** How many tests passed, and the names and the messages of those that did not. */
function tapSummary(text: string): unknown {
  const lines = text.split("\n");
  const failed = lines.flatMap((line, k) => {
    const title = /^not ok \d+ - (.*)$/.exec(line)?.[1];
    return title === undefined ? [] : [`${title}: ${lines.slice(k + 1, k + 6).join(" ").slice(0, 600)}`];
  });
  return { passed: lines.filter((line) => line.startsWith("ok ")).length, failed };
}

const limit = performance.now() + Number(given.seconds) * 1000;
const done: PartResult[] = [];
const result: GpuResult = {
  started: new Date().toISOString(),
  commit: exists(beside("commit.txt")) ? Deno.readTextFileSync(beside("commit.txt")).trim() : "",
  deno: Deno.version.deno,
  machine: {
    cpu: await processorName(),
    cores: navigator.hardwareConcurrency,
    gpu: await outputOf("nvidia-smi", [
      "--query-gpu=name,driver_version,memory.total",
      "--format=csv,noheader",
    ]),
  },
  small: given.small,
  seconds: Number(given.seconds),
  ...given.bytes === undefined ? {} : { bytes: Number(given.bytes) },
  network: [...new Set(Deno.networkInterfaces().map(({ name }) => name))],
  parts: done,
};
const { small, python } = given;
for (const one of partsOf({ small, python, folder: new URL("./", import.meta.url) })) {
  if (given.only && !given.only.some((name) => one.name.startsWith(name))) continue;
  const left = (limit - performance.now()) / 1000;
  if (left < 5) {
    done.push({ name: one.name, seconds: 0, state: "not started", lines: [], errors: "no time was left" });
  } else {
    const outcome = await runPart(one, left);
    done.push(outcome);
    console.log(`${outcome.state.padEnd(12)} ${outcome.seconds.toFixed(1).padStart(6)} s  ${one.name}`);
  }
  Deno.writeTextFileSync(given.out!, `${JSON.stringify(result, null, 1)}\n`);
}
Deno.exit(0);
