/**
 * Jobs: what is done before a phase, such as labelling the target images with the weights so far.
 *
 * Self-training in rounds is a list of phases with a job before each: predict the target, keep the labels
 * that the network is sure of, train on them, and again. A job reads streams of its phase and writes label
 * files into a folder of its own; those files are the dataset that a later stream reads. So the trainer needs
 * no notion of a round: a phase has jobs before it and streams that read what jobs left.
 *
 * A job that is done leaves `done.json` in its folder with checksums of its files, and a run that goes on
 * later does not repeat it. A run that was stopped in the middle of a job repeats the job from its start:
 * what a job writes follows from its input, the weights and the seed alone, so the files become the same.
 *
 * A later phase is rehearsed before the first one trains, when its jobs have not run yet. Then the images of
 * the job's input stand for its dataset, with no pixel labelled ({@linkcode standIn}).
 */
import { setImmediate } from "node:timers/promises";
import { LossError, UserError } from "../core/errors.ts";
import {
  isRead,
  type MadeStream,
  type PhasePlan,
  type PlannedJob,
  type PlannedStream,
  type RunPlan,
} from "../core/plan.ts";
import type { DatasetPlan, JobFiles, JobTools, PredictionChange, Sample, Segmenter } from "../core/plugin.ts";
import { Random } from "../core/random.ts";
import { networkInputs } from "../datasets/evaluation.ts";
import { type Input, labelFolder, relabelled } from "../datasets/input.ts";
import { foldersOf, jobFolder, within } from "../run_folder/layout.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";
import { messageOf } from "../core/words.ts";
import { digests, DONE, requireUnchanged } from "./job_digests.ts";
import { JobTurns } from "./job_turns.ts";
import { LabelWriter } from "./label_writer.ts";
import { describePlanned } from "./loss_errors.ts";
import { type PredictionTask, predictLabels, predictRows } from "./predict.ts";
import { isFile } from "./resume.ts";
import type { Team } from "./together.ts";

/** The plan and the folder of the run whose jobs are meant. */
export interface JobPlace {
  readonly plan: RunPlan;
  readonly runDir: string;
}

/**
 * The dataset of the files that a job leaves; it need not be there yet. @throws UserError when it leaves none
 */
export function jobDataset(place: JobPlace, name: string): DatasetPlan {
  const { phase, job } = jobOf(place, name);
  const dataset = job.plan.dataset?.(filesOf(place, phase, job));
  if (dataset) return dataset;
  throw new UserError(`${describePlanned("job", job)} leaves no dataset`);
}

/**
 * What stands for a job's dataset before the job is done: the images of the first stream that the job reads,
 * with the ignore label on every pixel. Undefined when the job reads no stream.
 */
export function standIn(place: JobPlace, name: string): DatasetPlan | undefined {
  const { phase, job } = jobOf(place, name);
  const stream = phase.streams.filter(isRead).find((stream) => job.plan.reads.includes(stream.name));
  const images = stream && standInOf(place, stream, job);
  return images && {
    ...images,
    async open(setup) {
      const opened = await images.open({ ...setup, labels: false });
      return {
        length: opened.length,
        ...(opened.ids ? { ids: opened.ids } : {}),
        async read(index, { labels }) {
          const sample = await opened.read(index, { labels: false });
          const none = () => new Uint8Array(sample.width * sample.height).fill(place.plan.labelSpace.ignore);
          return labels ? { ...sample, labels: none() } : sample;
        },
      };
    },
  };
}

/** The images of a stream that a job reads; where the stream itself reads a job, what stands for that. */
function standInOf(
  place: JobPlace,
  stream: Exclude<PlannedStream, MadeStream>,
  job: PlannedJob,
): DatasetPlan | undefined {
  if ("dataset" in stream) return stream.dataset;
  if (isDoneBefore(place.plan.phases, stream.job, job)) return standIn(place, stream.job);
  // The same rule as in filesOf: the dataset of the recipe itself.
  return stream.name === "source" || stream.name === "target" ? place.plan.data[stream.name] : undefined;
}

function jobOf({ plan: { phases } }: JobPlace, name: string): { phase: PhasePlan; job: PlannedJob } {
  for (const phase of phases) {
    const job = phase.before.find((job) => job.name === name);
    if (job) return { phase, job };
  }
  throw new Error(`no phase has a job "${name}"`);
}

/** The folder of a job and the datasets that it reads. */
function filesOf({ plan, runDir }: JobPlace, phase: PhasePlan, job: PlannedJob): JobFiles {
  const { folder: phaseFolder } = foldersOf(plan.phases)[plan.phases.indexOf(phase)]!;
  const folder = jobFolder(within(runDir, phaseFolder), job.name);
  const datasets: Record<string, DatasetPlan> = {};
  for (const name of job.plan.reads) {
    const stream = phase.streams.find((stream) => stream.name === name);
    if (stream && "job" in stream && isDoneBefore(plan.phases, stream.job, job)) {
      datasets[name] = jobDataset({ plan, runDir }, stream.job);
    } else if (stream && "dataset" in stream) datasets[name] = stream.dataset;
    // The phase's target may be what this job leaves; then the job itself reads the recipe's target.
    else if (name === "source" || name === "target") datasets[name] = plan.data[name];
  }
  return { folder, datasets, relabelled: (dataset) => relabelled(dataset, labelFolder(folder)) };
}

