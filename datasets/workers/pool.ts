/**
 * Workers that decode and transform images while the main thread computes.
 *
 * The main thread computes a step in one long synchronous stretch, in which it cannot hand out work. So
 * requests are posted ahead, as soon as the loader asks, and wait in the worker's queue; finished batches
 * wait in the main thread's queue until it comes back. Their memory is transferred, not copied.
 *
 * A worker must not be terminated while sharp decodes in it, which would take the process down. Closing
 * therefore lets the image in work finish, and waits at most `patience`.
 */
import { UserError } from "../../core/errors.ts";
import { moduleBeside } from "../../core/packaged.ts";
import type { Dataset } from "../../core/plugin.ts";
import type { Maker } from "../maker.ts";
import { fromPlain } from "./errors.ts";
// Run by its address, which no packer sees.
import type {} from "./worker.ts";
import type { DatasetRecipe, MakerRecipe, Order, ProductKind, Products, Reply } from "./protocol.ts";

/** A dataset and, where they can make it again, the workers that read it instead of this thread. */
export interface InputDataset extends Dataset {
  readonly workers?: DatasetWorkers;
}

/** What makes products of one dataset in the workers; each factory gives a maker with options of its own. */
export interface DatasetWorkers {
  /** Threads that share the work. */
  readonly count: number;
  batches: MakerFactory<"batch">;
  evaluation: MakerFactory<"evaluation">;
  inspection: MakerFactory<"inspection">;
}

type MakerFactory<Kind extends ProductKind> = (options: Products[Kind]["options"]) => ProductMaker<Kind>;
type ProductMaker<Kind extends ProductKind> = Maker<Products[Kind]["request"], Products[Kind]["result"]>;

/** How many workers there are, and which module they run. */
export interface PoolOptions {
  /** At least 1. */
  readonly count: number;
  /** What each runs; another one in tests. */
  readonly module?: URL;
  /** Milliseconds that closing waits for the image in work. Default 10000. */
  readonly patience?: number;
}

/**
 * Workers with the permissions of the thread that starts them. They start at once and load their modules on
 * threads of their own. A worker that crashes fails all its requests, and those to come, with one UserError
 * that says how to go on without workers.
 */
export class WorkerPool {
  readonly #threads: readonly Thread[];
  #makers = 0;

  constructor({ count, module = moduleBeside("worker", import.meta.url), patience = 10_000 }: PoolOptions) {
    this.#threads = Array.from(
      { length: count },
      (_, k) => new Thread(`images ${k + 1}`, { module, patience }),
    );
  }

  /** The workers as the readers of a dataset. Every worker opens it anew for each maker. */
  reading(dataset: DatasetRecipe): DatasetWorkers {
    return {
      count: this.#threads.length,
      batches: (options) => this.#maker<"batch">({ kind: "batch", dataset, options }),
      evaluation: (options) => this.#maker<"evaluation">({ kind: "evaluation", dataset, options }),
      inspection: (options) => this.#maker<"inspection">({ kind: "inspection", dataset, options }),
    };
  }

  #maker<Kind extends ProductKind>(recipe: MakerRecipe): ProductMaker<Kind> {
    const maker = this.#makers++;
    // Requests go round; two makers that are asked in turn begin at different workers.
    let turn = maker, closed = false;
    for (const thread of this.#threads) thread.post({ type: "maker", maker, recipe });
    return {
      make: (request) => {
        if (closed) return Promise.reject(new Error("the loader was closed"));
        const thread = this.#threads[turn++ % this.#threads.length]!;
        return thread.make(maker, request) as Promise<Products[Kind]["result"]>;
      },
      close: () => {
        closed = true;
        for (const thread of this.#threads) thread.release(maker);
      },
    };
  }

  /** Ends the workers once the image in work is done; requests that are open fail. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

/** A request without an answer yet. */
interface Job {
  readonly maker: number;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

interface ThreadOptions {
  readonly module: URL;
  readonly patience: number;
}

/** One worker and the jobs it has not answered. */
class Thread {
  readonly #worker: Worker;
  readonly #patience: number;
  /** By number; answers carry it. */
  readonly #jobs = new Map<number, Job>();
  readonly #ended = Promise.withResolvers<void>();
  #posted = 0;
  /** Why it takes no more jobs. */
  #over: Error | undefined;

  constructor(name: string, { module, patience }: ThreadOptions) {
    this.#patience = patience;
    this.#worker = new Worker(module, { type: "module", name });
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      // Else the process would end here, and the weights would be lost.
      event.preventDefault();
      this.#crash(new Error(event.message.replace(/^Uncaught (\(in promise\) )?/, "")));
      this.#ended.resolve();
    };
  }

  post(order: Order): void {
    this.#worker.postMessage(order);
  }

  make(maker: number, request: unknown): Promise<unknown> {
    if (this.#over) return Promise.reject(this.#over);
    const job = this.#posted++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#jobs.set(job, { maker, resolve, reject });
    this.post({ type: "job", job, maker, request });
    return promise;
  }

  release(maker: number): void {
    this.post({ type: "release", maker });
    this.#refuse(new Error("the loader was closed"), (job) => job.maker === maker);
  }

  async close(): Promise<void> {
    this.#over ??= new Error("the workers were closed");
    this.#refuse(this.#over);
    this.post({ type: "close" });
    // Ending a worker while sharp decodes in it would crash the process; one that hangs is ended all the
    // same.
    const timer = setTimeout(this.#ended.resolve, this.#patience);
    await this.#ended.promise;
    clearTimeout(timer);
    this.#worker.terminate();
  }

  #hear(reply: Reply): void {
    switch (reply.type) {
      case "crashed":
        return this.#crash(fromPlain(reply.error));
      case "closed":
        return this.#ended.resolve();
    }
    const job = this.#jobs.get(reply.job);
    this.#jobs.delete(reply.job);
    if (reply.type === "done") job?.resolve(reply.result);
    else job?.reject(fromPlain(reply.error));
  }

  #crash(cause: Error): void {
    this.#over ??= new UserError(
      `a worker that prepares images stopped: ${cause.message}; ` +
        "with `input.workers: 0` the main thread prepares them",
      { cause },
    );
    this.#refuse(this.#over);
  }

  #refuse(error: Error, which: (job: Job) => boolean = () => true): void {
    for (const [number, job] of this.#jobs) {
      if (!which(job)) continue;
      this.#jobs.delete(number);
      job.reject(error);
    }
  }
}
