/** Videos that are labelled frame by frame, into videos of overlays. */
import { basename, join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { UserError } from "../core/errors.ts";
import { countOf } from "../core/words.ts";
import { mixedWith } from "../report/pictures.ts";
import { makeFolder } from "../run_folder/write.ts";
import { probeVideo, videoFrames, type VideoShape, writeVideo } from "./ffmpeg.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { afterImage } from "./input.ts";
import type { LabellingOptions } from "./labelling.ts";
import { shown, stat } from "./run_folder.ts";

/** What is taken for a video, by its extension. */
const VIDEOS = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts)$/i;

/** A video and the overlay that is made of it; paths are absolute. */
export interface VideoJob {
  readonly path: string;
  readonly overlay: string;
  readonly shape: VideoShape;
}

/**
 * The given files that are videos by their names, absolute; empty when images are meant. @throws UserError
 * when both are given, or with options that are for images
 */
export async function videosOf(host: Host, args: CommandOf<"predict">): Promise<string[]> {
  const paths = args.images.map((given) => resolve(host.cwd, given));
  const found: string[] = [];
  for (const path of paths) if (VIDEOS.test(path) && (await stat(path))?.isFile) found.push(path);
  if (found.length === 0) return [];
  const other = args.images.find((_, k) => !found.includes(paths[k]!));
  if (other !== undefined) {
    throw new UserError(`${other}: it is no video; give videos and images in two calls`);
  }
  const unfit = [
    args.watch ? "--watch" : undefined,
    args.confidence ? "--confidence" : undefined,
    args.overlays === "none" ? "--overlays none" : undefined,
  ].find((option) => option !== undefined);
  if (unfit) throw new UserError(`${unfit} is for images: of a video an overlay is made, and nothing else`);
  return [...new Set(found)];
}

/**
 * What is made of the videos. @param out absolute @throws UserError when one cannot be read, or two would
 * become one file
 */
export async function videoJobs(host: Host, videos: readonly string[], out: string): Promise<VideoJob[]> {
  const jobs: VideoJob[] = [];
  for (const path of videos) {
    const overlay = join(out, `${basename(path).replace(/\.[^.]*$/, "")}.mp4`);
    const other = jobs.find((job) => job.overlay === overlay);
    if (other) {
      const names = [other.path, path].map((each) => shown(host, each)).join(" and ");
      throw new UserError(`${names} would both become ${shown(host, overlay)}; give them in two calls`);
    }
    jobs.push({ path, overlay, shape: await probed(host, path) });
  }
  return jobs;
}

/** What a video is; errors call it as the person does. @throws UserError */
async function probed(host: Host, path: string): Promise<VideoShape> {
  try {
    return await probeVideo(path);
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause;
    throw new UserError(`${shown(host, path)}: ${cause.message}`, { cause });
  }
}

/**
 * Labels videos one after the other. After Ctrl-C the video in work ends with the frame in work, and is whole
 * as far as it goes.
 * @returns the exit status: 0, or 130 when interrupted
 */
export async function labelVideos(
  host: Host,
  options: LabellingOptions,
  jobs: readonly VideoJob[],
): Promise<number> {
  const { signal, stopListening } = afterImage(host);
  try {
    for (const job of jobs) {
      const frames = await labelVideo(host, options, { job, signal });
      if (host.stderr.tty) host.stderr.write("\r\x1b[K");
      tell(host, options, { job, frames });
      if (signal.aborted) break;
    }
  } finally {
    stopListening();
  }
  if (signal.aborted) host.stderr.write("Interrupted: the last video holds the frames until then.\n");
  return signal.aborted ? 130 : 0;
}

/** A video to label, and what ends it with the frame in work. */
interface OneVideo {
  readonly job: VideoJob;
  readonly signal: AbortSignal;
}

/**
 * Labels one video. It gets its name only when it is whole. @returns the number of frames that were labelled
 */
async function labelVideo(
  host: Host,
  { args: { opacity }, predictor, classes: { colours } }: LabellingOptions,
  { job: { path, overlay, shape }, signal }: OneVideo,
): Promise<number> {
  const { width, height, frames } = shape;
  const unfinished = `${overlay}.unfinished`;
  await makeFolder(join(overlay, ".."));
  const writer = writeVideo(unfinished, shape);
  let done = 0;
  try {
    for await (const image of videoFrames(path, shape)) {
      if (host.stderr.tty) {
        host.stderr.write(`\r\x1b[K${basename(path)}: frame ${done + 1}${frames ? `/${frames}` : ""}`);
      }
      const { labels } = await predictor.predict({ width, height, image });
      await writer.write(mixedWith(image, labels, { colours, opacity }));
      done += 1;
      // Kernels block the event loop; a Ctrl-C is served here.
      await setImmediate();
      if (signal.aborted) break;
    }
    if (done === 0) throw new UserError("it holds no frame");
    await writer.close();
    await Deno.rename(unfinished, overlay);
    return done;
  } catch (cause) {
    await writer.abort();
    await Deno.remove(unfinished).catch(() => {});
    if (!(cause instanceof UserError)) throw cause;
    throw new UserError(`${shown(host, path)}: ${cause.message}`, { cause });
  }
}

/** Says what was made of a video. */
function tell(
  host: Host,
  { args, checkpoint }: LabellingOptions,
  { job: { path, overlay, shape }, frames }: { readonly job: VideoJob; readonly frames: number },
): void {
  const { width, height } = shape;
  host.stdout.write(
    args.json
      ? `${JSON.stringify({ video: path, width, height, frames, overlay })}\n`
      : `${shown(host, overlay)}: ${countOf(frames, "frame")} labelled by ${shown(host, checkpoint)}\n`,
  );
}
