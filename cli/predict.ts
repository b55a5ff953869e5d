/**
 * `plca predict`: labels images, folders that are watched, or videos. Everything that could be wrong with
 * names is checked first (two images with one name, files that would be overwritten, an output among the
 * inputs), because predicting takes long and must not end in the middle over a name.
 *
 * Several processes share images; videos and folders that are watched are left to the first of them.
 */
import { join, resolve } from "node:path";
import { selectBackend } from "../backends/select.ts";
import { UserError } from "../core/errors.ts";
import { solo, type World } from "../core/world.ts";
import { diskFiles } from "../datasets/files.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";
import { openPredictor } from "../train/mod.ts";
import { fromFirst, Team } from "../train/together.ts";
import { chooseWeights } from "./choose_weights.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { fixedPart, type ImageInput, imageInputs, refuseSameNames } from "./image_inputs.ts";
import { labelClasses, legendText } from "./label_classes.ts";
import { type Job, Labelling, type LabellingOptions, type Outputs } from "./labelling.ts";
import { labelVideos, videoJobs, videosOf } from "./predict_video.ts";
import { inNarrowThread, planFor } from "./own_files.ts";
import { shown, stat } from "./run_folder.ts";

import { watchedFolders, watchFolders } from "./watch_folders.ts";

/**
 * Runs `plca predict`. @returns the exit status: 0, 2 when images could not be labelled, 130 when interrupted
 * @throws UserError before anything is predicted
 */
export async function predictCommand(host: Host, args: CommandOf<"predict">): Promise<number> {
  const weights = await chooseWeights(host, args);
  // A recipe may need the folder of its data to be planned, but no data of it are read.
  const choice = { path: weights.recipe, overrides: ["data.root=.", ...args.set] };
  const narrow = await inNarrowThread(host, {
    import: args.import,
    weights,
    choice,
    read: [...args.images, args.runs].map((path) => resolve(host.cwd, fixedPart(path))),
    write: [resolve(host.cwd, args.out)],
  });
  if (narrow !== undefined) return narrow;
  const videos = await videosOf(host, args);
  const shared = videos.length === 0 && !args.watch;
  if (!shared && host.job?.leftToFirst()) return 0;
  const world = shared && host.job?.open() || solo, team = new Team(world, new AbortController().signal);
  const { checkpoint } = weights;
  // Nothing is written before all of them have looked.
  const { plan, classes, out, legend, label } = await team.each(async () => {
    const plan = await planFor(host, args, choice);
    const classes = labelClasses(plan.labelSpace, args.ids);
    const out = resolve(host.cwd, args.out);
    const info = await stat(out);
    if (info && !info.isDirectory) throw new UserError(`--out ${args.out}: it is a file, expected a folder`);
    const legend = { path: join(out, "classes.json"), text: legendText(classes) };
    return { plan, classes, out, legend, label: await workOf(host, args, { out, legend, videos, world }) };
  });
  const predictor = await team.each(async () => {
    await selectBackend(plan.backend, {
      memory: plan.memory,
      threads: world.size > 1 ? host.job?.threads : undefined,
    });
    return await openPredictor(plan, { checkpoint, files: diskFiles() });
  });
  try {
    await team.first(async () => {
      await makeFolder(out);
      await writeWhole(legend.path, new TextEncoder().encode(legend.text));
    });
    // As the images that the network was made for.
    const picture = plan.data.target.picture ?? {};
    return await label({ args, checkpoint, predictor, picture, classes, world });
  } finally {
    predictor.dispose();
  }
}

/** Labels what was asked for; returns the exit status. */
type Work = (options: LabellingOptions) => Promise<number>;

/** Where results are written, of which videos, and who makes them. */
interface Target {
  /** Absolute. */
  readonly out: string;
  readonly legend: Legend;
  /** Absolute; empty: images are meant. */
  readonly videos: readonly string[];
  readonly world: World;
}

/** `classes.json`, which says what the ids in label files mean. */
interface Legend {
  readonly path: string;
  readonly text: string;
}

/**
 * What is to be labelled, checked: videos, folders that are watched, or images. @throws UserError when they
 * cannot be labelled, or files are in the way
 */
async function workOf(
  host: Host,
  args: CommandOf<"predict">,
  { out, legend, videos, world }: Target,
): Promise<Work> {
  const { force } = args;
  const made = ["labels", "overlays", "confidence"].map((name) => join(out, name));
  if (videos.length > 0) {
    const jobs = await videoJobs(host, videos, out);
    await refuseOverwriting(host, jobs.map(({ path, overlay }) => ({ path, files: [overlay] })), {
      legend,
      force,
    });
    return (options) => labelVideos(host, options, jobs);
  }
  const jobOf = (input: ImageInput): Job => ({ input, outputs: outputsOf(input, out, args) });
  if (args.watch) {
    const folders = await watchedFolders(host, args.images);
    await refuseOverwriting(host, [], { legend, force });
    return (options) => watchFolders(host, options, { folders, leaveOut: made, jobOf });
  }
  const inputs = await imageInputs(host, args.images, made);
  refuseSameNames(host, inputs, args.out);
  const jobs = inputs.map(jobOf);
  const all = jobs.map(({ input, outputs }) => ({
    path: input.path,
    files: Object.values(outputs) as string[],
  }));
  await refuseOverwriting(host, all, { legend, force });
  // The first process says which images come in which order.
  return (options) => new Labelling(host, options).run(fromFirst(world, jobs));
}

/** The files that are made of an image. */
function outputsOf({ name }: ImageInput, out: string, args: CommandOf<"predict">): Outputs {
  const { overlays, confidence } = args;
  return {
    labels: join(out, "labels", `${name}.png`),
    ...(overlays === "none" ? {} : { overlay: join(out, "overlays", `${name}.${overlays}`) }),
    ...(confidence ? { confidence: join(out, "confidence", `${name}.png`) } : {}),
  };
}

/**
 * Checks that nothing is overwritten. @param jobs what is read, and the files that are made of it @throws
 * UserError for a file that is an input, that is there (unless forced), or for a legend of other classes
 */
async function refuseOverwriting(
  host: Host,
  jobs: readonly { readonly path: string; readonly files: readonly string[] }[],
  { legend, force }: { legend: Legend; force: boolean },
): Promise<void> {
  const images = new Set(jobs.map(({ path }) => path));
  const files = jobs.flatMap((job) => job.files);
  const own = files.find((file) => images.has(file));
  if (own !== undefined) {
    throw new UserError(
      `${shown(host, own)} is one of the images and would be overwritten; choose another --out`,
    );
  }
  if (force) return;
  const existing: string[] = [];
  for (const file of files) if (await stat(file)) existing.push(file);
  if (existing.length > 0) {
    const more = existing.length > 1 ? ` and ${existing.length - 1} more` : "";
    throw new UserError(
      `${
        shown(host, existing[0]!)
      }${more} would be overwritten; choose another --out, or allow it with --force`,
    );
  }
  if (await stat(legend.path) && await Deno.readTextFile(legend.path) !== legend.text) {
    throw new UserError(
      `${shown(host, legend.path)} speaks of other classes than these; choose another --out, ` +
        "or overwrite it with --force",
    );
  }
}
