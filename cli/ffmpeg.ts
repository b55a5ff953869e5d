/**
 * Videos as frames and frames as a video, by the programs `ffprobe` and `ffmpeg` of the system. Frames go
 * through pipes as raw RGB, one at a time, so a video of any length fits. The programs are started in a group
 * of their own: Ctrl-C is for plca, which ends them itself.
 */
import { UserError } from "../core/errors.ts";

/** What a video is. */
export interface VideoShape {
  /** Pixels, as it is shown: turned where the file says so. */
  readonly width: number;
  readonly height: number;
  /** Frames a second as a fraction, such as `30000/1001`. */
  readonly rate: string;
  /** The number of frames, about; absent where the file does not say. */
  readonly frames?: number;
}

/**
 * What a video file is. @throws UserError when there is no ffmpeg, or it reads no video in the file; the
 * message is to follow the file's name
 */
export async function probeVideo(path: string): Promise<VideoShape> {
  const entries =
    "stream=width,height,avg_frame_rate,r_frame_rate,nb_frames,duration:stream_side_data=rotation";
  const args = [
    "-v",
    "error",
    "-select_streams",
    "v:0",
    "-show_entries",
    entries,
    "-of",
    "json",
    address(path),
  ];
  const { success, stdout, stderr } = await start("ffprobe", { args, stdin: "null", stdout: "piped" })
    .output();
  if (!success) throw new UserError(`ffprobe cannot read it: ${lastLine(stderr, path)}`);
  const [stream] = JSON.parse(new TextDecoder().decode(stdout)).streams ?? [];
  if (stream === undefined) throw new UserError("it holds no video");
  const { width, height, avg_frame_rate, r_frame_rate, nb_frames, duration, side_data_list } = stream;
  const rate = [avg_frame_rate, r_frame_rate].find((one) => /^[1-9]\d*\/[1-9]\d*$/.test(one));
  if (!(width > 0 && height > 0) || rate === undefined) {
    throw new UserError("it says no size or no frame rate");
  }
  const turned = (side_data_list ?? []).some((data: { rotation?: number }) =>
    Math.abs(data.rotation ?? 0) % 180 === 90
  );
  const [top, bottom] = rate.split("/").map(Number);
  const frames = Number(nb_frames) || Math.round(Number(duration) * top / bottom);
  return {
    ...(turned ? { width: height, height: width } : { width, height }),
    rate,
    ...(frames > 0 ? { frames } : {}),
  };
}

/**
 * The frames in order, at a constant rate, RGB, 3 bytes a pixel. A caller that stops early ends ffmpeg.
 * @throws UserError when ffmpeg fails on the way
 */
export async function* videoFrames(
  path: string,
  { width, height, rate }: VideoShape,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const form = ["-map", "0:v:0", "-r", rate, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
  const args = ["-v", "error", "-nostdin", "-i", address(path), ...form];
  const child = start("ffmpeg", { args, stdin: "null", stdout: "piped" });
  const errors = child.stderr.bytes();
  let ended = false;
  try {
    let frame = new Uint8Array(width * height * 3), filled = 0;
    for await (const part of child.stdout) {
      for (let at = 0; at < part.length;) {
        const taken = part.subarray(at, at + frame.length - filled);
        frame.set(taken, filled);
        [at, filled] = [at + taken.length, filled + taken.length];
        if (filled < frame.length) continue;
        yield frame;
        [frame, filled] = [new Uint8Array(frame.length), 0];
      }
    }
    ended = true;
    if (!(await child.status).success) {
      throw new UserError(`ffmpeg cannot read it to its end: ${lastLine(await errors, path)}`);
    }
  } finally {
    if (!ended) stop(child);
    await Promise.all([child.status, errors]);
  }
}

/** A video that is being written. */
export interface VideoWriter {
  /** @param frame RGB, 3 bytes a pixel @throws UserError when ffmpeg has failed */
  write(frame: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Writes its end. @throws UserError when ffmpeg fails */
  close(): Promise<void>;
  /** Ends ffmpeg, whatever becomes of the file. */
  abort(): Promise<void>;
}

/**
 * Begins an MP4; a file that is there is overwritten. Odd sides get one more row or column, since most
 * players need even ones.
 */
export function writeVideo(path: string, { width, height, rate }: VideoShape): VideoWriter {
  const raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "-r", rate, "-i", "-"];
  const form = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", "-movflags", "+faststart"];
  const args = ["-v", "error", "-y", ...raw, ...form, "-f", "mp4", address(path)];
  const child = start("ffmpeg", { args, stdin: "piped", stdout: "null" });
  const input = child.stdin.getWriter();
  // Its pipe breaks when it has ended, which close tells with its reason.
  input.closed.catch(() => {});
  const errors = child.stderr.bytes();
  const close = async () => {
    await input.close().catch(() => {});
    const { success } = await child.status;
    const said = await errors;
    if (!success) throw new UserError(`ffmpeg cannot write ${path}: ${lastLine(said, path)}`);
  };
  return {
    async write(frame) {
      try {
        await input.write(frame);
      } catch {
        await close();
      }
    },
    close,
    async abort() {
      await input.abort().catch(() => {});
      stop(child);
      await Promise.all([child.status, errors]);
    },
  };
}

/** Kills a program, which may have ended by itself. */
function stop(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

/** A path as ffmpeg takes it: no name of a file is read as an address or an option. */
function address(path: string): string {
  return `file:${path}`;
}

/** Starts a program in a group of its own. @throws UserError when it is not there */
function start(program: string, options: Deno.CommandOptions): Deno.ChildProcess {
  try {
    return new Deno.Command(program, { ...options, stderr: "piped", detached: true }).spawn();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UserError(
      `videos need the programs ffmpeg and ffprobe, and there is no ${program} on your PATH; ` +
        "install them (apt install ffmpeg, brew install ffmpeg)",
      { cause },
    );
  }
}

/** The last line that a program wrote to stderr, without the file's name. */
function lastLine(said: Uint8Array, path: string): string {
  const lines = new TextDecoder().decode(said).trim().split("\n");
  return (lines.at(-1) || "it does not say why").replace(`${address(path)}: `, "");
}
