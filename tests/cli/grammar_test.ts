/** Every option of every command alone: what it becomes, and where its borders are. */
import assert from "node:assert/strict";
import { type Command, parseArguments, ParsingEnd } from "../../cli/grammar.ts";
import { withHost } from "./fake_host.ts";

/** The command of a line, or what is said instead. */
async function parsed(line: string): Promise<Command | string> {
  const args = line.split(" ").filter((word) => word !== "");
  const { result, stderr } = await withHost({ cwd: "/", args }, (host) => {
    try {
      return parseArguments(host, "1.2.3");
    } catch (error) {
      if (error instanceof ParsingEnd) return error.code;
      throw error;
    }
  });
  return typeof result === "number" ? `${result} ${stderr}`.trim() : result;
}

/** A command's arguments without any option. */
const PLAIN: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "train": {
    command: "train",
    recipe: undefined,
    set: [],
    name: undefined,
    run: undefined,
    resume: undefined,
    launch: undefined,
    restarts: 0,
    debugNumerics: false,
    debugMemory: false,
    json: false,
    quiet: false,
    runs: "runs",
  },
  "eval": {
    command: "eval",
    run: undefined,
    recipe: undefined,
    checkpoint: undefined,
    split: "val",
    json: false,
    quiet: false,
    set: [],
    import: false,
    runs: "runs",
  },
  "predict a --out b": {
    command: "predict",
    images: ["a"],
    run: undefined,
    recipe: undefined,
    checkpoint: undefined,
    out: "b",
    ids: "train",
    overlays: "png",
    opacity: 0.5,
    confidence: false,
    watch: false,
    force: false,
    json: false,
    set: [],
    import: false,
    runs: "runs",
  },
  "export": {
    command: "export",
    run: undefined,
    checkpoint: undefined,
    out: undefined,
    page: undefined,
    hub: undefined,
    inputs: "normalised",
    outputs: "logits",
    size: undefined,
    aggregate: false,
    half: false,
    images: 4,
    force: false,
    json: false,
    set: [],
    import: false,
    runs: "runs",
  },
  "compare a": {
    command: "compare",
    recipe: "a",
    methods: undefined,
    seeds: "0,1,2",
    steps: undefined,
    jobs: 1,
    out: undefined,
    format: "text",
    json: false,
    paper: false,
    quiet: false,
    set: [],
    runs: "runs",
  },
  "report a": { command: "report", runs: ["a"], out: undefined, images: 3, limit: undefined, force: false },
  "table a": { command: "table", results: ["a"], format: "text", paper: false },
  "view": { command: "view", run: undefined, port: 0, set: [], runs: "runs" },
  "check a": { command: "check", recipe: "a", set: [], import: false },
  "data check a": { command: "data check", recipe: "a", split: [], limit: undefined, json: false, set: [] },
  "data stats a": { command: "data stats", recipe: "a", out: undefined, force: false, set: [] },
  "list": { command: "list", kind: undefined, name: undefined },
  "doctor": { command: "doctor" },
  "schema": { command: "schema" },
};

for (const [line, expected] of Object.entries(PLAIN)) {
  Deno.test(`parseArguments: plca ${line}`, async () => assert.deepEqual(await parsed(line), expected));
}

