/** The programs of docs/library.md and of mod.ts run from another folder, by the package's name. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { inFolder } from "./fake_host.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const docs = await Deno.readTextFile(join(ROOT, "docs/library.md"));
const module = await Deno.readTextFile(join(ROOT, "mod.ts"));

/** By the headings they stand under. */
const programs = [...docs.matchAll(/^## ([^\n]+)\n(?:(?!^## ).*\n)*?```ts\n([^]*?)^```$/gm)];

Deno.test("docs/library.md has a program for each thing it speaks of", () => {
  assert.deepEqual(programs.map(([, title]) => title), [
    "Train",
    "Evaluate",
    "Predict",
    "Export",
    "A loss of your own",
    "A dataset of your own",
  ]);
  assert.equal(docs.match(/^```ts$/gm)!.length, programs.length);
});

Deno.test("the programs of docs/library.md run from another folder, by the package's name", () =>
  inFolder(async (folder) => {
    // As docs/library.md says it for a clone.
    const [, text] = /`(\{ "links".*\})`/.exec(docs)!;
    await Deno.writeTextFile(join(folder, "deno.json"), text!.replace("../plca", ROOT));
    const files = await Promise.all(programs.map(async ([, , program], k) => {
      await Deno.writeTextFile(join(folder, `${k}.ts`), program!);
      return `await import("./${k}.ts");`;
    }));
    // In one process, one after the other.
    await Deno.writeTextFile(join(folder, "all.ts"), files.join("\n"));
    const allowed = ["--allow-read", "--allow-write=runs", "--allow-env", "--allow-ffi", "--allow-sys"];
    assert.ok(docs.replace(/\s+/g, " ").includes(`deno run ${allowed.join(" ")} my_program.ts`));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      // Outside of plca no lock file says which versions are taken, so the first time Deno asks the registry for them.
      args: ["run", "--quiet", "--no-prompt", ...allowed, "all.ts"],
      cwd: folder,
    }).output();
    const said = new TextDecoder().decode(stdout);
    assert.equal(code, 0, said + new TextDecoder().decode(stderr));
    assert.match(said, /^1 0\.\d+\nmIoU 0\.\d+\nsky (?:0|null|undefined)/);
    assert.match(said, /^images: (\d+) of \1 labels equal$/m);
    assert.match(said, /unsureness/);
    assert.match(said, /\nmIoU 0\.\d+\n$/);
  }));

Deno.test("the example of mod.ts is the first program of docs/library.md, but for what makes that small", () => {
  const [, comment] = /```ts\n([^]*?)```/.exec(module)!;
  const plain = (text: string) =>
    text.replace(/^ \* ?/gm, "").replace(/ +\/\/.*$/gm, "").replace(/^ {2}overrides: .*\n/m, "").trim();
  assert.equal(plain(comment!), plain(programs[0]![2]!));
});

Deno.test("versions: deno.json, the changelog's newest and CITATION.cff say the same, and so does plca --version", async () => {
  const read = (name: string) => Deno.readTextFile(join(ROOT, name));
  const [, newest] = /^## (\S+)/m.exec(await read("CHANGELOG.md"))!;
  const [, cited] = /^version: (\S+)/m.exec(await read("CITATION.cff"))!;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "--config", join(ROOT, "deno.json"), "plca", "--version"],
  }).output();
  const said = new TextDecoder().decode(stdout).trim();
  assert.deepEqual([newest, cited, said], Array(3).fill(config.version));
});
