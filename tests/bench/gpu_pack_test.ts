/**
 * The packed GPU benchmark without a GPU and without packing: which parts there are, that the file is written
 * whatever becomes of them, and what of it goes into RESULTS.md.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundle } from "../../bench/gpu/pack.ts";
import { partsOf } from "../../bench/gpu/parts.ts";
import type { GpuResult, PartResult } from "../../bench/gpu/run.ts";
import { gpuSections } from "../../bench/gpu/take.ts";
import { processorOf } from "../../bench/processor.ts";
import type { Section } from "../../bench/record.ts";

const bench = new URL("../../bench/gpu/", import.meta.url);

async function inFolder(use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await use(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("the parts: what is most wanted first, and Dawn's only where its library is packed", () =>
  inFolder(async (path) => {
    const given = { python: "python3", folder: pathToFileURL(`${path}/`) };
    const names = (small: boolean) => partsOf({ ...given, small }).map(({ name }) => name);
    assert.deepEqual(names(true), [
      "adapter",
      "products",
      "recorded values: webgpu",
      "step, layers [1,1,1,1], width 0.25, crop 33, 1+1 images",
      "association",
      "PyTorch",
      "operators",
      "step, layers [1,1,1,1], width 0.25, crop 33, 2+2 images",
      "step, layers [1,1,1,1], width 0.25, crop 33, 4+4 images",
      "step, MiT-B0, crop 32, 1+1 images",
      "step, MiT-B2, crop 32, 1+1 images",
    ]);
    await Deno.writeTextFile(join(path, "dawn.node"), "");
    assert.deepEqual(names(false), [
      "adapter",
      "adapter, Dawn",
      "products",
      "products, Dawn",
      "recorded values: webgpu",
      "step, ResNet-101, crop 321, 1+1 images",
      "association",
      "step, ResNet-101, crop 321, 1+1 images, Dawn",
      "PyTorch",
      "operators",
      "operators, Dawn",
      "step, ResNet-101, crop 129, 1+1 images",
      "step, ResNet-101, crop 129, 2+2 images",
      "step, ResNet-101, crop 129, 4+4 images",
      "step, layers [1,1,1,1], width 0.5, crop 144, 2+2 images",
      "step, MiT-B0, crop 256, 2+2 images",
      "step, MiT-B2, crop 256, 1+1 images",
      "step, ResNet-101, crop 730, 1+1 images",
      "step, ResNet-101, crop 321, 2+2 images",
      "step, ResNet-101, crop 321, 4+4 images",
      "step, ResNet-101, crop 730, 2+2 images",
      "step, ResNet-101, crop 730, 4+4 images",
      "association, Dawn",
      "recorded values: webgpu_step",
    ]);
    for (const { program, args } of partsOf({ ...given, small: false })) {
      if (program === Deno.execPath()) {
        assert.ok(args.includes("--cached-only") && args.includes("--no-prompt"));
        assert.ok(!args.some((arg) => /^(-A|--allow-(all|net|write|run))/.test(arg)), args.join(" "));
      }
    }
  }));

/** In the place of what is measured: one part works, one fails, one does not end. */
const PART = `
  console.log(JSON.stringify({ name: Deno.args[0], seconds: [1, 3, 2], flops: 4e12 }));
  if (Deno.args[0] === "products") throw new Error("no such device");
  if (Deno.args[0] === "association") setInterval(() => {}, 1000);
`;

const RECORDED = `
  Deno.test("holds", () => {});
  Deno.test("does not hold", () => { throw new Error("off by 1"); });
`;

