/**
 * `plca completion install`: puts a completion script where a shell looks for it, and with `--launcher` a
 * command `plca` that runs this copy from any folder. Only files that plca wrote are replaced ({@linkcode
 * MARK}).
 */
import { bash, fish, type ShellCompletion, zsh } from "@optique/core/completion";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../core/errors.ts";
import { reason } from "../core/words.ts";
import { SHELLS } from "./arguments/completion.ts";
import { LAUNCHER } from "./command_line.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { startLine } from "./start_line.ts";
import { stat } from "./run_folder.ts";
import { LAUNCH } from "./versions.ts";

type Shell = (typeof SHELLS)[number];

/** Stands in every file that is written here. A file without it was not written by plca, and stays. */
const MARK = "# Written by plca completion install.";

/** Where the package bash-completion may lie; without it, bash reads no folder of completions. */
const BASH_COMPLETION = [
  "/usr/share/bash-completion/bash_completion",
  "/usr/local/share/bash-completion/bash_completion",
  "/opt/homebrew/share/bash-completion/bash_completion",
];

/**
 * Runs `plca completion install`. @returns the exit status 0 @throws UserError when the shell is not known or
 * a file cannot be written
 */
export async function completionCommand(host: Host, args: CommandOf<"completion install">): Promise<number> {
  const shell = args.shell ?? shellOf(host);
  const home = homeOf(host);
  const write = (line: string) => host.stdout.write(`${line}\n`);
  const { path, next } = await SETUPS[shell](host, home);
  await install(path, { text: scriptFor(shell), executable: false });
  write(`wrote ${path}`);
  for (const line of next) write(line);
  const launcher = join(home, ".local", "bin", "plca");
  if (args.launcher) {
    await install(launcher, { text: launcherText(), executable: true });
    write(`wrote ${launcher}, which runs the plca in ${root()}`);
  }
  if (!await commandIsThere(host)) {
    write(
      await stat(launcher)
        ? `${dirname(launcher)} is not on your PATH: add it there, or the command plca is not found`
        : "What completes is the command plca, and there is none on your PATH: --launcher writes one.",
    );
  }
  write(`Begin a new ${shell}, type plca and a space, and press Tab.`);
  return 0;
}

/** The person's shell, by the variable SHELL. @throws UserError when it is none that is known */
function shellOf(host: Host): Shell {
  const name = basename(host.env("SHELL") ?? "");
  const shell = SHELLS.find((each) => each === name);
  if (shell) return shell;
  const found = name === "" ? "SHELL is not set" : `your shell is ${name}`;
  throw new UserError(`${found}; expected one of ${SHELLS.join(", ")}, as in plca completion install bash`);
}

/** The person's home. @throws UserError when HOME is not set */
function homeOf(host: Host): string {
  const home = host.env("HOME");
  if (home) return home;
  throw new UserError("HOME is not set, so there is no place for the completions");
}

/** Where a shell looks for completions, and what the person has to do. */
interface Setup {
  readonly path: string;
  readonly next: readonly string[];
}

/**
 * Where each shell looks. bash and zsh look there only when they were told to, which `next` says how to do.
 */
const SETUPS: Readonly<Record<Shell, (host: Host, home: string) => Promise<Setup>>> = {
  async bash(host, home) {
    const data = host.env("XDG_DATA_HOME") || join(home, ".local", "share");
    const own = host.env("BASH_COMPLETION_USER_DIR") || join(data, "bash-completion");
    const path = join(own, "completions", "plca");
    const there = (await Promise.all(BASH_COMPLETION.map(stat))).some((found) => found?.isFile);
    const line = `source ${quoted(path)}`;
    return {
      path,
      next: there ? [] : [
        "bash reads that folder when the package bash-completion is installed, which was not found.",
        `Without it, add this line to ~/.bashrc:  ${line}`,
      ],
    };
  },
  zsh(host, home) {
    const folder = join(host.env("XDG_DATA_HOME") || join(home, ".local", "share"), "zsh", "site-functions");
    return Promise.resolve({
      path: join(folder, "_plca"),
      next: [
        "zsh looks there when ~/.zshrc has these lines, once, before or instead of its own call of compinit:",
        `  fpath=(${quoted(folder)} $fpath)`,
        "  autoload -Uz compinit && compinit",
      ],
    });
  },
  fish(host, home) {
    const config = host.env("XDG_CONFIG_HOME") || join(home, ".config");
    return Promise.resolve({ path: join(config, "fish", "completions", "plca.fish"), next: [] });
  },
};

/** Writers of scripts, of the parser library. */
const GENERATORS: Readonly<Record<Shell, ShellCompletion>> = { bash, zsh, fish };

/**
 * Where the script for bash lets the shell put a slash behind folders, which have one already: it would show
 * two.
 */
const MARKED_AS_FILES = /^ *compopt -o filenames /m;
/** A line of that script which takes the slashes away first. */
const WITHOUT_SLASH = '    COMPREPLY=("${COMPREPLY[@]%/}")\n';

/** The script for a shell. zsh recognises a completion by its first line, so there the mark comes second. */
function scriptFor(shell: Shell): string {
  const script = GENERATORS[shell].generateScript("plca", ["completion", shell]);
  if (shell === "bash") return `${MARK}\n${script.replace(MARKED_AS_FILES, `${WITHOUT_SLASH}$&`)}\n`;
  if (!script.startsWith("#compdef")) return `${MARK}\n${script}\n`;
  const end = script.indexOf("\n");
  return `${script.slice(0, end)}\n${MARK}${script.slice(end)}\n`;
}

/**
 * The command `plca`: a shell script that starts Deno itself, ten times as fast as npx, which finds Deno
 * again should it be gone.
 */
function launcherText(): string {
  const task = `${startLine().map(quoted).join(" ")} "$@"`;
  const deno = quoted(Deno.execPath());
  return [
    "#!/bin/sh",
    MARK,
    // What a run tells to type next begins as this did.
    `export ${LAUNCHER}=1`,
    // Inside of a task that was started elsewhere it would name that place.
    'export INIT_CWD="$PWD"',
    `[ -x ${deno} ] && exec ${deno} ${task}`,
    `exec ${LAUNCH} ${task}`,
    "",
  ].join("\n");
}

/** The folder of this copy of plca. */
function root(): string {
  return dirname(fileURLToPath(import.meta.resolve("../deno.json")));
}

/** A path for a shell: in single quotes. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

/** Writes a file, replacing only what this command wrote before. @throws UserError */
async function install(
  path: string,
  { text, executable }: { readonly text: string; readonly executable: boolean },
): Promise<void> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    if (await stat(path) && !(await Deno.readTextFile(path)).includes(MARK)) {
      throw new UserError(`${path}: it is there, and plca did not write it; move it away first`);
    }
    await Deno.writeTextFile(path, text);
    if (executable) await Deno.chmod(path, 0o755);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`${path}: ${reason(cause)}`, { cause });
  }
}

/** Whether a command `plca` lies in a folder of PATH. */
async function commandIsThere(host: Host): Promise<boolean> {
  const folders = (host.env("PATH") ?? "").split(":").filter((folder) => folder !== "");
  const found = await Promise.all(folders.map((folder) => stat(join(folder, "plca"))));
  return found.some((file) => file?.isFile);
}
