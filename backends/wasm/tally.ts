import type { MovedMemory, MovedTensors } from "../../core/memory.ts";
import type { Place } from "./place.ts";

/** Counts what was moved. */
export class Tally {
  readonly #moved = { out: 0, back: 0 };
  #seconds = 0;
  readonly #tensors = new Map<string, { -readonly [K in keyof MovedTensors]: MovedTensors[K] }>();

  /** A tensor was moved in so many milliseconds. */
  add(way: "out" | "back", { maker, shape, bytes }: Place, milliseconds: number): void {
    this.#moved[way] += bytes;
    this.#seconds += milliseconds / 1000;
    const what = `${maker} [${shape.join(", ")}]`;
    const found = this.#tensors.get(what) ?? { what, timesOut: 0, timesBack: 0, bytes: 0, seconds: 0 };
    this.#tensors.set(what, found);
    found[way === "out" ? "timesOut" : "timesBack"] += 1;
    found.bytes += bytes;
    found.seconds += milliseconds / 1000;
  }

  /** All of it. */
  get sums(): Pick<MovedMemory, "out" | "back" | "seconds" | "tensors"> {
    const tensors = [...this.#tensors.values()].map((each) => ({ ...each }));
    return { ...this.#moved, seconds: this.#seconds, tensors: tensors.sort((a, b) => b.bytes - a.bytes) };
  }
}
