import assert from "node:assert/strict";
import { join } from "node:path";
import { stat } from "../../cli/run_folder.ts";
import { KINDS } from "../../core/plugin.ts";
import { inFolder, plca } from "./fake_host.ts";

const MARK = "# Written by plca completion install.";

Deno.test("completion install writes where each shell looks, and says what is left to do", () =>
  inFolder(async (home) => {
    const env = { HOME: home, SHELL: "/usr/bin/fish", PATH: "/nowhere" };
    const fish = await plca(["completion", "install"], { cwd: home, env });
    assert.deepEqual(fish, {
      code: 0,
      stdout: `wrote ${home}/.config/fish/completions/plca.fish\n` +
        "What completes is the command plca, and there is none on your PATH: --launcher writes one.\n" +
        "Begin a new fish, type plca and a space, and press Tab.\n",
      stderr: "",
    });
    const zsh = await plca(["completion", "install", "zsh"], { cwd: home, env });
    assert.match(
      zsh.stdout,
      /\n {2}fpath=\('.*\/zsh\/site-functions' \$fpath\)\n {2}autoload -Uz compinit && compinit\n/,
    );
    const script = await Deno.readTextFile(join(home, ".local/share/zsh/site-functions/_plca"));
    assert.ok(script.startsWith(`#compdef plca\n${MARK}\n`));
    const bash = await plca(["completion", "install", "bash"], {
      cwd: home,
      env: { ...env, XDG_DATA_HOME: `${home}/x` },
    });
    assert.equal(bash.stdout.split("\n")[0], `wrote ${home}/x/bash-completion/completions/plca`);
    // A second time it replaces its own file.
    assert.equal((await plca(["completion", "install"], { cwd: home, env })).code, 0);
  }));

Deno.test("completion install --launcher writes a command that runs this copy from any folder", () =>
  inFolder(async (home) => {
    const env = { HOME: home, PATH: "/nowhere" };
    const { code, stdout } = await plca(["completion", "install", "fish", "--launcher"], { cwd: home, env });
    assert.equal(code, 0);
    const path = `${home}/.local/bin/plca`;
    assert.match(stdout, new RegExp(`\nwrote ${path}, which runs the plca in /`));
    assert.match(
      stdout,
      new RegExp(
        `\n${home}/.local/bin is not on your PATH: add it there, or the command plca is not found\n`,
      ),
    );
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o755);
    const run = await new Deno.Command(path, { args: ["list", "schedule", "poly"], cwd: home }).output();
    assert.match(new TextDecoder().decode(run.stdout), /^schedule\n {2}poly: /);
    // As inside of a task that was started elsewhere.
    const elsewhere = { INIT_CWD: `${home}/elsewhere` };
    await Deno.mkdir(`${elsewhere.INIT_CWD}/runs/a-001`, { recursive: true });
    await Deno.writeTextFile(`${elsewhere.INIT_CWD}/runs/a-001/run.json`, "{}");
    const hint = await new Deno.Command(path, { args: ["runs"], cwd: home, env: elsewhere }).output();
    assert.equal(new TextDecoder().decode(hint.stdout), "there is no run in runs; plca train makes one\n");
    const known = { ...env, PATH: `/nowhere:${home}/.local/bin` };
    const again = await plca(["completion", "install", "fish"], { cwd: home, env: known });
    assert.doesNotMatch(again.stdout, /PATH/);
  }));

Deno.test("completion install replaces no file of somebody else", () =>
  inFolder(async (home) => {
    await Deno.mkdir(`${home}/.local/bin`, { recursive: true });
    await Deno.writeTextFile(`${home}/.local/bin/plca`, "mine");
    const env = { HOME: home };
    const { code, stderr } = await plca(["completion", "install", "fish", "--launcher"], { cwd: home, env });
    assert.deepEqual([code, stderr], [
      2,
      `${home}/.local/bin/plca: it is there, and plca did not write it; move it away first\n`,
    ]);
    assert.equal(await Deno.readTextFile(`${home}/.local/bin/plca`), "mine");
  }));

