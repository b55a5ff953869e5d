/** What is made of the answers of ffprobe and ffmpeg, with programs that are made up. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { probeVideo, videoFrames, type VideoShape, writeVideo } from "../../cli/ffmpeg.ts";
import { inFolder } from "./fake_host.ts";

/** Calls `body` with these shell scripts as the only programs of their names. */
function withPrograms(
  programs: Readonly<Record<string, string>>,
  body: (folder: string) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    const before = Deno.env.get("PATH")!;
    for (const [name, script] of Object.entries(programs)) {
      await Deno.writeTextFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    // `sh` and its tools are still needed, ffmpeg's own programs are not.
    const tools = join(folder, "tools");
    await Deno.mkdir(tools);
    for (const name of ["cat", "printf", "head", "sleep", "sh", "wc"]) {
      const [found] = before.split(":").map((part) => join(part, name)).filter((path) => {
        try {
          return Deno.statSync(path).isFile;
        } catch {
          return false;
        }
      });
      if (found) await Deno.symlink(found, join(tools, name));
    }
    Deno.env.set("PATH", `${folder}:${tools}`);
    try {
      await body(folder);
    } finally {
      Deno.env.set("PATH", before);
    }
  });
}

const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, ignore: Deno.build.os === "windows", fn });

/** What is read of ffprobe's answer about a stream. */
async function probed(answer: unknown): Promise<VideoShape> {
  let shape: VideoShape | undefined;
  const script = `cat <<'END'\n${JSON.stringify(answer)}\nEND`;
  await withPrograms({ ffprobe: script }, async () => void (shape = await probeVideo("a.mp4")));
  return shape!;
}

const STREAM = {
  width: 64,
  height: 48,
  avg_frame_rate: "30000/1001",
  r_frame_rate: "30/1",
  nb_frames: "90",
  duration: "3.003",
};
const streams = (more: object) => ({ streams: [{ ...STREAM, ...more }] });

test("probeVideo: size, the average frame rate as a fraction, and how many frames the file names", async () => {
  assert.deepEqual(await probed(streams({})), { width: 64, height: 48, rate: "30000/1001", frames: 90 });
});

test("probeVideo: frames are worked out from the duration, and left out where there is neither", async () => {
  assert.equal((await probed(streams({ nb_frames: undefined, avg_frame_rate: "10/1" }))).frames, 30);
  assert.equal("frames" in await probed(streams({ nb_frames: "N/A", duration: "N/A" })), false);
});

test("probeVideo: without an average the nominal rate counts; one of 0 is none", async () => {
  assert.equal((await probed(streams({ avg_frame_rate: "0/0" }))).rate, "30/1");
  await assert.rejects(probed(streams({ avg_frame_rate: "0/0", r_frame_rate: "0/1" })), {
    name: "UserError",
    message: "it says no size or no frame rate",
  });
  await assert.rejects(probed(streams({ width: 0 })), { message: "it says no size or no frame rate" });
});

test("probeVideo: a film that is shown turned by a quarter has its sides swapped", async () => {
  const turned = async (rotation: number) => {
    const { width, height } = await probed(streams({ side_data_list: [{}, { rotation }] }));
    return `${width}x${height}`;
  };
  assert.deepEqual([await turned(90), await turned(-90), await turned(270), await turned(180)], [
    "48x64",
    "48x64",
    "48x64",
    "64x48",
  ]);
});

test("probeVideo: what holds no video, or cannot be read, in the program's last line without the path", async () => {
  await assert.rejects(probed({ streams: [] }), { name: "UserError", message: "it holds no video" });
  await assert.rejects(probed({}), { message: "it holds no video" });
  const failing = (words: string) =>
    withPrograms({ ffprobe: `printf '${words}' >&2; exit 1` }, async () => void await probeVideo("a.mp4"));
  await assert.rejects(failing("first\\nfile:a.mp4: moov atom not found\\n"), {
    name: "UserError",
    message: "ffprobe cannot read it: moov atom not found",
  });
  await assert.rejects(failing(""), { message: "ffprobe cannot read it: it does not say why" });
});

test("probeVideo: where there is no ffprobe that is said", () =>
  withPrograms({}, () =>
    assert.rejects(probeVideo("a.mp4"), {
      name: "UserError",
      message: "videos need the programs ffmpeg and ffprobe, and there is no ffprobe on your PATH; " +
        "install them (apt install ffmpeg, brew install ffmpeg)",
    })));

const SHAPE: VideoShape = { width: 2, height: 1, rate: "10/1" };

async function framesOf(script: string, most = Infinity): Promise<number[][]> {
  const frames: number[][] = [];
  await withPrograms({ ffmpeg: script }, async () => {
    for await (const frame of videoFrames("a.mp4", SHAPE)) {
      frames.push([...frame]);
      if (frames.length === most) break;
    }
  });
  return frames;
}

test("videoFrames: whole frames, however the bytes come; half a frame at the end is none", async () => {
  assert.deepEqual(
    await framesOf("printf abcdefghijkl"),
    [[..."abcdef"], [..."ghijkl"]].map((frame) => frame.map((sign) => sign.charCodeAt(0))),
  );
  assert.equal(
    (await framesOf("printf abc; sleep 0.05; printf defghi; sleep 0.05; printf jklmno")).length,
    2,
  );
  assert.deepEqual(await framesOf(":"), []);
});

test("videoFrames: a film that breaks off gives its frames, then the reason", async () => {
  await assert.rejects(framesOf("printf abcdef; printf 'file:a.mp4: corrupt\\n' >&2; exit 1"), {
    name: "UserError",
    message: "ffmpeg cannot read it to its end: corrupt",
  });
});

test("videoFrames: who stops early ends the program", async () => {
  const started = performance.now();
  assert.equal((await framesOf("printf abcdefghijkl; exec sleep 60", 1)).length, 1);
  assert.ok(performance.now() - started < 30_000);
});

test("writeVideo: frames go to the program, whose end is waited for", () =>
  withPrograms({ ffmpeg: 'for last; do :; done; cat > "${last#file:}"' }, async (folder) => {
    const out = join(folder, "out file.mp4");
    const writer = writeVideo(out, SHAPE);
    await writer.write(Uint8Array.of(97, 98, 99, 100, 101, 102));
    await writer.write(Uint8Array.of(103, 104, 105, 106, 107, 108));
    await writer.close();
    assert.equal(await Deno.readTextFile(out), "abcdefghijkl");
  }));

test("writeVideo: a program that fails is named with the file and its last line", () =>
  withPrograms({ ffmpeg: "cat > /dev/null; printf 'no space left\\n' >&2; exit 1" }, async () => {
    const writer = writeVideo("out.mp4", SHAPE);
    await writer.write(new Uint8Array(6));
    await assert.rejects(writer.close(), {
      name: "UserError",
      message: "ffmpeg cannot write out.mp4: no space left",
    });
  }));

test("writeVideo: given up, the program is ended", () =>
  withPrograms({ ffmpeg: "exec sleep 60" }, async () => {
    const started = performance.now();
    await writeVideo("out.mp4", SHAPE).abort();
    assert.ok(performance.now() - started < 30_000);
  }));
