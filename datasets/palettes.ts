/**
 * Whether an index has the same colour in every palette of a set of label files. If not, the files were
 * painted one by one, and index 1 may be a car in one and a tree in the next.
 */
import { someOf } from "./faults.ts";
import { hex } from "./hex.ts";

/** How many colours of an index are kept apart, and how many names of a colour. */
const COLOURS = 4, NAMES = 4;

interface Owners {
  readonly names: string[];
  count: number;
}

/** Takes in palettes file by file; memory does not grow with files. */
export class Palettes {
  readonly #colours = new Map<number, Map<number, Owners>>();

  /** @param palette the colours, as 0xrrggbb, of the indices that count */
  add(name: string, palette: Iterable<readonly [index: number, colour: number]>): void {
    for (const [index, colour] of palette) {
      let colours = this.#colours.get(index);
      if (colours === undefined) this.#colours.set(index, colours = new Map());
      const owners = colours.get(colour);
      if (owners === undefined) {
        if (colours.size < COLOURS) colours.set(colour, { names: [name], count: 1 });
        continue;
      }
      owners.count++;
      if (owners.names.length < NAMES) owners.names.push(name);
    }
  }

  /** The indices that have several colours, in ascending order. */
  differing(): number[] {
    return [...this.#colours].filter(([, colours]) => colours.size > 1).map(([index]) => index)
      .sort((a, b) => a - b);
  }

  /** In words, how palettes differ and what to do; undefined when all agree. */
  finding(): string | undefined {
    const differing = this.differing();
    const [first] = differing;
    if (first === undefined) return undefined;
    const told = [...this.#colours.get(first)!].map(([colour, { names, count }]) =>
      `${hex(colour)} in ${someOf(names, count)}`
    );
    const more = differing.length - 1;
    const others = more === 0 ? "" : `, and ${more} more ${more === 1 ? "index differs" : "indices differ"}`;
    return `the palettes of label files differ: index ${first} is ${
      told.join(" and ")
    }${others}; an index may then mean ` +
      "another class from file to file: `labels: { by: colour }`, with colours in `classes`, reads what is shown, " +
      "`labels: { by: index }` the indices all the same";
  }
}
