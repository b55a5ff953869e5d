/**
 * The association explorer: what a run's checkpoints make of two images, level by level. It answers the page
 * of `plca view`.
 *
 * The mathematics is that of training (`ops/association`), on whole images instead of crops. One question
 * takes two passes of a network and a comparison of all pixels with all others, seconds of work; the next
 * question is mostly about the same images or the same level. So two things are kept, within a limit of
 * bytes: the taps of an image under a checkpoint, and the cycles of a level. Everything runs in turns, one
 * computation after the other, and looks between them whether the person has asked something else meanwhile
 * (`breathe`).
 */
import { UserError } from "../core/errors.ts";
import { lastPhase, type RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { type AssociationLevel, associationLevels } from "../ops/association/level.ts";
import { phaseFolders } from "../run_folder/layout.ts";
import { Cache } from "./cache.ts";
import { Checkpoints, type FoundCheckpoint } from "./checkpoints.ts";
import { type ExploredImage, Images } from "./images.ts";
import { bytesOf, levelRow, type LevelState, levelState, type Side } from "./level.ts";
import { forwardTaps, type HostTaps, Networks } from "./network.ts";
import { breathe, Turns } from "./turns.ts";
import type {
  CheckpointInfo,
  ExplorerOverview,
  ImageSet,
  LevelInfo,
  LevelRequest,
  LevelView,
  RowRequest,
  RowView,
  Statistics,
} from "./types.ts";

/** What {@linkcode openExplorer} needs besides the plan. */
export interface ExplorerOptions {
  /** The run's folder, absolute. */
  readonly folder: string;
  readonly files: FileReader;
  /** Selects a tensor backend whose tensors can be read at once; awaited before the first computation. */
  readonly ready: () => Promise<unknown>;
  /** Bytes of taps and levels that are kept. Default 384 MiB. */
  readonly cacheBytes?: number;
}

/** Answers questions, one after the other. */
export interface Explorer {
  /** What there is to choose from, now. */
  overview(): Promise<ExplorerOverview>;
  /** RGB, 3 bytes a pixel, at the explored size. @throws UserError */
  image(of: { readonly set: ImageSet; readonly index: number }): Promise<ExploredImage>;
  /**
   * Every cycle at a level. @throws UserError when checkpoint, image or level are not there or cannot be
   * used, the signal's reason when it fires
   */
  level(request: LevelRequest, signal: AbortSignal): Promise<LevelView>;
  /** One row of the level's matrices. @throws as `level` */
  row(request: RowRequest, signal: AbortSignal): Promise<RowView>;
  /** The checkpoints there are now. */
  checkpoints(): Promise<readonly CheckpointInfo[]>;
  /** Frees the network. */
  dispose(): void;
}

/** The default room for taps and levels. */
const CACHE_BYTES = 384 * 2 ** 20;

/** A level and the term it belongs to. */
interface PlannedLevel {
  readonly term: string;
  readonly level: AssociationLevel;
}

/**
 * An explorer of a run; nothing is read yet. The plan may be one whose user files were not run: their terms
 * show no level then.
 */
export function openExplorer(plan: RunPlan, options: ExplorerOptions): Explorer {
  return new RunExplorer(plan, options);
}

/** A level under a checkpoint, computed or found in the cache. */
interface Computed {
  readonly found: FoundCheckpoint;
  readonly level: AssociationLevel;
  readonly state: LevelState;
}

/** An image under a checkpoint. */
interface SideWanted {
  readonly set: ImageSet;
  readonly index: number;
  readonly statistics: Statistics;
  readonly found: FoundCheckpoint;
}

class RunExplorer implements Explorer {
  readonly #plan: RunPlan;
  readonly #options: ExplorerOptions;
  readonly #levels: readonly PlannedLevel[];
  readonly #images: Images;
  readonly #checkpoints: Checkpoints;
  readonly #networks: Networks;
  readonly #turns = new Turns();
  /** Half the room each. */
  readonly #sides: Cache<HostTaps>;
  readonly #states: Cache<LevelState>;

  constructor(plan: RunPlan, options: ExplorerOptions) {
    const { files, folder, cacheBytes = CACHE_BYTES } = options;
    this.#plan = plan;
    this.#options = options;
    this.#levels = lastPhase(plan).losses.flatMap(({ name, plan: { exhibits } }) =>
      associationLevels(exhibits).map((level) => ({ term: name, level }))
    );
    this.#images = new Images(plan, files);
    this.#checkpoints = new Checkpoints(folder, phaseFolders(plan.resolved));
    this.#networks = new Networks(plan, { files, checkpoints: this.#checkpoints });
    this.#sides = new Cache(cacheBytes / 2);
    this.#states = new Cache(cacheBytes / 2);
  }

  async overview(): Promise<ExplorerOverview> {
    const { labelSpace: { classes, colours, ignore } } = this.#plan;
    return {
      levels: this.#levels.map(infoOf),
      checkpoints: await this.checkpoints(),
      sets: await this.#images.sets(),
      classes,
      colours: colours ?? null,
      ignore,
      notes: this.#notes(),
    };
  }

  /** What differs from training, in sentences for the page. */
  #notes(): string[] {
    const { input: { training: { crop: [height, width], flip, shortSide } } } = this.#plan;
    const unrun = lastPhase(this.#plan).losses.flatMap(({ file, name }) => file === undefined ? [] : [name]);
    const sizes = shortSide && shortSide[0] !== shortSide[1]
      ? ` whose short side is a random ${shortSide[0]} to ${shortSide[1]} pixels`
      : "";
    return [
      `Whole images are compared, not mirrored; training compares ${
        flip ? "randomly mirrored " : ""
      }crops of ` +
      `${width}x${height} pixels${sizes}.`,
      "Predictions are the classes of one plain pass, without aggregation.",
      ...(unrun.length === 0
        ? []
        : [`Files of losses are not run here, so what they associate is not shown: ${unrun.join(", ")}.`]),
    ];
  }

  async checkpoints(): Promise<readonly CheckpointInfo[]> {
    return (await this.#checkpoints.list()).map(told);
  }

  async image({ set, index }: { readonly set: ImageSet; readonly index: number }): Promise<ExploredImage> {
    return await this.#images.read(set, index);
  }

  level(request: LevelRequest, signal: AbortSignal): Promise<LevelView> {
    return this.#turns.take(signal, async () => {
      const { found, state } = await this.#state(request, signal);
      return { checkpoint: told(found), ...state.view };
    });
  }

  row(request: RowRequest, signal: AbortSignal): Promise<RowView> {
    return this.#turns.take(signal, async () => {
      const { level, state } = await this.#state(request, signal);
      const { kind, pixel } = request;
      const { height, width } = kind === "forward" ? state.from : state.raw;
      if (pixel >= height * width) {
        throw new UserError(`there is no pixel ${pixel}: the level has ${height * width}, counted from 0`);
      }
      const row = levelRow(state, level, { kind, pixel });
      if (row === undefined) throw new UserError("this level aggregates nothing");
      return row;
    });
  }

  /** The cycles of a level for two images, from the cache or computed. */
  async #state(request: LevelRequest, signal: AbortSignal): Promise<Computed> {
    const planned = this.#levels[request.level];
    if (planned === undefined) {
      throw new UserError(`there is no level ${request.level}: the recipe has ${this.#levels.length}`);
    }
    const { level } = planned;
    const { checkpoint, statistics, source, targetSet, target } = request;
    const found = await this.#checkpoints.find(checkpoint);
    const key = JSON.stringify([found.identity, statistics, source, targetSet, target, request.level]);
    const known = this.#states.get(key);
    if (known) return { found, level, state: known };

    await this.#options.ready();
    const sides = {
      source: await this.#side({ set: "source", index: source, statistics, found }, signal),
      target: await this.#side({ set: targetSet, index: target, statistics, found }, signal),
    };
    await breathe(signal);
    const { ignore: ignoreLabel } = this.#plan.labelSpace;
    const state = await levelState(sides, level, { ignoreLabel, pause: () => breathe(signal) });
    this.#states.set(key, state, bytesOf(state));
    return { found, level, state };
  }

  /**
   * An image and its taps under a checkpoint, from the cache or computed. All levels' taps are taken in one
   * pass.
   */
  async #side({ set, index, statistics, found }: SideWanted, signal: AbortSignal): Promise<Side> {
    const image = await this.#images.read(set, index);
    await breathe(signal);
    const key = JSON.stringify([found.identity, statistics, set, index]);
    let taps = this.#sides.get(key);
    if (taps === undefined) {
      const segmenter = await this.#networks.open(found);
      await breathe(signal);
      const names = [...this.#levels.map(({ level: { tap } }) => tap), "probabilities"];
      taps = forwardTaps(segmenter, { ...this.#images.input(image), statistics }, names);
      this.#sides.set(key, taps, Object.values(taps).reduce((sum, { data }) => sum + data.byteLength, 0));
    }
    const { id, height, width, original, labels } = image;
    return { id, height, width, original, taps, ...(labels ? { labels } : {}) };
  }

  dispose(): void {
    this.#networks.dispose();
  }
}

function told({ id, name, phase, step, problem }: FoundCheckpoint): CheckpointInfo {
  return { id, name, phase, step, problem };
}

function infoOf({ term, level }: PlannedLevel): LevelInfo {
  const { label, tap, similarityName: similarity, contrast, aggregation } = level;
  return { term, label, tap, similarity, contrast, aggregation: aggregation ?? null };
}
