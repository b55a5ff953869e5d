/**
 * `plca weights`: files of weights in and out. `inspect` shows what a file holds; `import` brings a foreign
 * file to the names, forms and classes of a recipe, once, so that training need not guess again; `export`
 * writes a network for PyTorch. Nothing in a file is executed.
 */
import { basename, join, resolve } from "node:path";
import { selectBackend } from "../backends/select.ts";
import { builtins } from "../builtins.ts";
import { UserError } from "../core/errors.ts";
import { encodeSafetensors } from "../weights/safetensors.ts";
import type { StoredTensor } from "../weights/stored_tensor.ts";
import { diskFiles } from "../datasets/files.ts";
import { describeWeights, type KnownNames, weightsDescription } from "../weights/describe.ts";
import { inClassOrder, torchStateDict } from "../weights/export.ts";
import { describeImport } from "../weights/mapping.ts";
import { takenFile } from "../weights/take.ts";
import { readWeights } from "../weights/read.ts";
import type { WeightsFile } from "../weights/weights_file.ts";
import { encodeTorch } from "../weights/write_torch.ts";
import { LAST_CHECKPOINT } from "../run_folder/layout.ts";
import { writeWhole } from "../run_folder/write.ts";
import { CHECKPOINT_FORMAT } from "../train/checkpoint.ts";
import { convertWeights, weightsPath } from "../train/weights.ts";
import { recipeIn } from "./choose_weights.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { neighbour } from "./neighbour.ts";
import { planUnrun } from "./recipes.ts";
import { noFile, noLastWeights, runAround, shown, stat } from "./run_folder.ts";

/** A parsed `plca weights`. */
type Weights = CommandOf<"weights">;
/** The arguments of one action. */
type ActionOf<Name extends Weights["action"]> = Extract<Weights, { readonly action: Name }>;

/** Runs `plca weights inspect`, `import` or `export`. @returns the exit status 0 @throws UserError */
export function weightsCommand(host: Host, args: Weights): Promise<number> {
  switch (args.action) {
    case "inspect":
      return inspect(host, args);
    case "import":
      return convert(host, args);
    case "export":
      return save(host, args);
  }
}

/** `plca weights inspect`: prints what a file holds. */
async function inspect(host: Host, { file, take, json }: ActionOf<"inspect">): Promise<number> {
  const whole = await readFile(host, file);
  const read = take === undefined ? whole : takenFile(whole, take, file);
  const description = weightsDescription(read, knownNames());
  const text = json
    ? JSON.stringify({ file, ...description }, null, 2)
    : describeWeights(basename(file), description);
  host.stdout.write(`${text}\n`);
  return 0;
}

/**
 * A file of weights, as the person calls it. @throws UserError, DataError when it is missing or no such file
 */
async function readFile(host: Host, file: string): Promise<WeightsFile> {
  const path = await weightsPath(resolve(host.cwd, file), diskFiles());
  const found = await stat(path);
  if (found?.isDirectory) {
    const last = join(file, LAST_CHECKPOINT);
    const hint = await stat(resolve(host.cwd, last)) ? `; a run's weights lie in ${last}` : "";
    throw new UserError(`${file}: it is a folder, expected a file of weights${hint}`);
  }
  const missing = noFile(found);
  if (missing !== undefined) throw new UserError(`${file}: ${missing}`);
  return readWeights(await diskFiles().read(path), file);
}

/** How files name the tensors of every built-in model with its default options. */
function knownNames(): KnownNames[] {
  const registry = builtins();
  return registry.all("model").flatMap((plugin) => {
    const { weightNames: names } = registry.plan("model", plugin.name);
    return names ? [{ model: plugin.name, names }] : [];
  });
}

/**
 * `plca weights import`: writes a file's tensors under the recipe's names, in its forms and order of classes.
 * The network is built once, with a backend that computes nothing here, to learn its names and shapes.
 */
async function convert(host: Host, args: ActionOf<"import">): Promise<number> {
  const out = await newFile(host, args.out, [".safetensors"]);
  const file = await readFile(host, args.file);
  const plan = await planUnrun(host, { path: args.recipe, overrides: ["data.root=.", ...args.set] });
  // Names and shapes are all that is asked of the network, so the backend that is always there will do.
  await selectBackend("wasm");
  const { classOrder, take, without } = args;
  const { tensors, report } = convertWeights({ path: args.file, file, classOrder, take, without }, plan);
  const metadata = {
    producer: "plca",
    format: String(CHECKPOINT_FORMAT),
    recipe: plan.name,
    source: basename(args.file),
  };
  await writeWhole(out, encodeSafetensors({ tensors, metadata }));
  host.stdout.write(`${args.file}: ${describeImport(report)}\n`);
  for (const warning of report.warnings) host.stdout.write(`warning: ${warning}\n`);
  if (report.notice !== undefined) host.stdout.write(`note: ${report.notice}\n`);
  host.stdout.write(
    `Written to ${shown(host, out)}; train from it with --set model.weights=${shown(host, out)}\n`,
  );
  return 0;
}

