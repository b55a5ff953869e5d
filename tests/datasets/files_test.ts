import assert from "node:assert/strict";
import { DataError } from "../../core/errors.ts";
import { diskFiles } from "../../datasets/files.ts";

Deno.test("the disk is listed with subfolders, sorted, and read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/b/c`, { recursive: true });
    await Deno.writeTextFile(`${folder}/z.txt`, "z");
    await Deno.writeTextFile(`${folder}/b/c/x.txt`, "hello");
    await Deno.writeTextFile(`${folder}/b/a.txt`, "");
    await Deno.symlink(`${folder}/b`, `${folder}/a`);
    const files = diskFiles();
    assert.deepEqual(await files.list(folder), ["b/a.txt", "b/c/x.txt", "z.txt"]);
    assert.deepEqual(await files.list(`${folder}/b/c`), ["x.txt"]);
    assert.equal(new TextDecoder().decode(await files.read(`${folder}/b/c/x.txt`)), "hello");
    for (
      const [work, message] of [
        [() => files.read(`${folder}/no.txt`), `${folder}/no.txt: there is no such file`],
        [() => files.read(folder), `${folder}: this is a folder; expected a file`],
        // An empty one, so that this ends even where it is read.
        ...(Deno.build.os === "windows" ? [] : [
          [() => files.read("/dev/null"), "/dev/null: this is a device; expected a file"] as const,
        ]),
        [() => files.list(`${folder}/no`), `${folder}/no: there is no such folder`],
        [() => files.list(`${folder}/z.txt`), `${folder}/z.txt: this is a file; expected a folder`],
      ] as const
    ) {
      await assert.rejects(work(), (error) => {
        assert.ok(error instanceof DataError);
        assert.equal(error.message, message);
        return true;
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
