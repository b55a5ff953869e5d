/**
 * In which order a file counts classes, and its rows in the recipe's order. A classifier with its classes
 * permuted has the right shape and loads without complaint, and is wrong for every pixel: nothing but this
 * file notices.
 */
import type { NameScheme, WeightNames } from "../core/weights.ts";
import { type Fitting, refusal, type WantedTensor } from "./fitting.ts";

/** What the order of classes is looked for in. */
interface OrderTask {
  readonly names: WeightNames;
  readonly scheme: NameScheme;
  readonly used: readonly WantedTensor[];
}

/** An order of classes that differs from the recipe's. */
interface FoundOrder {
  readonly name: string;
  /** By train id, the class's place in the file. */
  readonly indices: readonly number[];
}

/**
 * The order in which a file counts classes. The person's word counts before the file's metadata, these before
 * the scheme's. Undefined: the recipe's own order, or no tensor runs over classes.
 */
export function classOrderOf(fitting: Fitting, { names, scheme, used }: OrderTask): FoundOrder | undefined {
  const { path, file, classes } = fitting;
  const name = fitting.classOrder ?? file.metadata["class_order"] ?? scheme.classOrder ?? "ours";
  if (name === "ours" || !used.some((one) => names.perClass.test(one.name))) return undefined;
  const order = Object.hasOwn(names.classOrders, name) ? names.classOrders[name] : undefined;
  if (order === undefined) {
    const known = ["ours", ...Object.keys(names.classOrders)].join(", ");
    throw refusal(path, `there is no class order "${name}" for this model; expected one of ${known}`);
  }
  const indices = classIndices(order, classes);
  if (typeof indices !== "string") return { name, indices };
  throw refusal(
    path,
    `its classes are in the ${name} order, whose first ${classes.length} are without "${indices}"; if they are in the recipe's own, convert it with plca weights import --class-order ours`,
  );
}

/**
 * For each class of the recipe, its place in an order that is cut to as many classes; or the name of the
 * first class that the order lacks.
 */
export function classIndices(
  order: readonly string[],
  classes: readonly string[],
): readonly number[] | string {
  const first = order.slice(0, classes.length);
  const indices = classes.map((name) => first.indexOf(name));
  return indices.includes(-1) ? classes[indices.indexOf(-1)]! : indices;
}

/**
 * The first axis in another order: block `indices[k]` becomes block k. @param data as many equal blocks as
 * there are indices
 */
export function reordered(data: Float32Array, indices: readonly number[]): Float32Array {
  const block = data.length / indices.length;
  const result = new Float32Array(data.length);
  indices.forEach((from, to) => result.set(data.subarray(from * block, (from + 1) * block), to * block));
  return result;
}
