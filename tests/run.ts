/**
 * Runs every test file in a process of its own, two at a time, and ends with `N passed, N failed`: a process has one
 * tensor engine, and ONNX Runtime cannot be loaded again once a test file that used it has ended.
 * Types are left to `deno check`. `deno task test [PART OF A PATH]...` runs the files whose path holds one of the parts.
 */
import { fileURLToPath } from "node:url";

const TOGETHER = 2;
const PERMISSIONS = ["read", "write", "env", "ffi", "sys", "run", "net=127.0.0.1"].map((name) =>
  `--allow-${name}`
);

const root = fileURLToPath(new URL("..", import.meta.url));

async function testFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(`${root}/${folder}`)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...await testFiles(path));
    else if (entry.name.endsWith("_test.ts")) found.push(path);
  }
  return found.sort();
}

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

async function runFile(path: string): Promise<Outcome> {
  const started = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--quiet", "--no-check", "--unstable-webgpu", "--no-prompt", ...PERMISSIONS, path],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  const [, passed = "0", failed = "0"] = /\| (\d+) passed.*\| (\d+) failed/.exec(text) ?? [];
  const skipped = text.match(/^.* \.\.\. ignored.*$/gm) ?? [];
  for (const line of skipped) console.log(`skipped ${line.replace(/ \.\.\. ignored.*/, "")}`);
  const outcome = { passed: Number(passed), failed: Number(failed), skipped: skipped.length };
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${path}  ${outcome.passed} passed, ${seconds} s`);
  // A file that does not even load counts as one failure.
  if (code === 0) return outcome;
  console.log(`${text}\n${new TextDecoder().decode(stderr)}`);
  return { ...outcome, failed: Math.max(1, outcome.failed) };
}

const parts = Deno.args;
const queue = (await testFiles("tests")).filter((path) =>
  parts.length === 0 || parts.some((part) => path.includes(part))
);
const total = { passed: 0, failed: 0, skipped: 0 };
await Promise.all(Array.from({ length: TOGETHER }, async () => {
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const { passed, failed, skipped } = await runFile(path);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
}));
if (total.skipped > 0) console.log(`\n${total.skipped} skipped, named above`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
if (total.failed > 0 || total.passed === 0) Deno.exit(1);
