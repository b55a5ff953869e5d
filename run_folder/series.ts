/**
 * Numbers over steps, in columns: a curve of a run.
 *
 * phase_log.ts adds to them, reports and pages draw them. Steps rise strictly, also where a resumed run
 * writes some of them again; drawing relies on it.
 */

/** One scalar over the steps of a phase. Steps rise strictly; `steps` and `values` have `length` elements. */
export interface Series {
  readonly length: number;
  /** Updates done at each point. A view: valid until more is read. */
  readonly steps: Float64Array;
  /** As many values; NaN where the log has none. A view: valid until more is read. */
  readonly values: Float64Array;
}

/** A series that grows; its arrays double when they are full. */
export class GrowingSeries implements Series {
  #steps = new Float64Array(8);
  #values = new Float64Array(8);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get steps(): Float64Array {
    return this.#steps.subarray(0, this.#length);
  }

  get values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }

  /** Adds a point. A step that is there already, and all after it, are taken back first. */
  add(step: number, value: number): void {
    if (this.#length > 0 && step <= this.#steps[this.#length - 1]!) this.cut(step - 1);
    if (this.#length === this.#steps.length) {
      this.#steps = doubled(this.#steps);
      this.#values = doubled(this.#values);
    }
    this.#steps[this.#length] = step;
    this.#values[this.#length++] = value;
  }

  /** Takes back all points after `step`. */
  cut(step: number): void {
    let low = 0, high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#steps[middle]! <= step) low = middle + 1;
      else high = middle;
    }
    this.#length = low;
  }
}

function doubled(full: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(2 * full.length);
  grown.set(full);
  return grown;
}