Deno.test("the file is whole when a part fails, does not end, is not there or has no time", () =>
  inFolder(async (outer) => {
    const path = join(outer, "gpu");
    await Deno.mkdir(path);
    for (const name of ["gpu/run.ts", "gpu/parts.ts", "processor.ts"]) {
      await Deno.copyFile(new URL(`../${name}`, bench), join(outer, name));
    }
    const files = {
      "part.js": PART,
      "webgpu_test.js": RECORDED,
      "imports.json": "{}",
      "commit.txt": "abc\n",
    };
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(path, name), text);
    const out = join(path, "gpu.json");
    const start = async (...args: string[]) => {
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--quiet", "--no-check", "--no-config", "--no-prompt"],
          ...["read", "write", "env", "run", "sys"].map((name) => `--allow-${name}`),
          ...[join(path, "run.ts"), "--bytes", "54000000", "--out", out, "--small", ...args],
        ],
        stderr: "inherit",
      }).output();
      const result: GpuResult = JSON.parse(await Deno.readTextFile(out));
      return { result, told: new TextDecoder().decode(stdout) };
    };
    const states = ({ parts }: GpuResult) => parts.map(({ name, state }) => `${name}: ${state}`);

    const { result, told } = await start(
      ...["--seconds", "60", "--python", join(path, "no python")],
      ...["adapter", "products", "recorded", "PyTorch"].flatMap((name) => ["--only", name]),
    );
    assert.equal(result.commit, "abc");
    assert.deepEqual([result.bytes, result.seconds], [54e6, 60]);
    assert.deepEqual(result.network, [...new Set(Deno.networkInterfaces().map(({ name }) => name))]);
    assert.deepEqual(states(result), [
      "adapter: ok",
      "products: failed",
      "recorded values: webgpu: failed",
      "PyTorch: not started",
    ]);
    const [adapter, products, recorded] = result.parts;
    assert.deepEqual(adapter!.lines, [{ name: "adapter", seconds: [1, 3, 2], flops: 4e12 }]);
    // What it printed before it failed is kept.
    assert.deepEqual(products!.lines.length, 1);
    assert.match(products!.errors!, /no such device/);
    const [{ passed, failed }] = recorded!.lines as [{ passed: number; failed: string[] }];
    assert.equal(passed, 1);
    assert.match(failed[0]!, /^does not hold: .*off by 1/);
    assert.match(told, /^ok +[\d.]+ s {2}adapter\nfailed +[\d.]+ s {2}products\n/);

    const late = await start("--seconds", "7", "--only", "association", "--only", "PyTorch");
    assert.deepEqual(states(late.result), ["association: out of time", "PyTorch: not started"]);
    assert.equal(late.result.parts[0]!.lines.length, 1);
    assert.equal(late.result.parts[1]!.errors, "no time was left");
  }));

Deno.test("what is packed needs no file of the project and nothing downloaded", () =>
  inFolder(async (path) => {
    await bundle(path);
    const start = async (program: string, ...args: string[]) => {
      const map = `--import-map=${join(path, "imports.json")}`,
        flags = ["--no-config", "--cached-only", "--no-prompt"];
      const { stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", map, ...flags, "--allow-read", "--allow-env", join(path, program), ...args],
        env: { DENO_DIR: join(path, "empty") },
        cwd: path,
      }).output();
      return new TextDecoder().decode(stderr);
    };
    // Both fail for what they are told, once everything that they import is there.
    assert.match(await start("part.js", "nothing"), /there is no part nothing/);
    assert.match(await start("run.js", "--nothing"), /Unknown option '--nothing'/);
  }));

Deno.test("run.sh unpacks, runs with what it was given and leaves nothing behind", () =>
  inFolder(async (path) => {
    const run = async (program: string, args: string[], env: Record<string, string> = {}) => {
      const { success, stdout } = await new Deno.Command(program, { args, env, cwd: path }).output();
      assert.ok(success, `${program} ${args.join(" ")}`);
      return new TextDecoder().decode(stdout);
    };
    // In the place of Deno, a script that says what it was called with.
    await Deno.writeTextFile(join(path, "deno"), '#!/bin/sh\necho "$@"\ncat "$(dirname "$0")/app/run.js"\n');
    await Deno.mkdir(join(path, "app"));
    await Deno.writeTextFile(join(path, "app/run.js"), "the program\n");
    await run("tar", ["-cf", "app.tar", "app"]);
    await run("xz", ["app.tar", "deno"]);
    await Deno.copyFile(new URL("run.sh", bench), join(path, "run.sh"));
    const scratch = join(path, "scratch");
    await Deno.mkdir(scratch);
    const told = await run("sh", ["run.sh", "--seconds", "9"], { TMPDIR: scratch });
    assert.match(
      told,
      /^run --quiet --cached-only --no-prompt .*\/app\/run\.js --bytes (\d+) --out gpu\.json --seconds 9\nthe program\n$/,
    );
    const sizes = ["deno.xz", "app.tar.xz", "run.sh"].map((name) => Deno.statSync(join(path, name)).size);
    assert.match(told, new RegExp(`--bytes ${sizes.reduce((sum, size) => sum + size, 0)} `));
    assert.deepEqual([...Deno.readDirSync(scratch)], []);
  }));

function resultOf(parts: readonly Partial<PartResult>[], more: Partial<GpuResult> = {}): GpuResult {
  return {
    started: "2026-01-02T03:04:05.000Z",
    commit: "abc",
    deno: "2.0.0",
    machine: { gpu: "a card", cpu: "a processor", cores: 4 },
    small: false,
    parts: parts.map((part) => ({ name: "", seconds: 1, state: "ok", lines: [], ...part })),
    ...more,
  };
}

/** The section of that name, and that there is no other. */
function only(id: string, results: readonly GpuResult[]): Section {
  const sections = gpuSections(results);
  assert.deepEqual(sections.map(([name]) => name), [id]);
  return sections[0]![1];
}

/** What the part of that name prints. */
const adapter = (device: string, description = "") => ({
  name: "adapter",
  lines: [{ info: { vendor: "4318", architecture: "", device, description } }],
});

