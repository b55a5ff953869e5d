/**
 * `deno task test:faults [--times N] [NAME...]`: injects every fault (or those whose name contains a NAME) and prints a
 * table: fault, times tried, survived, steps computed again. Exit 1 when a run did not come through.
 */
import Table from "cli-table3";
import { FRAMELESS } from "../../report/grid.ts";
import { type Scenario, SCENARIOS, undisturbed } from "./scenarios.ts";
import { soakApart } from "./soak.ts";

/** What became of a scenario. */
export interface Tried {
  readonly name: string;
  readonly tried: number;
  readonly survived: number;
  /** Of one attempt, at the most. */
  readonly again: number;
  readonly remarks: readonly string[];
}

/** Runs the scenarios one after the other. @param times overrides every scenario's own number */
export async function inject(
  scenarios: readonly Scenario[],
  { times, tell }: { readonly times: number | undefined; readonly tell: (line: string) => void },
): Promise<Tried[]> {
  const whole = await undisturbed();
  const table: Tried[] = [];
  for (const scenario of scenarios) {
    const missing = await scenario.unavailable?.();
    if (missing !== undefined) {
      tell(`${scenario.name}: skipped, ${missing}`);
      table.push({ name: scenario.name, tried: 0, survived: 0, again: 0, remarks: [`skipped: ${missing}`] });
      continue;
    }
    const tried = times ?? scenario.times;
    let survived = 0, again = 0;
    const remarks = new Map<string, number>();
    for (let attempt = 0; attempt < tried; attempt++) {
      try {
        const result = await scenario.run(attempt, whole);
        survived += 1;
        again = Math.max(again, result.again);
        if (result.remark) remarks.set(result.remark, (remarks.get(result.remark) ?? 0) + 1);
      } catch (error) {
        tell(`${scenario.name}, attempt ${attempt + 1}: ${error instanceof Error ? error.message : error}`);
      }
    }
    tell(`${scenario.name}: ${survived} of ${tried} survived`);
    const told = [...remarks].map(([remark, count]) => count === tried ? remark : `${count} ${remark}`);
    table.push({ name: scenario.name, tried, survived, again, remarks: told });
  }
  return table;
}

/** The table's cells. */
export function drawnRows(rows: readonly Tried[]): { readonly head: string[]; readonly rows: string[][] } {
  return {
    head: ["fault", "tried", "survived", "lost", "steps again", "remarks"],
    rows: rows.map(({ name, tried, survived, again, remarks }) => [
      name,
      ...[tried, survived, tried - survived, again].map(String),
      remarks.join("; "),
    ]),
  };
}

function drawn(tried: readonly Tried[]): string {
  const { head, rows } = drawnRows(tried);
  const table = new Table({
    head,
    chars: FRAMELESS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  table.push(...rows);
  return table.toString();
}

if (import.meta.main) {
  const args = [...Deno.args];
  const at = args.indexOf("--times");
  const times = at < 0 ? undefined : Number(args.splice(at, 2)[1]);
  const chosen = SCENARIOS.filter(({ name }) =>
    args.length === 0 || args.some((part) => name.includes(part))
  );
  const rows = await inject(chosen, { times, tell: (line) => console.error(line) });
  if (args.length === 0 || args.includes("soak")) rows.push(await soakApart(500));
  console.log(drawn(rows));
  Deno.exit(rows.every(({ tried, survived }) => tried === survived) ? 0 : 1);
}