/** Endings of files that are written for torch.load; `.safetensors` is the other form. */
const TORCH_ENDINGS = [".pth", ".pt"];

/**
 * `plca weights export`: writes a checkpoint for PyTorch, on request with the classes in the order of a
 * published network.
 */
async function save(host: Host, args: ActionOf<"export">): Promise<number> {
  const out = await newFile(host, args.out, [...TORCH_ENDINGS, ".safetensors"]);
  const { checkpoint, folder } = await chosen(host, args);
  const path = shown(host, checkpoint);
  const file = readWeights(await diskFiles().read(checkpoint), path);
  if (file.metadata["producer"] !== "plca" || file.metadata["class_order"] !== undefined) {
    throw new UserError(
      `${path}: expected a checkpoint of plca; bring other files to a recipe with plca weights import first`,
    );
  }
  const read = [...file.tensors].map(([name, tensor]): [string, StoredTensor] => [name, tensor.read()]);
  let tensors: ReadonlyMap<string, StoredTensor> = torchStateDict(new Map(read));
  let wrapper: string | undefined;
  const { classOrder } = args;
  if (classOrder !== "ours") {
    const plan = await planUnrun(host, { path: await configOf(host, folder), overrides: [] });
    const { model: { plan: { weightNames: names } }, labelSpace: { classes } } = plan;
    tensors = inClassOrder(tensors, { path, names, classes, classOrder });
    wrapper = names?.schemes.find((scheme) => scheme.classOrder === classOrder)?.wrapper;
  }
  const metadata = { producer: "plca", format: String(CHECKPOINT_FORMAT), source: basename(checkpoint) };
  const ordered = classOrder === "ours" ? metadata : { ...metadata, class_order: classOrder };
  const asTorch = TORCH_ENDINGS.some((ending) => out.endsWith(ending));
  await writeWhole(
    out,
    asTorch ? encodeTorch(tensors, { wrapper }) : encodeSafetensors({ tensors, metadata: ordered }),
  );
  const form = asTorch && wrapper !== undefined ? `, under "${wrapper}"` : "";
  const order = classOrder === "ours" ? "" : `, classes in the ${classOrder} order`;
  host.stdout.write(`${path}: ${tensors.size} tensors written to ${shown(host, out)}${form}${order}\n`);
  return 0;
}

/**
 * The absolute path of a file that is not there yet. @throws UserError when its ending is another, or it
 * exists
 */
async function newFile(host: Host, out: string, endings: readonly string[]): Promise<string> {
  if (!endings.some((ending) => out.endsWith(ending))) {
    throw new UserError(`--out ${out}: expected a name that ends in ${endings.join(" or ")}`);
  }
  const path = resolve(host.cwd, out);
  if (await stat(path)) throw new UserError(`--out ${out}: the file exists; choose another name`);
  return path;
}

/** A checkpoint to export. */
interface Chosen {
  /** Absolute. */
  readonly checkpoint: string;
  /** Absolute; the run folder if the checkpoint lies in one. */
  readonly folder: string | undefined;
}

/**
 * The checkpoint that the person named: a run's last one, or a file. @throws UserError when it is not there
 */
async function chosen(host: Host, { run, checkpoint }: ActionOf<"export">): Promise<Chosen> {
  if (run === undefined && checkpoint === undefined) {
    throw new UserError("plca weights export needs --run FOLDER or --checkpoint FILE");
  }
  const folder = run === undefined ? undefined : resolve(host.cwd, run);
  if (folder !== undefined && !(await stat(folder))?.isDirectory) {
    throw new UserError(`--run ${run}: there is no such folder${await neighbour(folder, host.cwd)}`);
  }
  if (checkpoint === undefined) {
    const last = join(folder!, LAST_CHECKPOINT);
    if (await stat(last)) return { checkpoint: last, folder };
    throw await noLastWeights(host, folder!, run!);
  }
  const file = resolve(host.cwd, checkpoint);
  const missing = noFile(await stat(file));
  if (missing !== undefined) throw new UserError(`--checkpoint ${checkpoint}: ${missing}`);
  return { checkpoint: file, folder: folder ?? await runAround(file) };
}

/** The recipe of a checkpoint's run. @throws UserError when it lies in none */
async function configOf(host: Host, folder: string | undefined): Promise<string> {
  if (folder === undefined) {
    throw new UserError(
      "--class-order needs the recipe's classes: give --run FOLDER, or a checkpoint that lies in a run folder",
    );
  }
  return await recipeIn(host, folder);
}
