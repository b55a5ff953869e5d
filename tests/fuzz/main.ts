/**
 * `deno task test:fuzz [--count N] [--from N] [NAME...]`: N damaged inputs for every reader (default 2500), each reader in a
 * process of its own that is ended when it hangs. Prints a table; exit 1 when there is a fault.
 */
import Table from "cli-table3";
import { FRAMELESS } from "../../report/grid.ts";
import { fuzz, type Fuzzed } from "./fuzz.ts";
import { TARGETS } from "./targets.ts";

/** A process that tells nothing for so long hangs, in milliseconds. */
const HANGS = 60_000;

/** Inputs between two signs of life. */
const PORTION = 100;

/** One reader in a process of its own. */
export async function fuzzApart(
  name: string,
  { from, count }: { from: number; count: number },
): Promise<Fuzzed> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-read",
      "--allow-env",
      "--allow-ffi",
      "--allow-sys",
      "--no-prompt",
      new URL(import.meta.url).pathname,
      "--child",
      name,
      String(from),
      String(count),
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const portions: Fuzzed[] = [];
  let watchdog: ReturnType<typeof setTimeout> | undefined;
  let hung = false, rest = "";
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => (hung = true, child.kill("SIGKILL")), HANGS);
  };
  alive();
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    alive();
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    portions.push(...lines.map((line) => JSON.parse(line)));
  }
  clearTimeout(watchdog);
  const { code } = await child.status;
  const inputs = portions.reduce((sum, each) => sum + each.inputs, 0);
  const ended = code === 0 && inputs === count
    ? []
    : [`${name}, after input ${from + inputs}: ${hung ? "it hangs" : `status ${code}: ${await errors}`}`];
  return {
    inputs,
    accepted: portions.reduce((sum, each) => sum + each.accepted, 0),
    refused: portions.reduce((sum, each) => sum + each.refused, 0),
    faults: [...portions.flatMap(({ faults }) => faults), ...ended],
    slowest: Math.max(0, ...portions.map(({ slowest }) => slowest)),
  };
}

if (import.meta.main) {
  const args = [...Deno.args];
  if (args[0] === "--child") {
    const [, name, from, count] = args;
    const target = TARGETS.find((each) => each.name === name)!;
    for (let done = 0; done < Number(count); done += PORTION) {
      const portion = { from: Number(from) + done, count: Math.min(PORTION, Number(count) - done) };
      console.log(JSON.stringify(await fuzz(target, portion)));
    }
    Deno.exit(0);
  }
  const option = (name: string, otherwise: number) => {
    const at = args.indexOf(name);
    return at < 0 ? otherwise : Number(args.splice(at, 2)[1]);
  };
  const count = option("--count", 2500), from = option("--from", 0);
  const table = new Table({
    head: ["reader", "inputs", "read", "refused", "faults", "slowest, ms"],
    chars: FRAMELESS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  let faults = 0;
  for (const { name } of TARGETS) {
    if (args.length > 0 && !args.some((part) => name.includes(part))) continue;
    const result = await fuzzApart(name, { from, count });
    for (const fault of result.faults.slice(0, 10)) console.error(fault);
    faults += result.faults.length;
    table.push([
      name,
      result.inputs,
      result.accepted,
      result.refused,
      result.faults.length,
      result.slowest.toFixed(0),
    ]);
  }
  console.log(table.toString());
  Deno.exit(faults === 0 ? 0 : 1);
}
