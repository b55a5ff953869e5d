/** How a term of the objective that misbehaves is named. */
import * as tf from "@tensorflow/tfjs-core";
import { pathToFileURL } from "node:url";
import { formatPath, LossError } from "../core/errors.ts";
import type { PlannedLoss } from "../core/plan.ts";
import type { LossOutput } from "../core/plugin.ts";

/** `loss "entropy" (./my_loss.ts, at losses[2])` */
export function describeLoss({ name, origin, at }: PlannedLoss): string {
  const where = [origin, at.length === 0 ? "" : `at ${formatPath(at)}`].filter((part) => part).join(", ");
  return `loss "${name}"${where === "" ? "" : ` (${where})`}`;
}

/** What an error says; other thrown values as text. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Deno names an option of its own, which nobody can give to a training.
  return error.name === "NotCapable"
    ? error.message.replace(
      /, run again with .*$/,
      "; what a loss may do stands in docs/reliability.md, Permissions",
    )
    : error.message;
}

/** "NaN" or "infinite". */
export function nonFinite(value: number): string {
  return Number.isNaN(value) ? "NaN" : "infinite";
}

/**
 * Runs what a user's plugin computes and checks what it returns.
 * @param who names the term or its player @param file where a throw's line is looked for @throws LossError
 */
export function checkedOutput(who: string, compute: () => LossOutput, file?: string): LossOutput {
  let output: unknown;
  try {
    output = compute();
  } catch (cause) {
    if (cause instanceof LossError) throw cause;
    throw new LossError(`${who} threw${lineOf(cause, file)}: ${messageOf(cause)}`, { cause });
  }
  const fault = outputFault(output);
  if (fault !== undefined) throw new LossError(`${who} returned ${fault}`);
  return output as LossOutput;
}

/** ` at line 12`: the innermost line of the file on the way to the throw. */
function lineOf(error: unknown, file: string | undefined): string {
  if (file === undefined || !(error instanceof Error)) return "";
  // Stacks name files by addresses in which spaces and letters stand as they are.
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
