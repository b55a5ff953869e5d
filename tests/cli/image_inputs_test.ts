import assert from "node:assert/strict";
import { join } from "node:path";
import { fixedPart, imageInputs, imageOf, refuseSameNames } from "../../cli/image_inputs.ts";
import { inFolder, withHost } from "./fake_host.ts";

/** A folder with these files, all empty. */
function withFiles(files: readonly string[], body: (folder: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    for (const file of files) {
      await Deno.mkdir(join(folder, file, ".."), { recursive: true });
      await Deno.writeTextFile(join(folder, file), "");
    }
    await body(folder);
  });
}

/** Path below the folder and name of every image. */
async function found(cwd: string, given: readonly string[], leaveOut: readonly string[] = []) {
  const { result } = await withHost({ cwd }, (host) => imageInputs(host, given, leaveOut));
  return result.map(({ path, name }) => [path.slice(cwd.length + 1), name]);
}

const PHOTOS = [
  "photos/b/1.jpg",
  "photos/a/1.jpg",
  "photos/z.PNG",
  "photos/notes.txt",
  "photos/a/x.tar.webp",
];

Deno.test("imageInputs: the images of a folder with its subfolders, sorted, named by their path below it", () =>
  withFiles(PHOTOS, async (folder) => {
    assert.deepEqual(await found(folder, ["photos"]), [
      ["photos/a/1.jpg", "a/1"],
      ["photos/a/x.tar.webp", "a/x.tar"],
      ["photos/b/1.jpg", "b/1"],
      ["photos/z.PNG", "z"],
    ]);
  }));

Deno.test("imageInputs: a file is taken whatever it is called, under its own name", () =>
  withFiles(PHOTOS, async (folder) => {
    assert.deepEqual(await found(folder, ["photos/notes.txt", "photos/b/1.jpg"]), [
      ["photos/notes.txt", "notes"],
      ["photos/b/1.jpg", "1"],
    ]);
  }));

Deno.test("imageInputs: a pattern's images are named from its fixed part on", () =>
  withFiles(PHOTOS, async (folder) => {
    assert.deepEqual(await found(folder, ["photos/*/1.jpg"]), [
      ["photos/a/1.jpg", "a/1"],
      ["photos/b/1.jpg", "b/1"],
    ]);
    assert.deepEqual(await found(folder, ["photos/a/*"]), [
      ["photos/a/1.jpg", "1"],
      ["photos/a/x.tar.webp", "x.tar"],
    ]);
    assert.deepEqual(await found(folder, ["**/z.*"]), [["photos/z.PNG", "photos/z"]]);
    assert.deepEqual(await found(folder, [join(folder, "photos/b/*.jpg")]), [["photos/b/1.jpg", "1"]]);
  }));

Deno.test("imageInputs: a file with a sign of patterns in its name is that file", () =>
  withFiles(["a[1].png", "a1.png"], async (folder) => {
    assert.deepEqual(await found(folder, ["a[1].png"]), [["a[1].png", "a[1]"]]);
  }));

Deno.test("imageInputs: in the order given; what is named twice is taken once, by its first name", () =>
  withFiles(PHOTOS, async (folder) => {
    assert.deepEqual(await found(folder, ["photos/z.PNG", "photos/a", "photos"]), [
      ["photos/z.PNG", "z"],
      ["photos/a/1.jpg", "1"],
      ["photos/a/x.tar.webp", "x.tar"],
      ["photos/b/1.jpg", "b/1"],
    ]);
  }));

Deno.test("imageInputs: folders that are left out are not looked into, those whose names they begin are", () =>
  withFiles(["photos/out/1.png", "photos/outer/2.png"], async (folder) => {
    const leaveOut = [join(folder, "photos/out")];
    assert.deepEqual(await found(folder, ["photos"], leaveOut), [["photos/outer/2.png", "outer/2"]]);
    assert.deepEqual(await found(folder, ["photos/*/*.png"], leaveOut), [["photos/outer/2.png", "outer/2"]]);
    await assert.rejects(found(folder, ["photos/out"], leaveOut), {
      message: "photos/out: the folder holds no JPEG, PNG, TIFF or WebP",
    });
  }));

Deno.test("imageInputs: what is not there or holds no image is said as it was written", () =>
  withFiles(["photos/notes.txt"], async (folder) => {
    const refused = async (given: string, message: string) =>
      await assert.rejects(found(folder, [given]), { name: "UserError", message: `${given}: ${message}` });
    await refused("gone.png", "there is no such file or folder");
    await refused("photos", "the folder holds no JPEG, PNG, TIFF or WebP");
    await refused("photos/*", "no JPEG, PNG, TIFF or WebP matches this pattern");
    await refused("gone/*.png", "no JPEG, PNG, TIFF or WebP matches this pattern");
  }));

Deno.test("fixedPart: up to the first part with a sign of patterns, also at the root", () => {
  assert.deepEqual(
    ["photos/*.png", "a/b/{c,d}/e*", "*.png", "/data/?.png", "/*.png", "./*", "a\\b\\*", "no/pattern.png"]
      .map(fixedPart),
    ["photos", "a/b", ".", "/data", "/", ".", "a/b", "no/pattern.png"],
  );
});

Deno.test("imageOf: the path below a folder without its extension", () => {
  assert.deepEqual(imageOf("/data/a.b/c.d.png", "/data"), { path: "/data/a.b/c.d.png", name: "a.b/c.d" });
  assert.equal(imageOf("/data/a.b/none", "/data").name, "a.b/none");
});

Deno.test("refuseSameNames: names both images and the file that both would become", async () => {
  const image = (path: string, name: string) => ({ path, name });
  const { result } = await withHost({ cwd: "/data" }, (host) => {
    refuseSameNames(host, [image("/data/a/1.jpg", "a/1"), image("/data/1.jpg", "1")], "out");
    assert.throws(
      () =>
        refuseSameNames(
          host,
          [image("/data/a/1.jpg", "1"), image("/x/2", "2"), image("/x/1.png", "1")],
          "out",
        ),
      {
        name: "UserError",
        message:
          "a/1.jpg and /x/1.png would both become out/labels/1.png; give them in two calls with another --out, " +
          "or name a folder above both",
      },
    );
    return "done";
  });
  assert.equal(result, "done");
});
