/** What the packed benchmark consists of: programs that are started one after another, each with a time of its own. */
import { fileURLToPath } from "node:url";

/** A part as it is started. */
export interface Part {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** It may take, of the usual 240 for all. */
  readonly seconds: number;
  /** What its output is. */
  readonly output: "json" | "tap";
}

/** What is asked for, and where the files of the benchmark lie. */
export interface Given {
  /** Sizes that a processor can imitate a GPU for. */
  readonly small: boolean;
  /** Runs PyTorch. */
  readonly python: string;
  /** The folder, with a slash at the end. */
  readonly folder: URL;
}

/** Whether there is such a file. */
export function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const PERMISSIONS = ["--allow-read", "--allow-env", "--allow-ffi", "--allow-sys"];
const QUIETLY = ["--unstable-webgpu", "--cached-only", "--no-prompt"];

/** A training step: its title, and the arguments of part.ts. */
interface Step {
  readonly title: string;
  readonly args: readonly string[];
}

/** @param network title, layers, width @param images of each domain */
function deeplabStep(network: readonly [string, string, string], crop: number, images: number): Step {
  const [title, layers, width] = network;
  return {
    title: `step, ${title}, crop ${crop}, ${images}+${images} images`,
    args: ["step", layers, width, `${crop}`, `${images}`],
  };
}

/** @param size `b0` to `b5` @param images of each domain */
function mitStep(size: string, crop: number, images: number): Step {
  return {
    title: `step, MiT-${size.toUpperCase()}, crop ${crop}, ${images}+${images} images`,
    args: ["mit-step", size, `${crop}`, `${images}`],
  };
}

const RESNET101 = ["ResNet-101", "[3,4,23,3]", "1"] as const;
const slim = (width: string) => ["layers [1,1,1,1], width " + width, "[1,1,1,1]", width] as const;

/** The steps in their order; the first one comes before everything that takes long. */
const STEPS: readonly Step[] = [
  deeplabStep(RESNET101, 321, 1),
  deeplabStep(RESNET101, 129, 1),
  deeplabStep(RESNET101, 129, 2),
  deeplabStep(RESNET101, 129, 4),
  deeplabStep(slim("0.5"), 144, 2),
  mitStep("b0", 256, 2),
  mitStep("b2", 256, 1),
  deeplabStep(RESNET101, 730, 1),
  deeplabStep(RESNET101, 321, 2),
  deeplabStep(RESNET101, 321, 4),
  deeplabStep(RESNET101, 730, 2),
  deeplabStep(RESNET101, 730, 4),
];

/** The same kinds of steps at sizes that a processor can imitate. */
const SMALL_STEPS: readonly Step[] = [
  deeplabStep(slim("0.25"), 33, 1),
  deeplabStep(slim("0.25"), 33, 2),
  deeplabStep(slim("0.25"), 33, 4),
  mitStep("b0", 32, 1),
  mitStep("b2", 32, 1),
];

/** The parts in their order: what is most wanted comes first, because time may run out. */
export function partsOf(given: Given): readonly Part[] {
  const { small, python, folder } = given;
  const addon = beside(folder, "dawn.node"), peer = beside(folder, "torch_plca.py");
  const part = (name: string, seconds: number, ...args: string[]) => partOf(given, name, seconds, args);
  const withDawn = (name: string, seconds: number, ...args: string[]) =>
    exists(addon) ? [part(`${name}, Dawn`, seconds, ...args, "--dawn", addon)] : [];
  const step = ({ title, args }: Step) => part(title, 90, ...args);
  const torch: Part = {
    name: "PyTorch",
    seconds: 100,
    output: "json",
    program: python,
    args: [beside(folder, "peer_gpu.py"), exists(peer) ? peer : "-", ...small ? ["--small"] : []],
  };
  const [first, ...steps] = small ? SMALL_STEPS : STEPS;
  return [
    part("adapter", 20, "adapter"),
    ...withDawn("adapter", 20, "adapter"),
    part("products", 40, "products"),
    ...withDawn("products", 40, "products"),
    recordedOf(given, "webgpu_test.js", 100),
    step(first!),
    part("association", 90, "association"),
    ...withDawn(first!.title, 90, ...first!.args),
    torch,
    part("operators", 60, "operators"),
    ...small ? [] : withDawn("operators", 60, "operators"),
    ...steps.map(step),
    ...small
      ? []
      : [...withDawn("association", 90, "association"), recordedOf(given, "webgpu_step_test.js", 60)],
  ];
}

/** A part that part.ts measures. */
function partOf({ folder, small }: Given, name: string, seconds: number, args: readonly string[]): Part {
  const start = ["run", "--quiet", imports(folder), ...QUIETLY, ...PERMISSIONS, beside(folder, "part.js")];
  return {
    name,
    seconds,
    output: "json",
    program: Deno.execPath(),
    args: [...start, ...args, ...small ? ["--small"] : []],
  };
}

/** A part that holds what is recorded: a file of tests. */
function recordedOf({ folder }: Given, file: string, seconds: number): Part {
  const how = ["--no-check", ...QUIETLY, "--reporter=tap", ...PERMISSIONS];
  return {
    name: `recorded values: ${file.replace(/_test\.js$/, "")}`,
    seconds,
    output: "tap",
    program: Deno.execPath(),
    args: ["test", "--quiet", imports(folder), ...how, beside(folder, file)],
  };
}

function imports(folder: URL): string {
  return `--import-map=${beside(folder, "imports.json")}`;
}

/** The path of a file of the folder. */
function beside(folder: URL, name: string): string {
  return fileURLToPath(new URL(name, folder));
}
