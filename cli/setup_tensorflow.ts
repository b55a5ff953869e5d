/** `deno task setup:tensorflow`: adds the optional backend, or takes it away again. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { hasCudaDriver } from "../backends/tensorflow/cuda.ts";
import { hasTensorflow, tensorflowFolder } from "../backends/tensorflow/place.ts";
import { install, uninstall } from "../backends/tensorflow/setup/install.ts";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";
import { type Host, runProcess } from "./host.ts";
import { LAUNCH } from "./versions.ts";

/** The words of `--help`. */
const HELP = `${LAUNCH} task setup:tensorflow [--libtensorflow DIR] [--cpu | --gpu] [--remove]

Puts TensorFlow in place for \`backend: tensorflow\`. Without options npm installs the package, whose
install script downloads TensorFlow and an addon. Repeating it installs it again.

  --libtensorflow DIR  compile the addon against libraries that are there already: where a Python wheel
                       of tensorflow or tensorflow-cpu is installed or unpacked, or TensorFlow for C.
                       They are used where they lie. Needs g++
  --cpu, --gpu         which package; without: the one for GPUs where a CUDA driver is installed
  --remove             take everything away again
`;

/**
 * Runs `deno task setup:tensorflow`. @returns the exit status: 0 done, 2 something that the person can mend;
 * a bug throws
 */
export async function setupTensorflow(host: Host): Promise<number> {
  const tell = (line: string) => host.stdout.write(`${line}\n`);
  try {
    const options = optionsOf(host);
    const folder = tensorflowFolder();
    if (options.help) {
      host.stdout.write(HELP);
      return 0;
    }
    if (options.remove) {
      tell(await uninstall(folder) ? `removed ${folder}` : "nothing to remove: TensorFlow is not installed");
      return 0;
    }
    if (hasTensorflow(folder)) {
      tell("TensorFlow is installed already: installing it again");
    }
    const { version, cuda } = await install({ folder, tell, ...options.wanted });
    tell(
      `TensorFlow ${version} lies in ${folder} and computes on ${cuda ? "a CUDA device" : "the processor"}`,
    );
    tell(`Next: ${LAUNCH} task plca train --set backend=tensorflow`);
    return 0;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    host.stderr.write(`${error.message}\n`);
    return 2;
  }
}

/**
 * What the person wants: help, removal, or which package from where. @throws UserError for options that
 * exclude each other
 */
function optionsOf(host: Host) {
  const { help, remove, cpu, gpu, libtensorflow } = parsed(host.args);
  const alone = [help, remove, cpu, gpu, libtensorflow !== undefined].filter((given) => given).length === 1;
  if (remove && !alone) throw new UserError("--remove goes with no other option");
  if (cpu && gpu) throw new UserError("--cpu and --gpu exclude each other");
  if (libtensorflow === "") throw new UserError("--libtensorflow: expected a folder");
  const kind: "cpu" | "gpu" = gpu || (!cpu && hasCudaDriver() === true) ? "gpu" : "cpu";
  const libraries = libtensorflow === undefined ? {} : { libraries: resolve(host.cwd, libtensorflow) };
  return { help, remove, wanted: { kind, ...libraries } };
}

/** The options as typed. @throws UserError for an option that is not known, with the help */
function parsed(args: readonly string[]) {
  const flag = { type: "boolean", default: false } as const;
  const options = {
    help: flag,
    remove: flag,
    cpu: flag,
    gpu: flag,
    libtensorflow: { type: "string" },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UserError(`${messageOf(error)}\n${HELP}`, { cause: error });
  }
}

if (import.meta.main) await runProcess(setupTensorflow);