/** Whether the job called `name` comes before `job` in the run. */
function isDoneBefore(phases: readonly PhasePlan[], name: string, job: PlannedJob): boolean {
  const jobs = phases.flatMap(({ before }) => before);
  return jobs.findIndex((one) => one.name === name) < jobs.findIndex((one) => one.name === job.name);
}

/**
 * Compares the files of a job with their checksums. @throws DataError that names the first that has changed
 */
export async function requireAsLeft({ plan, runDir }: JobPlace, name: string): Promise<void> {
  const { phase, job } = jobOf({ plan, runDir }, name);
  await requireUnchanged(filesOf({ plan, runDir }, phase, job).folder, job.name);
}

/** What running jobs needs. */
export interface JobRun extends JobPlace {
  readonly phase: PhasePlan;
  /** The student with the weights that the phase starts from. */
  readonly network: Segmenter;
  readonly input: Input;
  /** The processes of the run: all run the job, and the files of the first one stay. */
  readonly team: Team;
  /** Whether jobs that an earlier process completed are not repeated. */
  readonly resume: boolean;
  readonly note: (message: string) => void;
}

/**
 * Does the jobs of a phase, in order. All processes must call it.
 * @throws LossError when a job fails, UserError when it throws one, the signal's reason once it fires
 */
export async function runJobs(run: JobRun): Promise<void> {
  const { team } = run;
  for (const job of run.phase.before) {
    const files = filesOf(run, run.phase, job);
    const done = `${files.folder}/${DONE}`;
    if (run.resume && await team.first(() => isFile(done))) continue;
    run.note(`${job.name}: begins`);
    await team.each(async () => {
      if (!team.leads) return;
      await makeFolder(files.folder);
      await Deno.remove(done).catch(() => {});
    });
    await runJob(run, job, files);
    await team.each(async () => {
      if (!team.leads) return;
      const record = { job: job.name, files: await digests(files.folder) };
      await writeWhole(done, new TextEncoder().encode(`${JSON.stringify(record)}\n`));
    });
    run.note(`${job.name}: done`);
  }
}

/**
 * Does one job. All processes run all of it, because a job may do more than write labels; those that do not
 * lead write into folders that are removed at the end.
 */
async function runJob(run: JobRun, job: PlannedJob, files: JobFiles): Promise<void> {
  const { team } = run, who = describePlanned("job", job);
  const folder = team.leads ? files.folder : `${files.folder}.rank-${team.world.rank}`;
  const labels = new LabelWriter(who, { folder: labelFolder(folder), space: run.plan.labelSpace });
  try {
    await labels.begin();
    await job.plan.run(toolsOf(run, job, { ...files, folder, labels }));
    await labels.end();
  } catch (cause) {
    if (team.signal.aborted) throw team.signal.reason;
    if (cause instanceof UserError) throw cause;
    throw new LossError(`${who} threw: ${messageOf(cause)}`, { cause });
  } finally {
    if (!team.leads) await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

function toolsOf(
  run: JobRun,
  job: PlannedJob,
  { folder, datasets, labels }: JobFiles & { readonly labels: LabelWriter },
): JobTools {
  const { plan, network, input, team } = run;
  return {
    folder,
    network,
    classes: plan.labelSpace.classes,
    ignoreLabel: plan.labelSpace.ignore,
    random: Random.stream(plan.seed, `job/${run.phase.name}/${job.name}`),
    signal: team.signal,
    note: (message) => run.note(`${job.name}: ${message}`),
    async *images(stream) {
      const dataset = datasets[stream];
      if (dataset === undefined) {
        throw new LossError(`${describePlanned("job", job)} reads "${stream}" without declaring it in reads`);
      }
      const opened = await input.open(dataset, { labels: false });
      const { input: { normalization, alignCorners }, model: { plan: { featureTap } } } = plan;
      const ensemble = { networks: [{ segmenter: network, weight: 1 }], featureTap, alignCorners };
      const taskOf = (image: Sample, { aggregation, ...how }: PredictionChange = {}): PredictionTask => {
        const { aggregation: former, ...others } = { ...plan.evaluation, ...how };
        const evaluation = aggregation === false || !former ? others : { ...others, aggregation: former };
        return {
          inputs: networkInputs(image, { evaluation, normalization }),
          inference: evaluation,
          wanted: { height: image.height, width: image.width, confidence: true },
        };
      };
      let current: { readonly index: number; readonly sample: Sample } | undefined;
      const turns = new JobTurns(team, opened.length, async (index, how) => {
        const sample = current?.index === index
          ? current.sample
          : await opened.read(index, { labels: false });
        const { labels, confidence } = await predictLabels(ensemble, taskOf(sample, how));
        return { labels, confidence: confidence! };
      });
      for (let index = 0; index < opened.length; index++) {
        if (team.stops()) team.signal.throwIfAborted();
        const sample = await opened.read(index, { labels: false });
        const { id, width, height } = sample;
        current = { index, sample };
        yield {
          id,
          index,
          count: opened.length,
          height,
          width,
          predict: (how) => turns.of(index, how),
          rows: (how) => predictRows(ensemble, taskOf(sample, how)),
        };
        // Kernels block the event loop; signals and timers are served here.
        await setImmediate();
      }
    },
    writeLabels: (image, ids) => labels.write(image, ids),
    writeSoft: (image, packed) => labels.writeSoft(image, packed),
    preferCrops: (preference) => labels.prefer(preference),
  };
}