Deno.test("--take: medians, and of a part of several files the last that ended well", () => {
  const { rows, measured, text } = only("gpu", [
    resultOf([
      { name: "products", lines: [{ name: "matMul", seconds: [1, 3, 2], flops: 4e12, megabytes: 7.6 }] },
      { name: "operators", state: "out of time", lines: [{ name: "sort", seconds: [0.5] }] },
      { name: "step", state: "failed", errors: "first\nerror: the device | was lost\nlast" },
    ]),
    resultOf([
      { name: "products", state: "failed", errors: "no card" },
      {
        name: "step",
        lines: [{ name: "a step", seconds: [2], dispatches: 1360, recordingSeconds: 0.25 }],
      },
      {
        name: "recorded values: webgpu",
        state: "failed",
        lines: [{ passed: 3, failed: ["x: off by 1"] }],
        errors: "one failed",
      },
    ], { commit: "def" }),
  ]);
  assert.deepEqual(rows, [
    ["products", "matMul", "2.00", "2.0", "", "", "8", ""],
    ["operators", "sort", "0.500", "", "", "", "", ""],
    ["operators", "", "", "", "", "", "", "out of time"],
    ["step", "a step", "2.00", "", "1360", "0.250", "", ""],
    ["recorded values: webgpu", "", "", "", "", "", "", "3 passed, 1 failed: x: off by 1"],
    ["recorded values: webgpu", "", "", "", "", "", "", "failed: one failed"],
  ]);
  assert.deepEqual(measured, {
    date: "2026-01-02",
    machine: "a card; a processor, 4 cores",
    versions: "plca abc and def, deno 2.0.0",
  });
  assert.match(text[0]!, /^2 starts of the packed benchmark/);
});

Deno.test("--take: what was refused stands there with its reason, in one line of the table", () => {
  const { rows, text } = only("gpu_software", [
    resultOf([
      { name: "products", lines: [{ name: "units", refused: "the device | has\nnot all" }] },
      { name: "step", state: "failed", errors: "first\nerror: lost | gone\nlast" },
    ], { small: true, machine: { gpu: "", cpu: "a processor", cores: 2 } }),
  ]);
  assert.deepEqual(rows.map((row) => row.at(-1)), [
    "refused: the device / has not all",
    "failed: error: lost / gone",
  ]);
  assert.match(text[0]!, /^No GPU: .* at small sizes/);
});

Deno.test("--take: software Vulkan has a section of its own, beside a card's", () => {
  const product = { name: "products", lines: [{ name: "matMul", seconds: [1], flops: 4e12 }] };
  const card = resultOf([adapter("9013"), product]);
  const software = resultOf([adapter("0", "llvmpipe (LLVM 15.0.6, 256 bits)"), product], {
    machine: { gpu: "", cpu: "a processor", cores: 2 },
    small: true,
    bytes: 52_340_000,
    seconds: 900,
    network: [],
  });
  const both = gpuSections([software, card]);
  assert.deepEqual(both.map(([id, { measured }]) => [id, measured!.machine]), [
    ["gpu", "a card; a processor, 4 cores"],
    ["gpu_software", "4318 0 llvmpipe (LLVM 15.0.6, 256 bits); a processor, 2 cores"],
  ]);
  assert.deepEqual(both.map(([, { rows }]) => rows.length), [1, 1]);
  const [[, real], [, imitated]] = both as [[string, Section], [string, Section]];
  assert.match(imitated.text[1]!, /has 52\.3 MB, of 55 .* without a network \(`unshare -n`\)/);
  assert.match(imitated.commands[1]!, /^unshare -n .*--small --seconds 900 --out/);
  assert.ok(!real.text.some((line) => /MB, of 55|unshare/.test(line)), "older files tell neither");

  // Whole sizes, in an hour or more, make no card of it.
  const long = resultOf([adapter("0", "llvmpipe"), product], { network: ["eth0"], bytes: 1e6 });
  const { text, commands } = only("gpu_software", [long]);
  assert.ok(!text.some((line) => line.includes("unshare")) && !commands.join().includes("unshare"));
});

Deno.test("--take: small sizes on a card are refused, for they would replace its table", () => {
  assert.throws(
    () => gpuSections([resultOf([adapter("9013")], { small: true })]),
    /4318 9013 was measured with --small/,
  );
});

Deno.test("the processor's name and its widest vectors are read from what the system says", () => {
  const of = (flags: string) =>
    processorOf(`processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nflags\t\t: ${flags}\n`);
  assert.equal(of("fpu avx avx2 avx512f avx512bw"), "A CPU @ 2 GHz, AVX-512");
  assert.equal(of("fpu avx avx2"), "A CPU @ 2 GHz, AVX2");
  assert.equal(of("fpu sse2"), "A CPU @ 2 GHz");
  assert.equal(processorOf("processor\t: 0\nBogoMIPS\t: 50\n"), undefined);
});
