/**
 * The `begin` hooks: what terms and streams do before the first step of a phase, such as counting labels.
 *
 * phase.ts calls them once, after the jobs. A phase that goes on from a checkpoint skips them, so whatever a
 * hook finds must be in buffers; with several processes all call every hook, and must find the same.
 */
import { setImmediate } from "node:timers/promises";
import { LossError, UserError } from "../core/errors.ts";
import { drawnName, type PhasePlan, type RunPlan } from "../core/plan.ts";
import type { BeginBatch, BeginTools } from "../core/plugin.ts";
import { Random } from "../core/random.ts";
import { messageOf } from "../core/words.ts";
import { trainLoader } from "../datasets/loader.ts";
import type { Run } from "./assemble.ts";
import { loaderOptions, type OpenStream } from "./loaders.ts";
import { describePlanned } from "./loss_errors.ts";
import type { Team } from "./together.ts";

/** What the hooks are called with. */
export interface Beginning {
  readonly plan: RunPlan;
  readonly phase: PhasePlan;
  /** The streams of the phase, opened with or without labels as the phase reads them. */
  readonly streams: readonly OpenStream[];
  /** The processes of the run. All of them run every hook; their signal ends it. */
  readonly team: Team;
  readonly note: (message: string) => void;
}

/**
 * Calls every `begin`, those of terms first, each in recipe order. All processes must call it.
 * @throws LossError when a hook fails, UserError when the hook throws one, the signal's reason once it fires
 */
export async function beginHooks({ terms, streams }: Run, beginning: Beginning): Promise<void> {
  const parts = [
    ...terms.map(({ planned, term }) => ["loss", planned, term] as const),
    ...[...streams.values()].map(({ planned, stream }) => ["stream", planned, stream] as const),
  ];
  for (const [kind, planned, { hooks }] of parts) {
    if (!hooks?.begin) continue;
    const who = describePlanned(kind, planned);
    try {
      await hooks.begin(toolsOf(beginning, `${kind} ${planned.name}`, who));
    } catch (cause) {
      if (beginning.team.signal.aborted) throw beginning.team.signal.reason;
      if (cause instanceof LossError) throw cause;
      if (cause instanceof UserError) throw new UserError(`${who}: ${cause.message}`, { cause });
      throw new LossError(`${who} threw in its begin hook: ${messageOf(cause)}`, { cause });
    }
  }
}

function toolsOf(
  { plan, phase, streams, team, note }: Beginning,
  name: string,
  who: string,
): BeginTools {
  return {
    random: Random.stream(plan.seed, drawnName(phase, `begin ${name}`)),
    signal: team.signal,
    note: (message) => note(`${name}: ${message}`),
    async *batches(wanted) {
      const open = streams.find(({ stream }) => stream.name === wanted);
      if (!open) {
        throw new LossError(`${who} goes through the images of "${wanted}", which this phase does not read`);
      }
      const { stream, dataset } = open;
      const options = {
        ...loaderOptions(plan, phase, stream),
        stream: drawnName(phase, `begin ${name}/${wanted}`),
      };
      // Batches of one, so that every image comes exactly once whatever the number of images is.
      const loader = trainLoader(dataset, { ...options, batch: 1, skip: 0, ahead: 2, draw: undefined });
      try {
        for (let k = 0; k < dataset.length; k++) {
          if (team.stops()) team.signal.throwIfAborted();
          const { size, ids, labels } = await team.each(() => loader.next());
          yield { size, ids, ...(labels ? { labels } : {}) } satisfies BeginBatch;
          // Between two images the event loop runs, so that signals and timers are served.
          await setImmediate();
        }
      } finally {
        loader.close();
      }
    },
  };
}
