/** What the packed benchmark consists of: programs that are started one after another, each with a time of its own. */
import { fileURLToPath } from "node:url";

/** A part as it is started. */
export interface Part {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** It may take. */
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
const RESNET101 = "[3,4,23,3]";

/** The parts in their order: what is most wanted comes first, because time may run out. */
export function partsOf({ small, python, folder }: Given): readonly Part[] {
  const beside = (name: string) => fileURLToPath(new URL(name, folder));
  const imports = `--import-map=${beside("imports.json")}`;
  const part = (name: string, seconds: number, ...args: string[]): Part => ({
    name,
    seconds,
    output: "json",
    program: Deno.execPath(),
    args: [
      ...["run", "--quiet", imports, ...QUIETLY, ...PERMISSIONS, beside("part.js")],
      ...[...args, ...small ? ["--small"] : []],
    ],
  });
  const recorded = (file: string, seconds: number): Part => ({
    name: `recorded values: ${file.replace(/_test\.js$/, "")}`,
    seconds,
    output: "tap",
    program: Deno.execPath(),
    args: [
      "test",
      "--quiet",
      imports,
      "--no-check",
      ...QUIETLY,
      "--reporter=tap",
      ...PERMISSIONS,
      beside(file),
    ],
  });
  const step = (layers: string, width: string, crop: string, images: string, dawn: string[] = []) => {
    const title = layers === RESNET101 ? "ResNet-101" : `layers ${layers}, width ${width}`;
    const name = `step, ${title}, crop ${crop}, ${images}+${images} images`;
    return part(
      `${name}${dawn.length > 0 ? ", Dawn" : ""}`,
      90,
      "step",
      layers,
      width,
      crop,
      images,
      ...dawn,
    );
  };
  const addon = beside("dawn.node"), peer = beside("torch_plca.py");
  const torch: Part = {
    name: "PyTorch",
    seconds: 100,
    output: "json",
    program: python,
    args: [beside("peer_gpu.py"), exists(peer) ? peer : "-", ...small ? ["--small"] : []],
  };
  const withDawn = (make: (dawn: string[]) => Part) => exists(addon) ? [make(["--dawn", addon])] : [];
  const first = [
    part("adapter", 20, "adapter"),
    ...withDawn((dawn) => part("adapter, Dawn", 20, "adapter", ...dawn)),
    part("products", 40, "products"),
    ...withDawn((dawn) => part("products, Dawn", 40, "products", ...dawn)),
    recorded("webgpu_test.js", 100),
  ];
  if (small) {
    const slim = (dawn?: string[]) => step("[1,1,1,1]", "0.25", "33", "1", dawn);
    return [...first, slim(), ...withDawn(slim), part("operators", 60, "operators"), torch];
  }
  return [
    ...first,
    step(RESNET101, "1", "321", "1"),
    ...withDawn((dawn) => step(RESNET101, "1", "321", "1", dawn)),
    torch,
    part("operators", 60, "operators"),
    ...withDawn((dawn) => part("operators, Dawn", 60, "operators", ...dawn)),
    step(RESNET101, "1", "129", "1"),
    step("[1,1,1,1]", "0.5", "144", "2"),
    step(RESNET101, "1", "730", "1"),
    step(RESNET101, "1", "321", "2"),
    step(RESNET101, "1", "321", "4"),
    step(RESNET101, "1", "730", "2"),
    step(RESNET101, "1", "730", "4"),
    recorded("webgpu_step_test.js", 60),
  ];
}
