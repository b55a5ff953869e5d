/** The committed pages are what their sources say, and neither can turn data into markup. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { inFolder } from "../cli/fake_host.ts";
import { ownFiles, root } from "../own_files.ts";

const entries = ownFiles("web/pages");

Deno.test("web/dist holds what `deno task pages` makes of web/pages", async () => {
  await inFolder(async (folder) => {
    const options = /(?<=^deno bundle ).*(?= --outdir)/.exec(config.tasks.pages)![0].split(" ");
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", ...options, `--outdir=${folder}`, ...entries],
      cwd: root,
      stderr: "piped",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const made = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(ownFiles("web/dist").map((path) => basename(path)), made);
    assert.deepEqual(made, entries.map((path) => path.replace(/^.*\/(.*)\.tsx$/, "$1.js")).sort());
    for (const name of made) {
      const [shipped, bundled] = [`${root}web/dist/${name}`, `${folder}/${name}`].map((path) =>
        Deno.readTextFileSync(path)
      );
      assert.ok(shipped === bundled, `web/dist/${name} differs: run \`deno task pages\``);
    }
  });
});

Deno.test("no page makes markup, code or styles of a text", () => {
  const forbidden =
    /\b(?:innerHTML|outerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|srcdoc|DOMParser|createContextualFragment|eval|Function)\b|document\.write|\bsetTimeout\(\s*["'`]|\bon\w+=["']/;
  const sources = ownFiles("web").filter((path) => /\.tsx?$/.test(path));
  assert.ok(sources.length > 5);
  const found = sources.flatMap((path) =>
    Deno.readTextFileSync(root + path).split("\n").flatMap((line, k) =>
      forbidden.test(line) ? [`${path}:${k + 1} ${line.trim()}`] : []
    )
  );
  assert.deepEqual(found, []);
});
