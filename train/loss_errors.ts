/**
 * Errors of plugins. A loss or a stream may be a user's own file, so whatever it throws or returns is checked
 * here, and the error names the part of the recipe, its place there and, for a throw, the line of the file.
 *
 * pass.ts and compute_pass.ts call plugins through it; other files take the names of parts from here.
 */
import * as tf from "@tensorflow/tfjs-core";
import { pathToFileURL } from "node:url";
import { formatPath, LossError } from "../core/errors.ts";
import type { PlannedPart } from "../core/plan.ts";
import type { Images, LossOutput } from "../core/plugin.ts";
import { messageOf } from "../core/words.ts";

/** How errors call a part of the recipe: `loss "entropy" (./my_loss.ts, at losses[2])`. */
export function describePlanned(kind: "loss" | "stream" | "network" | "job", planned: PlannedPart): string {
  const { name, origin, at } = planned;
  const where = [origin, at.length === 0 ? "" : `at ${formatPath(at)}`].filter((part) => part).join(", ");
  return `${kind} "${name}"${where === "" ? "" : ` (${where})`}`;
}

/** "NaN" or "infinite", for a value that is not finite. */
export function nonFinite(value: number): string {
  return Number.isNaN(value) ? "NaN" : "infinite";
}

/**
 * Runs `compute` of a term or an owner and checks what it returns: a float32 scalar tensor `loss`, scalars in
 * `logs`, tensors in `handoff`.
 * @param who how errors call the term or owner
 * @param file the plugin's file, so that an error gives the line that threw; absent for plca's own
 * @throws LossError that `compute` threw, or that names what it threw or what is wrong with its output
 */
export function checkedOutput(who: string, compute: () => LossOutput, file?: string): LossOutput {
  return checked(who, compute, { file, fault: outputFault });
}

/**
 * Runs `make` of a stream and checks the images that it returns: dtypes, ranks, channels, and one size for
 * all. `soft` must have `numClasses` channels. @throws LossError as {@linkcode checkedOutput}
 */
export function checkedImages(
  who: string,
  make: () => Images,
  { file, numClasses }: { readonly file?: string | undefined; readonly numClasses: number },
): Images {
  return checked(who, make, { file, fault: (output) => imagesFault(output, numClasses) });
}

interface Check {
  readonly file: string | undefined;
  readonly fault: (output: unknown) => string | undefined;
}

function checked<T>(who: string, compute: () => T, { file, fault }: Check): T {
  let output: T;
  try {
    output = compute();
  } catch (cause) {
    if (cause instanceof LossError) throw cause;
    throw new LossError(`${who} threw${lineOf(cause, file)}: ${messageOf(cause)}`, { cause });
  }
  const why = fault(output);
  if (why !== undefined) throw new LossError(`${who} returned ${why}`);
  return output;
}

/** ` at line 12`: the innermost line of the file in the error's stack; "" where the stack has none. */
function lineOf(error: unknown, file: string | undefined): string {
  if (file === undefined || !(error instanceof Error)) return "";
  // Stacks have file addresses that are not percent-encoded.
  const place = `${decodeURI(pathToFileURL(file).href)}:`;
  const frame = error.stack?.split("\n").find((line) => line.includes(place));
  const line = frame && /^\d+/.exec(frame.slice(frame.indexOf(place) + place.length))?.[0];
  return line ? ` at line ${line}` : "";
}

function outputFault(output: unknown): string | undefined {
  const expected = "expected {loss: a float32 scalar tensor}";
  if (output instanceof Promise) return "a Promise; compute must be synchronous";
  if (output instanceof tf.Tensor) return `a bare tensor; ${expected}`;
  if (typeof output !== "object" || output === null) return `${output}; ${expected}`;
  const { loss, logs, handoff } = output as Partial<LossOutput>;
  const lossFault = scalarFault(loss);
  if (lossFault !== undefined) return `${lossFault}; ${expected}`;
  for (const [name, value] of Object.entries(logs ?? {})) {
    const fault = scalarFault(value);
    if (fault !== undefined) return `${fault} as logs.${name}; expected a float32 scalar tensor`;
  }
  for (const [name, value] of Object.entries(handoff ?? {})) {
    const fault = tensorFault(value);
    if (fault !== undefined) return `${fault} as handoff.${name}; expected a tensor`;
  }
  return undefined;
}

/** Rank and dtype of the tensors that a stream may return. */
const IMAGES: Readonly<Record<string, readonly [number, string]>> = {
  pixels: [4, "float32"],
  labels: [3, "int32"],
  soft: [4, "float32"],
  weights: [3, "float32"],
};

function imagesFault(output: unknown, numClasses: number): string | undefined {
  const expected = "expected {pixels: float32 [N, H, W, 3], labels: int32 [N, H, W]}";
  if (output instanceof Promise) return "a Promise; make must be synchronous";
  if (typeof output !== "object" || output === null || output instanceof tf.Tensor) {
    return `${output instanceof tf.Tensor ? "a bare tensor" : output}; ${expected}`;
  }
  const images = output as Readonly<Record<string, unknown>>;
  const sizes = new Set<string>();
  for (const [name, [rank, dtype]] of Object.entries(IMAGES)) {
    if (images[name] === undefined && name !== "pixels") continue;
    const fault = tensorFault(images[name]);
    if (fault !== undefined) return `${fault} as ${name}; ${expected}`;
    const tensor = images[name] as tf.Tensor;
    if (tensor.rank !== rank || tensor.dtype !== dtype) {
      return `${tensor.dtype} [${tensor.shape.join(", ")}] as ${name}, expected ${dtype} of rank ${rank}`;
    }
    const channels = name === "soft" ? numClasses : 3;
    if (rank === 4 && tensor.shape[3] !== channels) {
      const each = name === "soft" ? ", one for each class" : "";
      return `float32 [${tensor.shape.join(", ")}] as ${name}, expected ${channels} channels${each}`;
    }
    sizes.add(tensor.shape.slice(0, 3).join("x"));
  }
  if (sizes.size > 1) return `tensors of different sizes (${[...sizes].join(", ")}); expected one N x H x W`;
  const hide = images["hide"] ?? 0;
  if (typeof hide !== "number" || !(hide >= 0 && hide < 1)) {
    return `${hide} as hide; expected a share of the patches in [0, 1)`;
  }
  for (const [name, value] of Object.entries((images["values"] ?? {}) as object)) {
    const fault = tensorFault(value);
    if (fault !== undefined) return `${fault} as values.${name}; expected a tensor`;
  }
  return undefined;
}

function scalarFault(value: unknown): string | undefined {
  const fault = tensorFault(value);
  if (fault !== undefined) return fault;
  const { shape, dtype } = value as tf.Tensor;
  if (shape.length !== 0) return `a tensor of shape [${shape.join(", ")}]`;
  return dtype === "float32" ? undefined : `a tensor of dtype ${dtype}`;
}

function tensorFault(value: unknown): string | undefined {
  if (!(value instanceof tf.Tensor)) {
    return `no tensor (${value === null || value === undefined ? value : `a ${typeof value}`})`;
  }
  return value.isDisposed ? "a tensor that is already disposed" : undefined;
}