/** By command, each option and what it changes. */
const OPTIONS: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>> = {
  "train": {
    "r.yaml": { recipe: "r.yaml" },
    "--set a=1 --set b=2": { set: ["a=1", "b=2"] },
    "--name n": { name: "n" },
    "--run r": { run: "r" },
    "--run=r": { run: "r" },
    "--resume r": { resume: "r" },
    "--launch mpirun": { launch: "mpirun" },
    "--restarts 3": { restarts: 3 },
    "--debug-numerics": { debugNumerics: true },
    "--debug-memory": { debugMemory: true },
    "--json": { json: true },
    "--quiet": { quiet: true },
    "--runs r": { runs: "r" },
  },
  "eval": {
    "--run r --recipe s --checkpoint c": { run: "r", recipe: "s", checkpoint: "c" },
    "--split train": { split: "train" },
    "--split test": { split: "test" },
    "--json --quiet --import": { json: true, quiet: true, import: true },
  },
  "predict a --out b": {
    "c d": { images: ["a", "c", "d"] },
    "--ids dataset": { ids: "dataset" },
    "--overlays jpg": { overlays: "jpg" },
    "--overlays none": { overlays: "none" },
    "--opacity 0": { opacity: 0 },
    "--opacity 1": { opacity: 1 },
    "--confidence --watch --force --json": { confidence: true, watch: true, force: true, json: true },
  },
  "export": {
    "r": { run: "r" },
    "--out o --page p --hub h": { out: "o", page: "p", hub: "h" },
    "--inputs uint8": { inputs: "uint8" },
    "--outputs labels": { outputs: "labels" },
    "--outputs probabilities": { outputs: "probabilities" },
    "--size 4x5": { size: "4x5" },
    "--images 1": { images: 1 },
    "--images 100": { images: 100 },
    "--aggregate --half": { aggregate: true, half: true },
  },
  "compare a": {
    "--methods x,y": { methods: "x,y" },
    "--seeds 7": { seeds: "7" },
    "--steps 1": { steps: 1 },
    "--jobs 256": { jobs: 256 },
    "--out o": { out: "o" },
    "--format latex": { format: "latex" },
    "--json --paper --quiet": { json: true, paper: true, quiet: true },
  },
  "report a": {
    "b": { runs: ["a", "b"] },
    "--images 0": { images: 0 },
    "--images 50": { images: 50 },
    "--limit 1": { limit: 1 },
    "--out o --force": { out: "o", force: true },
  },
  "table a": { "b --format csv --paper": { results: ["a", "b"], format: "csv", paper: true } },
  "view": { "r --port 65535": { run: "r", port: 65535 } },
  "check a": { "--import --set b=1": { import: true, set: ["b=1"] } },
  "data check a": {
    "--split source --split val --limit 1 --json": { split: ["source", "val"], limit: 1, json: true },
  },
  "data stats a": { "--out o --force": { out: "o", force: true } },
  "list": { "loss entropy": { kind: "loss", name: "entropy" } },
};

for (const [line, options] of Object.entries(OPTIONS)) {
  for (const [words, changes] of Object.entries(options)) {
    Deno.test(`parseArguments: plca ${line} ${words}`, async () => {
      assert.deepEqual(await parsed(`${line} ${words}`), { ...PLAIN[line], ...changes });
    });
  }
}

const REFUSED: Readonly<Record<string, RegExp>> = {
  "train --restarts -1": /`--restarts`: Expected .*"-1"/,
  "train --restarts 1.5": /`--restarts`: Expected a valid integer, but got "1\.5"/,
  "train a b": /^2 Error: "b" is not expected here/,
  "train --name": /`--name` requires a value|--name/,
  "train --quiet --quiet": /--quiet/,
  "predict a": /--out/,
  "predict a --out b --opacity -0.1":
    /`--opacity`: Expected a value greater than or equal to 0, but got "-0\.1"/,
  "predict a --out b --ids both": /`--ids`: Expected one of "train" and "dataset", but got "both"/,
  "export --images 0": /`--images`: Expected a value greater than or equal to 1, but got "0"/,
  "export --images 101": /`--images`: Expected a value less than or equal to 100, but got "101"/,
  "compare a --jobs 257": /`--jobs`: Expected a value less than or equal to 256, but got "257"/,
  "compare a --steps 0": /`--steps`: Expected a value greater than or equal to 1, but got "0"/,
  "compare a --format html":
    /`--format`: Expected one of "text", "markdown", "latex", and "csv", but got "html"/,
  "report a --images 51": /`--images`: Expected a value less than or equal to 50, but got "51"/,
  "view --port 65536": /`--port`: Expected a value less than or equal to 65,535, but got "65536"/,
  "data check a --split all":
    /`--split`: Expected one of "source", "target", "val", and "test", but got "all"/,
  "check": /^2 Error: /,
  "new": /^2 Error: /,
};

for (const [line, message] of Object.entries(REFUSED)) {
  Deno.test(`parseArguments: plca ${line} is refused with exit status 2`, async () => {
    const said = await parsed(line);
    assert.equal(typeof said, "string", JSON.stringify(said));
    const words = String(said).replace(/\s+/g, " ");
    assert.match(words, /^2 /);
    assert.match(words, message);
  });
}
