import assert from "node:assert/strict";
import { join } from "node:path";
import sharp from "sharp";
import { plca } from "./fake_host.ts";
import { png, predicting, put } from "./predicting.ts";

/** What a program prints; undefined when it is not there. */
async function output(program: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const hasFfmpeg = await output("ffmpeg", "-version") !== undefined;

/** A video of moving colours: 8 frames, 4 a second. */
const film = (file: string, size: string, ...more: string[]) =>
  output(
    "ffmpeg",
    "-v",
    "error",
    "-f",
    "lavfi",
    "-i",
    `testsrc=size=${size}:rate=4:duration=2`,
    ...more,
    file,
  );

const frame = async (file: string, folder: string) => {
  await output("ffmpeg", "-v", "error", "-y", "-i", file, "-frames:v", "1", join(folder, "frame.png"));
  return await sharp(join(folder, "frame.png")).removeAlpha().raw().toBuffer({ resolveWithObject: true });
};

const shape = async (file: string) => {
  const entries = ["-show_entries", "stream=width,height,avg_frame_rate,nb_frames", "-of", "csv=p=0"];
  return (await output("ffprobe", "-v", "error", ...entries, file))?.trim();
};

predicting(
  "a video becomes a video of overlays: all frames, the same rate, even sides, upright",
  async (folder) => {
    const film1 = join(folder, "street.mp4"), out = join(folder, "out");
    await film(film1, "49x33", "-pix_fmt", "yuv444p");
    const { code, stdout, stderr } = await plca(["predict", "street.mp4", "--out", "out"], { cwd: folder });
    assert.deepEqual([stderr, code], ["", 0]);
    assert.equal(
      stdout,
      "out/street.mp4: 8 frames labelled by runs/tiny-001/checkpoints/last.safetensors\n",
    );
    assert.deepEqual([...Deno.readDirSync(out)].map(({ name }) => name).sort(), [
      "classes.json",
      "street.mp4",
    ]);
    assert.equal(await shape(join(out, "street.mp4")), "50,34,4/1,8");
    // Its first frame is nearer to the overlay of the first frame than to the frame: compression blurs the colours of labels.
    const plain = (await frame(film1, folder)).data;
    await plca(["predict", "frame.png", "--out", "still"], { cwd: folder });
    const still = await sharp(join(folder, "still/overlays/frame.png")).removeAlpha().raw().toBuffer();
    const { data, info } = await frame(join(out, "street.mp4"), folder);
    const shown = still.map((_, at) => data[Math.floor(at / 147) * info.width * 3 + at % 147]!);
    const off = (from: Uint8Array) => shown.reduce((sum, value, at) => sum + Math.abs(value - from[at]!), 0);
    assert.ok(off(still) < 0.4 * off(plain), `${off(still)} and ${off(plain)}`);
    // Turned by its metadata, as telephones write them.
    await film(join(folder, "flat.mov"), "48x32");
    const turn = ["-c", "copy", "-metadata:s:v:0", "rotate=90"];
    await output("ffmpeg", "-v", "error", "-i", join(folder, "flat.mov"), ...turn, join(folder, "up.mov"));
    const line = await plca(["predict", "up.mov", "--out", "out", "--json"], { cwd: folder });
    const [width, height] =
      (await frame(join(folder, "up.mov"), folder).then(({ info }) => [info.width, info.height]))!;
    assert.deepEqual(JSON.parse(line.stdout), {
      ...{ video: join(folder, "up.mov"), width, height, frames: 8, overlay: join(out, "up.mp4") },
    });
  },
  !hasFfmpeg,
);

predicting("Ctrl-C ends a video with the frame in work: what is there can be played", async (folder) => {
  await film(join(folder, "a.mp4"), "32x32");
  const onWrite = (text: string, interrupt: () => void) => {
    if (text.includes("frame 3/8")) interrupt();
  };
  const args = ["predict", "a.mp4", "--out", "out"];
  const { code, stderr } = await plca(args, { cwd: folder, tty: true, onWrite });
  assert.equal(code, 130);
  assert.match(stderr, /Interrupted: the last video holds the frames until then\.\n$/);
  assert.equal(await shape(join(folder, "out/a.mp4")), "32,32,4/1,3");
  assert.deepEqual(await plca(args, { cwd: folder }), {
    code: 2,
    stdout: "",
    stderr: "out/a.mp4 would be overwritten; choose another --out, or allow it with --force\n",
  });
}, !hasFfmpeg);

predicting("what is no video, and options that are not for videos", async (folder) => {
  const refused = async (args: string[], line: string) =>
    assert.deepEqual(await plca(["predict", ...args, "--out", "out"], { cwd: folder }), {
      code: 2,
      stdout: "",
      stderr: `${line}\n`,
    });
  await put(join(folder, "bad.mp4"), new TextEncoder().encode("nothing"));
  await put(join(folder, "a.png"), png(8, 8));
  if (hasFfmpeg) {
    await refused(["bad.mp4"], "bad.mp4: ffprobe cannot read it: Invalid data found when processing input");
  }
  await refused(["bad.mp4", "a.png"], "a.png: it is no video; give videos and images in two calls");
  for (const option of ["--confidence", "--watch", "--overlays none"]) {
    const words = option.split(" ");
    await refused(
      ["bad.mp4", ...words],
      `${option} is for images: of a video an overlay is made, and nothing else`,
    );
  }
  const path = Deno.env.get("PATH")!;
  try {
    Deno.env.set("PATH", join(folder, "nothing"));
    await refused(
      ["bad.mp4"],
      "bad.mp4: videos need the programs ffmpeg and ffprobe, and there is no ffprobe on your PATH; " +
        "install them (apt install ffmpeg, brew install ffmpeg)",
    );
  } finally {
    Deno.env.set("PATH", path);
  }
  await refused(["nowhere", "--watch"], "nowhere: --watch needs folders that are there");
});

predicting("--watch labels what comes into a folder, once, and what is changed again", async (folder) => {
  const inside = (name: string) => join(folder, "in", name);
  await put(inside("old.png"), png(8, 8));
  await put(inside("known.png"), png(8, 8));
  await put(join(folder, "out/labels/known.png"), png(8, 8, 1));
  const lines: string[] = [];
  const { code, stdout, stderr } = await plca(["predict", "in", "--watch", "--out", "out"], {
    cwd: folder,
    onWrite(text, interrupt) {
      lines.push(text);
      if (text.startsWith("in/old")) {
        Deno.mkdirSync(inside("sub"));
        Deno.writeFileSync(inside("sub/new.png"), png(9, 8));
        Deno.writeTextFileSync(inside("bad.png"), "nothing");
      }
      if (
        text.startsWith("in/sub/new") && lines.filter((line) => line.startsWith("in/sub/new")).length === 1
      ) {
        Deno.writeFileSync(inside("sub/new.png"), png(10, 8));
      } else if (text.startsWith("in/sub/new")) interrupt();
    },
  });
  assert.equal(code, 2);
  assert.equal(
    stdout,
    "Waiting for images; Ctrl-C ends it.\n" +
      "in/old.png: out/labels/old.png\n" +
      "in/sub/new.png: out/labels/sub/new.png\n" +
      "in/sub/new.png: out/labels/sub/new.png\n" +
      "3 images labelled.\n",
  );
  assert.match(stderr, /^in\/bad\.png: .*\nStopping after the image in work/);
  const { width } = await sharp(join(folder, "out/labels/sub/new.png")).metadata();
  assert.equal(width, 10);
});
