/**
 * What more machines would bring, from what was measured on two:
 *
 *     deno task bench clusters model
 *
 * Think of a step as work that is the same on every machine, and of a sum of gradients that travels over the wire. The sum on n
 * machines is a ring's: 2 (n - 1) / n times its bytes pass every wire. Nothing of more than two machines was measured.
 */
import { record } from "./record.ts";

/** What `deno task bench clusters` left. */
interface Results {
  readonly title: string;
  readonly text: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly commands: readonly string[];
  readonly date: string;
  readonly machine: string;
  readonly versions: string;
}

/** Bytes of the gradients of DeepLab-v2 with ResNet-101. */
const BYTES = 175_603_968;
/** Gigabits a second that are drawn. */
const DRAWN = [10, 1, 0.1];
const MACHINES = [2, 4, 8, 16, 32, 64, 128, 256];

/** Seconds of the sum between two machines: `begin` and, of every second that the bits take at least, `factor`. */
interface Sum {
  readonly begin: number;
  readonly factor: number;
}

/** Fits, checks and draws; adds what was found to the measurement's text. */
export async function drawModel(): Promise<void> {
  const results: Results = JSON.parse(
    await Deno.readTextFile(new URL("results/clusters.json", import.meta.url)),
  );
  const row = (name: string) => results.rows.find(([what]) => what === name)!.map(Number);
  const over = (rate: number) => row(`two machines, ${rate} Gbit/s`);
  const SECONDS = 1, SUM = 3, AT_THE_END = 4;
  const factor = (over(0.1)[SUM]! - over(1)[SUM]!) / (ideal(0.1, 2) - ideal(1, 2));
  const sum: Sum = { begin: over(1)[SUM]! - factor * ideal(1, 2), factor };
  const near = row("two processes of one machine")[SECONDS]!, alone = row("one process")[SECONDS]!;
  // What a process waits for at the end of its backward pass, by a line over the sum; the sum goes on only while MPI is called.
  const share = (over(0.1)[AT_THE_END]! - over(1)[AT_THE_END]!) / (over(0.1)[SUM]! - over(1)[SUM]!);
  const free = over(1)[SUM]! - over(1)[AT_THE_END]! / share;
  const seen = (rate: number, machines: number) => share * Math.max(0, sumOf(sum, rate, machines) - free);
  const seconds = (rate: number, machines: number) => near + seen(rate, machines);
  const two = (value: number) => value.toFixed(2);
  const found =
    `A model: the sum takes ${two(sum.begin)} s and ${
      two(factor)
    } times what its bits take at the wire's rate, of which ` +
    `the first ${two(free)} s and ${
      two(1 - share)
    } of the rest are hidden; both are fitted on 1 and 0.1 Gbit/s. At 0.3 ` +
    `Gbit/s it says ${two(sumOf(sum, 0.3, 2))} s, of which ${two(seen(0.3, 2))} s are seen; measured were ` +
    `${two(over(0.3)[SUM]!)} and ${two(over(0.3)[AT_THE_END]!)} s. A step is to take ${
      two(seconds(0.3, 2))
    } s there, and took ` +
    `${two(over(0.3)[SECONDS]!)} s.`;
  const { date, machine, versions } = results;
  await record("clusters", {
    ...results,
    text: [...results.text.filter((text) => !text.startsWith("A model")), found],
    measured: { date, machine, versions },
  });
  await Deno.writeTextFile(
    new URL("../docs/clusters.svg", import.meta.url),
    drawing(DRAWN.map((rate) => ({
      name: `${rate} Gbit/s`,
      values: MACHINES.map((machines) => alone / seconds(rate, machines)),
    }))),
  );
  console.log(found);
}

/** Seconds that the bits of a sum over n machines take on each wire. */
function ideal(rate: number, machines: number): number {
  return 2 * (machines - 1) / machines * 8 * BYTES / (1e9 * rate);
}

function sumOf({ begin, factor }: Sum, rate: number, machines: number): number {
  return begin + factor * ideal(rate, machines);
}

interface Line {
  readonly name: string;
  /** By machine, in 0..1. */
  readonly values: readonly number[];
}

/** Efficiency over machines, their number doubling from mark to mark. */
function drawing(lines: readonly Line[]): string {
  const [left, top, width, height] = [50, 20, 480, 260];
  const x = (k: number) => left + k * width / (MACHINES.length - 1);
  const y = (value: number) => top + (1 - value) * height;
  const text = (at: readonly [number, number], words: string, anchor = "middle") =>
    `<text x="${at[0].toFixed(0)}" y="${at[1].toFixed(0)}" text-anchor="${anchor}">${words}</text>`;
  const shares = [0, 0.25, 0.5, 0.75, 1];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 340" font-family="sans-serif" font-size="12">`,
    `<rect width="640" height="340" fill="white"/>`,
    ...shares.map((share) =>
      `<line x1="${left}" x2="${left + width}" y1="${y(share)}" y2="${y(share)}" stroke="#ddd"/>` +
      text([left - 6, y(share) + 4], share.toFixed(2), "end")
    ),
    ...MACHINES.map((machines, k) => text([x(k), top + height + 18], String(machines))),
    text([left + width / 2, top + height + 40], "machines, one process each; a model, see bench/RESULTS.md"),
    text([left, 12], "efficiency against one process", "start"),
    ...lines.map(({ name, values }, k) => {
      const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      const colour = ["#1b7837", "#2166ac", "#b2182b"][k]!;
      return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>` +
        text([left + width + 8, y(values.at(-1)!) + 4 + [-8, 8, 0][k]!], name, "start");
    }),
    "</svg>\n",
  ].join("\n");
}
