/**
 * Which of the processes is the slowest. Think of walkers tied by a rope: all arrive at the same time, so
 * their speed shows only in how long each of them walked, and how long it stood waiting for the others. Each
 * tells the rate of its steps without its waiting, and the lowest is compared with the highest.
 *
 * The rates travel with the question whether to stop (together.ts), and the loop shows the slowest one;
 * nothing of the training depends on them.
 */
import type { SlowestProcess } from "../core/events.ts";
import { exchangeJson, type World } from "../core/world.ts";
import { stepRate } from "./rate.ts";

/** A process is told of when its steps take so many times what those of the fastest take. */
const NOTABLE = 1.2;

/** How fast the processes of a phase are; made and used by all of them. */
export class Pace {
  readonly #world: World;
  readonly #hosts: readonly string[];
  readonly #rate: ReturnType<typeof stepRate>;
  /** Steps a second of this process, were it never to wait. */
  #own = 0;
  #slowest: SlowestProcess | undefined;

  /** @param now milliseconds; for tests */
  constructor(world: World, now: () => number = () => performance.now()) {
    this.#world = world;
    this.#hosts = exchangeJson(world, world.host ?? "");
    this.#rate = stepRate(() => now() - 1000 * (world.waited?.() ?? 0));
  }

  /** A step begins. */
  begin(): void {
    this.#rate.begin();
  }

  /** It is over. @param leftOut milliseconds of it that do not count */
  end(leftOut?: number): void {
    this.#own = this.#rate.end(leftOut);
  }

  /** Numbers of which all processes hear the sums: this one's rate in its own place. */
  get told(): number[] {
    return Array.from({ length: this.#world.size }, (_, rank) => rank === this.#world.rank ? this.#own : 0);
  }

  /** Takes the sums of {@linkcode told}. */
  hear(rates: readonly number[]): void {
    const low = Math.min(...rates), times = Math.max(...rates) / low, rank = rates.indexOf(low);
    this.#slowest = low > 0 && times > NOTABLE ? { rank, host: this.#hosts[rank]!, times } : undefined;
  }

  /** Over the last steps; undefined while all are about as fast. */
  get slowest(): SlowestProcess | undefined {
    return this.#slowest;
  }
}
