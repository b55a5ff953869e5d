/**
 * A command that a launcher of MPI started several times. The first process speaks for all; another one says
 * something only when it fails of something that the first does not know.
 */
import { UserError } from "../core/errors.ts";
import type { World } from "../core/world.ts";
import { type Launch, launchOf, openProcesses, type Processes } from "../processes/mod.ts";
import { isShared } from "../train/together.ts";
import type { Command } from "./grammar.ts";
import type { Host } from "./host.ts";

/** The other processes of a command, which are not looked for before it asks. */
export interface Job {
  readonly launch: Launch;
  /** Finds the others. @throws UserError */
  open(): World;
  /** Leaves a command to the first process. @returns whether this is another one, which has nothing to do */
  leftToFirst(): boolean;
  /** `4 processes by MPICH 4.0.2` */
  text(): string;
  /** Threads that fit beside those of the other processes on this machine. */
  readonly threads: number;
}

/** Commands that share their work. */
const SHARING: readonly Command["command"][] = ["train", "eval", "predict"];
/** Commands that start trainings themselves. */
const STARTING: readonly Command["command"][] = ["ablate", "compare"];

/** Milliseconds after which a process that failed alone speaks, so that the first may do it before. */
const PATIENCE = 1500;

/** Milliseconds in which a launcher reads the last words. */
const FAREWELL = 300;

/** How a command ended. */
export interface Ended {
  readonly code: number;
  /** What was thrown; absent: nothing. */
  readonly error?: unknown;
}

/** A command line in a process of a job. */
export class JobProcess implements Job {
  readonly launch: Launch;
  readonly #host: Host;
  #processes: Processes | undefined;
  /** Whether the first process works alone. */
  #left = false;

  /** @returns undefined in a process that no launcher started */
  static of(host: Host): JobProcess | undefined {
    const launch = launchOf(host.env);
    return launch && launch.size !== 1 ? new JobProcess(host, launch) : undefined;
  }

  private constructor(host: Host, launch: Launch) {
    this.#host = host;
    this.launch = launch;
  }

  /** What a command of this process sees: of all but the first nothing is shown. */
  get host(): Host {
    const { stdout, stderr } = this.#host;
    if (this.launch.rank === 0) return { ...this.#host, job: this };
    const muted = { write() {}, tty: false };
    return { ...this.#host, job: this, stdout: { ...stdout, ...muted }, stderr: { ...stderr, ...muted } };
  }

  /** Whether the command has nothing to do here. @throws UserError when it cannot run in a job */
  isIdle(command: Command["command"]): boolean {
    if (STARTING.includes(command)) {
      throw new UserError(
        `plca ${command} starts trainings of its own and cannot be started by a launcher of MPI: start it alone, or train each ` +
          "recipe by mpirun",
      );
    }
    return !SHARING.includes(command) && this.leftToFirst();
  }

  leftToFirst(): boolean {
    this.#left = true;
    return this.launch.rank > 0;
  }

  open(): World {
    const { env, watch } = this.#host, { rank } = this.launch;
    this.#processes ??= openProcesses(
      this.launch,
      env,
      watch && ((seconds, words) => watch(seconds, `${words}\nrank ${rank} ended the job\n`)),
    );
    return this.#processes.world;
  }

  get threads(): number {
    const { cores, installed = cores } = this.#host.machine;
    // A launcher that binds processes to cores has divided them already.
    return installed > cores ? cores : Math.max(1, Math.floor(cores / (this.launch.local ?? 1)));
  }

  text(): string {
    const world = this.open();
    return `${world.size} processes by ${this.#processes!.version}`;
  }

  /** Ends this process's part. @param words what the error says to the person */
  async end({ code, error }: Ended, words: (host: Host) => void): Promise<number> {
    if (error === undefined) {
      this.#processes?.close();
      return this.launch.rank === 0 ? code : 0;
    }
    if (this.#left) {
      // The others are gone, so nobody would come to where MPI begins.
      words(this.#host);
      return code;
    }
    const { rank } = this.launch;
    // A launcher notices a process that ends early only once it has begun MPI; the others may be waiting for
    // it there.
    this.#openQuietly();
    // The first one ends the job when it has written what is to be kept.
    if (rank > 0) await sleep(isShared(error) ? 1e9 : PATIENCE + 200 * rank);
    words(this.#host);
    this.#host.stderr.write(`${this.#processes?.who ?? `rank ${rank}`} ended the job\n`);
    // The launcher shows only what it has read before a job ends.
    await sleep(FAREWELL);
    this.#processes?.abort(code);
    return code;
  }

  #openQuietly(): void {
    try {
      this.open();
    } catch {
      // What the command failed of is told.
    }
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
