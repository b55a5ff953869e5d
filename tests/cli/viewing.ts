/** `plca view` while a test looks at its page. */
import assert from "node:assert/strict";
import { plca } from "./fake_host.ts";

/** Runs the command until `body` is done, then interrupts it; what it printed. */
export async function viewing(
  args: readonly string[],
  cwd: string,
  body: (address: string) => Promise<void>,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  let opened = (_: string) => {};
  const address = new Promise<string>((resolve) => opened = resolve);
  let stop = () => {};
  const ended = plca(["view", ...args], {
    cwd,
    onWrite(text, interrupt) {
      stop = interrupt;
      const [found] = /http:\S*/.exec(text) ?? [];
      if (found) opened(found);
    },
  });
  const first = await Promise.race([address, ended]);
  if (typeof first !== "string") assert.fail(`it ended: ${first.stderr}`);
  try {
    await body(first);
  } finally {
    stop();
  }
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 0, stderr);
  return { stdout, stderr };
}
