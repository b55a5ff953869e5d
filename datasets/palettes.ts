/**
 * Whether an index has the same colour in every palette of a set of label files. If not, each file was painted
 * with a palette of its own, and index 1 may be a car in one file and a tree in the next. The survey at the
 * start of a training (survey.ts) asks that, and the inspection of all images (fact_book.ts).
 */
import { someOf } from "./faults.ts";
import { hex } from "./hex.ts";

/** How many colours of an index are remembered, and for each of them how many file names. */
const MOST_COLOURS = 4, MOST_NAMES = 4;

/** The files in which an index has a certain colour. */
interface Painted {
  /** The first of their names. */
  readonly names: string[];
  /** How many files there are. */
  count: number;
}

/** Takes in palettes file by file; memory does not grow with files. */
export class Palettes {
  /** By index, then by colour. */
  readonly #colours = new Map<number, Map<number, Painted>>();

  /**
   * Adds a label file. @param name of the file @param palette indices and their colours as 0xrrggbb; leave out
   * indices that do not matter, such as those without a pixel
   */
  add(name: string, palette: Iterable<readonly [index: number, colour: number]>): void {
    for (const [index, colour] of palette) {
      let colours = this.#colours.get(index);
      if (colours === undefined) this.#colours.set(index, colours = new Map());
      const files = colours.get(colour);
      if (files === undefined) {
        if (colours.size < MOST_COLOURS) colours.set(colour, { names: [name], count: 1 });
        continue;
      }
      files.count++;
      if (files.names.length < MOST_NAMES) files.names.push(name);
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
