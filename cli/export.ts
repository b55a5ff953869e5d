/**
 * `plca export`: a trained network as a file for others.
 *
 * The file is compared with the network before it is written: both label some images of the run, and a
 * difference beyond rounding is an error, so a file that exists agrees with its network. What an ONNX file
 * cannot do (sliding windows, several scales) is left out, and said.
 *
 * `--out` writes one file, `--page` a folder for browsers, `--hub` a folder for a hub of models; all three go
 * through {@linkcode exportChecked}.
 */
import { dirname, resolve } from "node:path";
import { selectBackend } from "../backends/select.ts";
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import { countOf } from "../core/words.ts";
import { diskFiles } from "../datasets/files.ts";
import { exportOnnx, type OnnxFile } from "../export/checked.ts";
import { writeWhole } from "../run_folder/write.ts";
import { chooseWeights } from "./choose_weights.ts";
import { writeHub } from "./export_hub.ts";
import { inferenceOf, refuseUnused, sizeOf } from "./export_options.ts";
import { writePage } from "./export_page.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { requireWritable } from "./output_file.ts";
import { inNarrowThread, planFor } from "./own_files.ts";
import { shown, stat } from "./run_folder.ts";
import { VERSIONS } from "./versions.ts";

type Arguments = CommandOf<"export">;

/** Runs `plca export`. @returns the exit status 0 @throws UserError before anything is written */
export async function exportCommand(host: Host, args: Arguments): Promise<number> {
  if (args.out === undefined && args.page === undefined && args.hub === undefined) {
    throw new UserError("plca export needs --out FILE.onnx, --page FOLDER or --hub FOLDER");
  }
  if (args.out !== undefined) {
    const out = resolve(host.cwd, args.out);
    if (!out.endsWith(".onnx")) throw new UserError(`--out ${args.out}: expected a name that ends in .onnx`);
    await requireWritable(host, { out, force: args.force, example: "street.onnx" });
  }
  refuseUnused(args);
  if (args.page !== undefined) await requireEmpty(host, args.page, "--page");
  if (args.hub !== undefined) await requireEmpty(host, args.hub, "--hub");
  const size = sizeOf(args.size);
  const weights = await chooseWeights(host, { ...args, recipe: undefined });
  const choice = { path: weights.recipe, overrides: args.set };
  const narrow = await inNarrowThread(host, {
    import: args.import,
    weights,
    choice,
    read: [resolve(host.cwd, args.runs)],
    write: writtenBy(host, args),
    // The file is run.
    pointers: true,
  });
  if (narrow !== undefined) return narrow;
  const { recipe, checkpoint } = weights;
  const plan = await planFor(host, args, choice);
  const { name: backend } = await selectBackend(plan.backend, plan);
  const work: Work = { host, args, plan, recipe, size, backend };
  if (args.out !== undefined) {
    const made = await exportChecked(work, checkpoint, args);
    const out = resolve(host.cwd, args.out);
    await writeWhole(out, made.lowered.model);
    tell(work, made, out);
  }
  if (args.page !== undefined) await writePage(work, checkpoint, resolve(host.cwd, args.page));
  if (args.hub !== undefined) await writeHub(work, checkpoint, resolve(host.cwd, args.hub));
  return 0;
}

/** What one call works on. */
export interface Work {
  readonly host: Host;
  readonly args: Arguments;
  readonly plan: RunPlan;
  /** Its path. */
  readonly recipe: string;
  readonly size: readonly [number, number] | undefined;
  /** What plca computes on. */
  readonly backend: string;
}

/** What the file takes and gives. */
export interface Forms extends Pick<Arguments, "inputs" | "outputs" | "half"> {
  /** What the file calls its input; absent: `images`. */
  readonly inputName?: string;
}

/** A file that agrees with its network, not yet written. */
export interface CheckedModel extends OnnxFile {
  /** Absolute. */
  readonly checkpoint: string;
  /** What is left out. */
  readonly notes: readonly string[];
  /** Whether its numbers have 16 bits. */
  readonly half: boolean;
}

/**
 * Makes the file of a checkpoint and compares it with the network.
 * @param checkpoint absolute
 * @throws UserError where the file cannot be made, or differs from the network
 */
export async function exportChecked(
  { host, args, plan, recipe, size }: Work,
  checkpoint: string,
  { inputs, outputs, half, inputName }: Forms,
): Promise<CheckedModel> {
  const { inference, notes } = inferenceOf(plan, { ...args, outputs });
  const made = await exportOnnx(plan, {
    ...{ checkpoint, files: diskFiles(), inputs, outputs, half, size, inference, inputName, recipe },
    images: args.images,
    called: shown(host, checkpoint),
  });
  return { ...made, checkpoint, notes, half };
}

/** Absolute. A file is written beside the place where it belongs and then moved there. */
function writtenBy(host: Host, { out, page, hub }: Arguments): string[] {
  const files = out === undefined ? [] : [dirname(resolve(host.cwd, out))];
  return [
    ...files,
    ...[page, hub].flatMap((folder) => folder === undefined ? [] : [resolve(host.cwd, folder)]),
  ];
}

/** Checks that a folder can be filled. @throws UserError for a file, and for a folder with anything in it */
async function requireEmpty(host: Host, folder: string, option: string): Promise<void> {
  const path = resolve(host.cwd, folder), info = await stat(path);
  if (info === undefined) return;
  if (!info.isDirectory) throw new UserError(`${option} ${folder}: it is a file, expected a folder`);
  for await (const { name } of Deno.readDir(path)) {
    throw new UserError(`${option} ${folder}: the folder is not empty (it has ${name}); choose a new one`);
  }
}

/** Prints what was measured of one file. @param out where it lies, absolute */
export function tell({ host, args, backend }: Work, made: CheckedModel, out: string): void {
  const { checkpoint, lowered, found, notes, half, from } = made;
  const { model, input, output, nodes } = lowered;
  const { difference, pixels, equal, time } = found;
  if (args.json) {
    const record = {
      file: out,
      checkpoint,
      bytes: model.length,
      operators: nodes,
      input,
      output,
      ...found,
      notes,
    };
    host.stdout.write(`${JSON.stringify(record)}\n`);
    return;
  }
  const port = ({ name, type, dims }: typeof input) => `${name}: ${type} [${dims.join(", ")}]`;
  const milliseconds = (number: number) => `${number.toPrecision(3)} ms`;
  const differs = output.name === "labels" ? "" : `largest difference ${difference.toPrecision(2)}, `;
  const lines = [
    `${shown(host, checkpoint)} written to ${shown(host, out)}: ${(model.length / 1e6).toPrecision(3)} MB, ` +
    `${countOf(nodes, "operator")}, opset 17${half ? ", 16 bits" : ""}`,
    `  in   ${port(input)}`,
    `  out  ${port(output)}`,
    `Compared with the network on ${from}: ${differs}${
      (100 * equal / pixels).toFixed(3)
    } % of ${pixels} labels equal`,
    `One image: ${milliseconds(time.file)} in ONNX Runtime ${VERSIONS.onnxruntime}, ${
      milliseconds(time.own)
    } in plca ` +
    `on ${backend} (ratio ${(time.file / time.own).toFixed(2)})`,
    ...notes.map((note) => `note: ${note}`),
  ];
  host.stdout.write(`${lines.join("\n")}\n`);
}
