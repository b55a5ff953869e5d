/** What a file of weights holds, for people and programs. Pure. */
import { printable } from "../core/printable.ts";
import { bytesOf, sizeOf } from "./stored_tensor.ts";
import type { WeightNames } from "../core/weights.ts";
import { megabytes } from "../core/words.ts";
import { explainedBy, likeliestScheme } from "./mapping.ts";
import type { WeightsFile } from "./read.ts";

/** A model and the names that files use for its tensors. */
export interface KnownNames {
  readonly model: string;
  readonly names: WeightNames;
}

/** What `plca weights inspect --json` prints. */
export interface WeightsDescription {
  readonly format: WeightsFile["format"];
  /** The key of the dictionary that holds the tensors; null: they lie at the top. */
  readonly wrapper: string | null;
  /** The way of naming that explains most names; null when no model knows any. */
  readonly naming: { readonly model: string; readonly scheme: string; readonly explained: number } | null;
  /** What lies beside the tensors; collections only by their size. */
  readonly others: Readonly<Record<string, string | number | boolean | null>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** In the file's order. */
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
  }[];
  readonly elements: number;
  /** Of the tensors, views of the same storage counted again. */
  readonly bytes: number;
}

/** Describes a file without reading a tensor's elements. */
export function weightsDescription(file: WeightsFile, known: readonly KnownNames[]): WeightsDescription {
  const all = [...file.tensors];
  const sizes = all.map(([, { shape }]) => sizeOf(shape));
  return {
    format: file.format,
    wrapper: file.wrapper ?? null,
    naming: namingOf(file, known),
    others: Object.fromEntries([...file.others].map(([key, value]) => [key, summary(value)])),
    metadata: file.metadata,
    tensors: all.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    elements: sizes.reduce((sum, size) => sum + size, 0),
    bytes: all.reduce((sum, [, { dtype }], k) => sum + sizes[k]! * bytesOf(dtype), 0),
  };
}

function namingOf(file: WeightsFile, known: readonly KnownNames[]): WeightsDescription["naming"] {
  let best: WeightsDescription["naming"] = null;
  for (const { model, names } of known) {
    const scheme = likeliestScheme(file, names);
    const explained = explainedBy(scheme, file);
    if (explained > (best?.explained ?? 0)) best = { model, scheme: scheme.name, explained };
  }
  return best;
}

function summary(value: unknown): string | number | boolean | null {
  if (
    value === null || typeof value === "number" || typeof value === "boolean" || typeof value === "string"
  ) {
    return value;
  }
  if (typeof value === "bigint") return String(value);
  if (value instanceof Map) return `dictionary of ${value.size}`;
  if (Array.isArray(value)) return `list of ${value.length}`;
  if (value instanceof Set) return `set of ${value.size}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object" && "shape" in value) return "tensor";
  return typeof value === "object" && "name" in value ? String(value.name) : "other";
}

/** The same as lines of text: a summary, an empty line, a tensor a line. */
export function describeWeights(file: string, description: WeightsDescription): string {
  const { format, wrapper, naming, others, metadata, tensors, elements, bytes } = description;
  const dtypes = [...new Set(tensors.map(({ dtype }) => dtype))]
    .map((dtype) => `${tensors.filter((one) => one.dtype === dtype).length} ${dtype}`);
  const rows: [string, string][] = [
    ["names", naming === null ? "of no model that plca has" : namingText(naming, tensors.length)],
    ...(wrapper === null ? [] : [["under", printable(wrapper)] as [string, string]]),
    ...pairs("beside", others),
    ...pairs("metadata", metadata),
    ["tensors", `${tensors.length} (${dtypes.join(", ")}), ${elements} elements, ${sizeText(bytes)}`],
  ];
  // A file may have more names than a call takes arguments.
  const width = tensors.reduce((most, { name }) => Math.max(most, printable(name).length), 0);
  return [
    `${file}: ${format}`,
    ...rows.map(([title, text]) => `  ${title.padEnd(8)}  ${text}`),
    "",
    ...tensors.map(({ name, dtype, shape }) =>
      `${printable(name).padEnd(width)}  ${dtype.padEnd(4)}  [${shape.join(", ")}]`
    ),
  ].join("\n");
}

function namingText(
  { model, scheme, explained }: NonNullable<WeightsDescription["naming"]>,
  all: number,
): string {
  return `${scheme}, for ${model}${explained < all ? ` (${explained} of ${all})` : ""}`;
}

function pairs(title: string, values: Readonly<Record<string, unknown>>): [string, string][] {
  const texts = Object.entries(values).map(([key, value]) => printable(`${key} ${value}`).slice(0, 60));
  return texts.length === 0 ? [] : [[title, texts.join(", ")]];
}

function sizeText(bytes: number): string {
  return bytes < 1e5 ? `${bytes} bytes` : megabytes(bytes);
}
