/**
 * How processes share the predictions of a job. All of them run the whole job and see every prediction; what
 * they take turns at is making them: of as many images in a row as there are processes, each predicts one and
 * shows it to the others.
 *
 * jobs.ts wraps the predictions of a job with it. A job that stopped asking in one process alone would leave
 * the others waiting.
 */
import type { PredictionChange } from "../core/plugin.ts";
import type { PredictedLabels } from "./predict.ts";
import type { Team } from "./together.ts";

/** A prediction with the probability of each winner. */
export type SurePrediction = Required<PredictedLabels>;

/** The predictions of a job's images, asked for by all processes in the same order. */
export class JobTurns {
  readonly #team: Team;
  readonly #count: number;
  readonly #predict: (index: number, how?: PredictionChange) => Promise<SurePrediction>;
  /** Those of the images in work, by how they are made. */
  #known = new Map<string, readonly SurePrediction[]>();
  #first = -1;

  /** @param count images of the job @param predict makes one here */
  constructor(
    team: Team,
    count: number,
    predict: (index: number, how?: PredictionChange) => Promise<SurePrediction>,
  ) {
    this.#team = team;
    this.#count = count;
    this.#predict = predict;
  }

  /** The prediction of an image. */
  async of(index: number, how?: PredictionChange): Promise<SurePrediction> {
    const { world } = this.#team;
    if (world.size === 1) return await this.#predict(index, how);
    const first = index - index % world.size, key = JSON.stringify(how ?? {});
    if (first !== this.#first) {
      this.#known = new Map();
      this.#first = first;
    }
    const made = this.#known.get(key) ?? await this.#round(first, how);
    this.#known.set(key, made);
    return made[index - first]!;
  }

  async #round(first: number, how: PredictionChange | undefined): Promise<readonly SurePrediction[]> {
    const { world } = this.#team, own = first + world.rank;
    const made = await this.#team.each(() =>
      own < this.#count
        ? this.#predict(own, how)
        : { labels: new Uint8Array(0), confidence: new Float32Array(0) }
    );
    const { buffer, byteOffset, byteLength } = made.confidence;
    const labels = world.exchange(made.labels);
    const confidence = world.exchange(new Uint8Array(buffer, byteOffset, byteLength));
    return labels.map((own, k) => ({
      labels: own,
      confidence: new Float32Array(confidence[k]!.slice().buffer),
    }));
  }
}
