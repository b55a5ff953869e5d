import { UserError } from "../../../core/errors.ts";

/** How many of a failed program's last lines are shown. */
const LINES = 12;

/**
 * Runs a program to its end. @returns what it printed on stdout @throws UserError when it is not installed or
 * fails
 */
export async function execute(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, code, stdout, stderr } = await output(program, args, cwd);
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  const said = `${decoder.decode(stdout)}\n${decoder.decode(stderr)}`.split("\n").filter((line) =>
    line.trim()
  );
  throw new UserError(
    [`${program} ended with status ${code}:`, ...said.slice(-LINES).map((line) => `  ${line}`)].join("\n"),
  );
}

async function output(program: string, args: readonly string[], cwd: string): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command(program, { args: [...args], cwd, stdout: "piped", stderr: "piped" })
      .output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserError(`${program} is not there; install it and try again`, { cause: error });
  }
}
