/**
 * Runs every test file in a process of its own, two at a time, and ends with `N passed, N failed`: a process has one
 * tensor engine, and ONNX Runtime cannot be loaded again once a test file that used it has ended. Each process starts in
 * an empty folder with an empty home and an environment of its own, so that no test sees files or settings of the user.
 * Types are left to `deno check`. `deno task test [PART OF A PATH]...` runs the files whose path holds one of the parts;
 * `deno task test:full` runs everything, `deno task test` all but what takes longest.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const TOGETHER = 2;
const PERMISSIONS = ["read", "write", "env", "ffi", "sys", "run", "net=127.0.0.1"].map((name) =>
  `--allow-${name}`
);

/** What the system, its drivers and Deno's downloads need of the environment; nothing else reaches a test. */
const KEPT = [
  ...["PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "CUDA_VISIBLE_DEVICES", "VK_DRIVER_FILES", "VK_ICD_FILENAMES"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
  // Where .ci/run keeps Cityscapes' own evaluation.
  "PLCA_CITYSCAPES_SCRIPTS",
  // A Python with packages that the system's lacks.
  "PLCA_PEER_PYTHON",
  // An MPI that is not among the system's, and one with the standard interface where .ci/run keeps it.
  ...["PLCA_MPI", "PLCA_STANDARD_MPI"],
  ...["NPM_CONFIG_REGISTRY", "DENO_CERT", "DENO_TLS_CA_STORE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"],
];

/** Those that take longest start first, so that none of them is left to run alone at the end. */
const LONG = [
  ...[
    "processes/equality_test",
    "backends/webgpu_test",
    "cli/narrow_test",
    "view/explorer_page_test",
    "contracts/losses_contract_test",
  ],
  ...[
    "backends/tensorflow_test",
    "models/deeplab_v2_test",
    "train/weights_test",
    "cli/data_test",
    "cli/train_test",
  ],
].map((name) => `tests/${name}.ts`);

/** What takes a third of the time: only `--full` runs them, and who names them. */
const ONLY_IN_FULL = [
  "tests/cli/narrow_test.ts",
  "tests/contracts/losses_contract_test.ts",
  "tests/processes/files_test.ts",
  "tests/processes/messages_test.ts",
  "tests/processes/resume_test.ts",
  "tests/train/method_resume_test.ts",
  "tests/train/opponents_resume_test.ts",
  "tests/train/weights_test.ts",
  "tests/view/explorer_page_test.ts",
  "tests/web/report_page_test.ts",
];

const root = fileURLToPath(new URL("..", import.meta.url));

async function testFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(join(root, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...await testFiles(path));
    else if (entry.name.endsWith("_test.ts")) found.push(path);
  }
  return found.sort();
}

/** Where Deno keeps its packages, which depends on the user's home and environment. */
async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

const DENO_DIR = await denoFolder();

/** Whether tests run that are left out for their time (tests/full.ts). */
const full = Deno.args.includes("--full");

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Calls `body` with the environment and the working folder of a test process, which are removed afterwards. The space in
 * their paths is there because users' paths have some.
 */
async function apart<T>(body: (env: Record<string, string>, cwd: string) => Promise<T>): Promise<T> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "plca test-" }));
  const [home, temporary, cwd] = ["home", "tmp", "work"].map((name) => join(folder, name));
  try {
    for (const path of [home!, temporary!, cwd!]) await Deno.mkdir(path);
    // It says which registry Deno's packages are from, which Deno has to know to find them where they are kept.
    const registry = join(Deno.env.get("HOME") ?? "", ".npmrc");
    await Deno.copyFile(registry, join(home!, ".npmrc")).catch(() => {});
    const kept = KEPT.flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    const temporaries = Object.fromEntries(["TMPDIR", "TEMP", "TMP"].map((name) => [name, temporary!]));
    return await body(
      {
        ...Object.fromEntries(kept),
        ...temporaries,
        ...(full ? { PLCA_TEST_FULL: "1" } : {}),
        HOME: home!,
        DENO_DIR,
        NO_COLOR: "1",
      },
      cwd!,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runFile(path: string): Promise<Outcome> {
  const started = performance.now();
  const { code, stdout, stderr } = await apart((env, cwd) =>
    new Deno.Command(Deno.execPath(), {
      args: [
        ...["test", "--quiet", "--no-check", "--unstable-webgpu", "--no-prompt", ...PERMISSIONS],
        ...["--config", join(root, "deno.json"), join(root, path)],
      ],
      cwd,
      clearEnv: true,
      env,
    }).output()
  );
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

const parts = Deno.args.filter((word) => word !== "--full");
const everything = await testFiles("tests");
const leftOut = full || parts.length > 0 ? [] : everything.filter((path) => ONLY_IN_FULL.includes(path));
const all = everything.filter((path) => !leftOut.includes(path));
const queue = [...LONG.filter((path) => all.includes(path)), ...all.filter((path) => !LONG.includes(path))]
  .filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)));
const total = { passed: 0, failed: 0, skipped: 0 };
await Promise.all(Array.from({ length: TOGETHER }, async () => {
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const { passed, failed, skipped } = await runFile(path);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
}));
if (leftOut.length > 0) console.log(`\nleft to deno task test:full: ${leftOut.join(", ")}`);
if (total.skipped > 0) console.log(`\n${total.skipped} skipped, named above`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
if (total.failed > 0 || total.passed === 0) Deno.exit(1);
