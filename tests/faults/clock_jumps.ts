/** Preloaded: every time that is asked for, the clock has jumped by days, to either side. */
import { inEveryThread } from "./threads.ts";

inEveryThread(import.meta.url);

const real = Date.now.bind(Date);
let asked = 0;
const jumped = () => real() + (asked++ % 2 === 0 ? 1 : -1) * asked * 86_400_000;

const { Date: RealDate } = globalThis;
globalThis.Date = class extends RealDate {
  constructor(...given: [] | [number]) {
    super(given.length === 0 ? jumped() : given[0]);
  }
  static override now(): number {
    return jumped();
  }
} as unknown as DateConstructor;
