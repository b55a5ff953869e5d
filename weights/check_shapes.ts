/**
 * Whether the tensors of a file can become those of a network: the same shapes, and finite numbers. mapping.ts
 * asks before it takes them. A classifier of another number of classes is the usual mistake, so its error says
 * which part to leave out.
 */
import { firstNonFinite, type StoredTensor, toFloat32 } from "./stored_tensor.ts";
import { type Fitting, refusal, type WantedTensor } from "./fitting.ts";
import { isPartOf } from "./import_report.ts";

/** The elements as float32. @throws UserError for NaN, infinity, and what becomes infinite in float32 */
export function finiteFloat32(
  tensor: StoredTensor,
  { path, inFile }: { readonly path: string; readonly inFile: string },
): Float32Array {
  const data = toFloat32(tensor);
  const at = firstNonFinite(data);
  if (at < 0) return data;
  const found = tensor.dtype === "F64" && Number.isFinite(tensor.data[at])
    ? `${tensor.data[at]}, beyond float32's range`
    : String(data[at]);
  throw refusal(
    path,
    `${inFile}: number ${at + 1} of its ${data.length} is ${found}; expected finite numbers`,
  );
}

/** A tensor that is wanted, and its shape in the file. */
interface FoundShape extends WantedTensor {
  readonly found: readonly number[];
}

/**
 * @throws UserError for the first tensor whose shape differs; a classifier of another number of classes is
 *   told how to leave it out
 */
export function checkShapes(
  { path, wanted, whole = false }: Fitting,
  tensors: readonly FoundShape[],
  perClass: RegExp,
): void {
  const wrong = tensors.filter(({ shape, found }) => String(shape) !== String(found));
  const [first] = wrong;
  if (first === undefined) return;
  const { name, shape, found } = first;
  if (perClass.test(name) && String(shape.slice(1)) === String(found.slice(1))) {
    const part = classPart(wanted, perClass);
    const remedy = whole
      ? ""
      : `; to start from the rest, leave it out: --without ${part} with plca weights import, ` +
        `or weights: {file: ..., without: [${part}]} in a recipe`;
    throw refusal(path, `the classifier has ${found[0]} classes, the recipe ${shape[0]}${remedy}`);
  }
  const more = wrong.length > 1 ? `, and ${wrong.length - 1} more differ` : "";
  throw refusal(
    path,
    `${name}: the file has shape [${found.join(", ")}], the model [${shape.join(", ")}]${more}`,
  );
}

/**
 * The shortest part of the network that holds all tensors that run over the classes, and nothing else where
 * that can be had: what a person would leave out.
 */
function classPart(wanted: readonly WantedTensor[], perClass: RegExp): string {
  const [first, ...others] = wanted.filter(({ name }) => perClass.test(name)).map(({ name }) =>
    name.split(".")
  );
  const common = first!.findIndex((part, k) => others.some((other) => other[k] !== part));
  const longest = common < 0 ? first!.length : Math.max(1, common);
  for (let length = 1; length < longest; length++) {
    const part = first!.slice(0, length).join(".");
    if (wanted.every(({ name }) => perClass.test(name) || !isPartOf(name, part))) return part;
  }
  return first!.slice(0, longest).join(".");
}
