/** What the label files of `plca predict` hold. */
import { UserError } from "../core/errors.ts";
import type { LabelSpace, Rgb } from "../core/label_space.ts";
import { classColours } from "../report/colours.ts";

/** The ids in label files and the colours of the classes, both by train id. */
export interface LabelClasses {
  readonly space: LabelSpace;
  readonly kind: "train" | "dataset";
  readonly ids: readonly number[];
  readonly colours: readonly Rgb[];
}

/**
 * The ids to write. @param kind `train` counts from 0; `dataset` takes those of the dataset's authors @throws
 * UserError when the label space names no such ids, or 8 bits cannot hold one
 */
export function labelClasses(space: LabelSpace, kind: "train" | "dataset"): LabelClasses {
  const colours = classColours(space);
  if (kind === "train") return { space, kind, ids: space.classes.map((_, id) => id), colours };
  const ids = space.storedIds;
  if (ids === undefined) {
    throw new UserError(
      `--ids dataset: the label space ${space.name} does not say which id its label files use for each class; ` +
        "use --ids train",
    );
  }
  const large = ids.find((id) => id > 255);
  if (large !== undefined) {
    throw new UserError(
      `--ids dataset: id ${large} of ${space.name} does not fit into the 8 bits of a label PNG; use --ids train`,
    );
  }
  return { space, kind, ids, colours };
}

/** The text of `classes.json`: JSON with one class a line. */
export function legendText({ space, kind, ids, colours }: LabelClasses): string {
  const rows = space.classes.map((name, train) =>
    JSON.stringify({ id: ids[train], train_id: train, name, colour: colours[train] })
  );
  const head = `"ids": ${JSON.stringify(kind)},\n  "label_space": ${JSON.stringify(space.name)}`;
  return `{\n  ${head},\n  "classes": [\n    ${rows.join(",\n    ")}\n  ]\n}\n`;
}

/** Colours by the ids in label files; black where no class has the id. */
export function paletteOf({ ids, colours }: LabelClasses): Rgb[] {
  const palette = Array.from({ length: Math.max(...ids) + 1 }, (): Rgb => [0, 0, 0]);
  ids.forEach((id, train) => palette[id] = colours[train]!);
  return palette;
}