Deno.test("completion install without a shell that it knows, or a home", () =>
  inFolder(async (home) => {
    const told = async (env: Record<string, string>) =>
      (await plca(["completion", "install"], { cwd: home, env })).stderr;
    const expected = "expected one of bash, zsh, fish, as in plca completion install bash\n";
    assert.equal(await told({}), `SHELL is not set; ${expected}`);
    assert.equal(await told({ SHELL: "/bin/tcsh" }), `your shell is tcsh; ${expected}`);
    assert.equal(
      await told({ SHELL: "/bin/bash" }),
      "HOME is not set, so there is no place for the completions\n",
    );
  }));

Deno.test("what the installed files ask: commands, options, recipes, plugins, folders of runs", async () => {
  const asked = async (...words: string[]) => {
    const { stdout } = await plca(["completion", "bash", ...words], { cwd: "/" });
    return stdout.split(/\0|\n/).filter((line) => line !== "" && !line.startsWith("-"));
  };
  assert.deepEqual(await asked("ru"), ["runs"]);
  assert.deepEqual(await asked("weights", "i"), ["inspect", "import"]);
  assert.deepEqual(await asked("train", "gtav"), [
    "gtav_to_cityscapes",
    "gtav_to_cityscapes_8",
    "__FILE__:file:yaml,yml:gtav:0",
  ]);
  assert.deepEqual(await asked("list", "similarity", "cos"), ["cosine"]);
  assert.deepEqual(await asked("eval", "--run", ""), ["__FILE__:directory:::0"]);
  assert.deepEqual(await asked("list", ""), [...KINDS]);
  assert.deepEqual(await asked("list", "schedule", ""), ["poly", "constant", "warm-up"]);
  assert.deepEqual(await asked("c"), ["compare", "check", "completion"]);
  assert.deepEqual(await asked("h"), ["help"]);
  assert.deepEqual(await asked("help", "comp"), ["compare", "completion"]);
  assert.deepEqual(await asked("completion", ""), ["install", "bash", "zsh", "fish", "nu", "pwsh"]);
  assert.deepEqual(await asked("completion", "install", ""), ["bash", "zsh", "fish"]);
  assert.deepEqual(await asked("train", "--set", "s"), ["seed", "streams", "schedule"]);
  assert.deepEqual(await asked("report", "r"), ["__FILE__:directory::r:0"]);
  assert.deepEqual(await asked("report", "runs/a", "--out", ""), ["__FILE__:any:::0"]);
  assert.deepEqual(await asked("view", "runs/"), ["__FILE__:directory::runs/:0"]);
  assert.deepEqual(await asked("new", ""), ["recipe", "loss"]);
  assert.deepEqual(await asked("new", "recipe", "--source", ""), ["__FILE__:directory:::0"]);
  assert.deepEqual(await asked("new", "recipe", "--source", "a", "b"), ["__FILE__:directory::b:0"]);
  assert.deepEqual(await asked("eval", "--split", "t"), ["train", "test"].toSorted().toReversed());
});

Deno.test({
  name: "bash is told of folders without a slash, since it adds one",
  ignore: !await stat("/bin/bash"),
  fn: () =>
    inFolder(async (home) => {
      await plca(["completion", "install", "bash"], { cwd: home, env: { HOME: home } });
      await Deno.mkdir(`${home}/runs/a`, { recursive: true });
      await Deno.mkdir(`${home}/rest`);
      const script = [
        `cd '${home}' && source .local/share/bash-completion/completions/plca`,
        "plca() { printf '__FILE__:directory::%s:0\\n' \"${@: -1}\"; }",
        "asked() { COMP_WORDS=(plca report $1); COMP_CWORD=2; _plca; printf '%s\\n' \"${COMPREPLY[@]}\"; }",
        "asked r; asked runs/",
      ].join("\n");
      const { stdout } = await new Deno.Command("/bin/bash", { args: ["--norc", "-c", script] }).output();
      assert.equal(new TextDecoder().decode(stdout), "rest\nruns\nruns/a\n");
    }),
});
