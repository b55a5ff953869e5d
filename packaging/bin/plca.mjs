#!/usr/bin/env node
/**
 * The command of the npm package. plca needs Deno: under Node this starts the one of the npm package `deno`, under Deno the one
 * that runs. It may do what the task `plca` may, no more.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import process from "node:process";

const { startLine } = await import(new URL("../cli/start_line.js", import.meta.url).href);

const child = spawn(deno(), [...startLine(), ...process.argv.slice(2)], {
  stdio: "inherit",
  env: {
    ...process.env,
    INIT_CWD: process.cwd(),
    // So that plca's messages name the command as it was called: by npx, or by itself.
    ...(process.env.npm_command === "exec" ? {} : { PLCA_LAUNCHER: "1" }),
  },
});
// A Ctrl-C in a terminal comes to both; plca ends in its own time.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("error", (error) => {
  console.error(`plca: Deno could not be started: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code) => process.exit(code ?? 1));

/** The path of the Deno program. Under Node, ends the process with a message when there is none for this system. */
function deno() {
  if (process.versions.deno !== undefined) return process.execPath;
  try {
    // The first step of the command of the package `deno`. The command itself would not pass signals on.
    return createRequire(import.meta.url)("deno/install_api.cjs").runInstall();
  } catch (error) {
    console.error(`plca: the npm package "deno" has no Deno for this system: ${error.message}`);
    process.exit(1);
  }
}
