/**
 * Following a live run. The training process knows nothing of its viewers; a viewer looks at the folder once
 * a second while anyone listens, compares a fingerprint of sizes and times, and reads only what was added to
 * the log since. A *revision* counts the changes.
 *
 * Folders may vanish under a viewer (deleted, unmounted). Then the run as it was last known stays, marked as
 * gone.
 */
import type { RunFiles } from "./files.ts";
import {
  CONFIG,
  EVALUATION,
  EVENTS,
  foundFolders,
  type PhaseFolder,
  PHASES,
  RECORD,
  within,
} from "./layout.ts";
import { isRunFolder, listCheckpoints, readRun, type Run } from "./read.ts";

/** Called with the new revision when the run has changed. */
export type Listener = (revision: number) => void;

/** How often the files' sizes are looked at, in milliseconds. */
const INTERVAL = 1000;

/** A run that is read again and again; each look reads only what is new. */
export class LiveRun {
  readonly #files: RunFiles;
  readonly #interval: number;
  readonly #listeners = new Set<Listener>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #seen = "";
  #revision = 0;
  /** What listeners were told last. */
  #announced = 0;
  #run: Run | undefined;
  #gone = false;
  /** Whether there was a log. */
  #logged = false;
  #reading: Promise<unknown> = Promise.resolve();

  /** @param interval in milliseconds; a second when absent */
  constructor(files: RunFiles, interval: number = INTERVAL) {
    this.#files = files;
    this.#interval = interval;
  }

  /** The run as it is now; where its folder is gone, as it was last known. */
  async read(): Promise<{ readonly run: Run; readonly revision: number; readonly gone: boolean }> {
    await this.#look();
    return { run: this.#run!, revision: this.#revision, gone: this.#gone };
  }

  /**
   * Calls the listener at once if anything is known, and after every change until the returned function is
   * called. Looking stops with the last listener.
   */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#revision > 0) listener(this.#revision);
    this.#wait();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  #wait(): void {
    this.#timer ??= setTimeout(async () => {
      await this.#look();
      this.#timer = undefined;
      // Somebody may have looked in between.
      if (this.#revision !== this.#announced) {
        this.#announced = this.#revision;
        for (const listener of this.#listeners) listener(this.#revision);
      }
      if (this.#listeners.size > 0) this.#wait();
    }, this.#interval);
  }

  /**
   * Looks at the folder. Looks follow one another, because the log is read on from where the last one ended.
   */
  #look(): Promise<unknown> {
    this.#reading = this.#reading.then(async () => {
      const gone = await told(() => isRunFolder(this.#files)) === false;
      if (gone !== this.#gone) this.#revision += 1;
      this.#gone = gone;
      if (gone && this.#run !== undefined) return;
      const isLogged = async () => await told(() => this.#files.stat(EVENTS)) !== undefined;
      const logged = await isLogged();
      // A log that is no longer there is of a run that is being deleted: what was known stays.
      if (this.#logged && !logged) return;
      this.#logged = logged;
      const seen = await fingerprint(this.#files);
      if (this.#run !== undefined && seen === this.#seen) return;
      const run = await readRun(this.#files, this.#run);
      // It may have gone while it was read.
      if (logged && !await isLogged()) return;
      this.#run = run;
      this.#seen = seen;
      this.#revision += 1;
    });
    return this.#reading;
  }
}

/** A text that changes when a file of the run does, or when its process ends. */
async function fingerprint(files: RunFiles): Promise<string> {
  const paths = [
    CONFIG,
    RECORD,
    EVENTS,
    ...(await searched(files)).map(({ folder }) => within(folder, EVALUATION)),
  ];
  const seen: unknown[] = [await told(() => files.isLocked(EVENTS))];
  for (const path of paths) seen.push(path, await told(() => files.stat(path)));
  return JSON.stringify([...seen, await checkpointsOf(files)]);
}

/** A text that changes when a checkpoint of any phase does. */
export async function checkpointsOf(files: RunFiles): Promise<string> {
  const seen: unknown[] = [];
  for (const { folder } of await searched(files)) {
    seen.push(await told(() => listCheckpoints(files, folder)));
  }
  return JSON.stringify(seen);
}

async function searched(files: RunFiles): Promise<readonly PhaseFolder[]> {
  return foundFolders(await told(() => files.folders(PHASES)) ?? []);
}

/**
 * What a look at a file gives; undefined for a file that cannot be looked at, which counts as unchanged:
 * reading it gives the error.
 */
async function told<T>(looking: () => Promise<T>): Promise<T | undefined> {
  try {
    return await looking();
  } catch {
    return undefined;
  }
}
