/** What a dataset's layout is, as data, and what is found of it on the disk. */
import type { DataError } from "../core/errors.ts";
import type { AbsenceHint, FileReader, TakenFiles } from "../core/plugin.ts";
import type { LabelDecoder } from "./decode.ts";
import type { ClassMap } from "./file_pairs.ts";
import type { Pair } from "./missing.ts";

/** A folder of files of one kind. */
export interface FilesAt {
  /** Below the dataset's folder. */
  readonly folder: string;
  /** How names end before the extension. */
  readonly suffix: string;
}

/**
 * Where a dataset's files lie, how they are named, and how its labels are read. `layout.ts` does the rest.
 */
export interface Layout {
  /** As its authors call it. */
  readonly title: string;
  readonly images: FilesAt;
  readonly labels: FilesAt;
  /** What stands before the id in a path of a list. */
  readonly beforeId: RegExp;
  /**
   * Label files of another kind that may lie in the same place: how they end, and which option reads them.
   * They must not be taken for the wanted ones.
   */
  readonly otherLabels?: { readonly suffix: string; readonly remedy: string };
  /** An id as examples in errors show it. */
  readonly example: string;
  readonly map: ClassMap;
  readonly decode: LabelDecoder;
  /** Classes that are always among the labels. */
  readonly absence?: AbsenceHint;
  /** Why no label can be read; absent: labels can. */
  readonly withheld?: string;
}

/** Where a dataset lies, and how errors say so. */
export interface Place {
  /** The dataset's folder. */
  readonly folder: string;
  /** data.root. */
  readonly root: string;
  /** As in `data.root is /data, root is gta5`. */
  readonly told: string;
}

/** What a layout's folders or list hold. */
export interface Found {
  readonly pairs: readonly Pair[];
  readonly taken: readonly TakenFiles[];
  /** Files that compete with others. */
  readonly competing?: readonly DataError[];
}

/** What is searched for. */
export interface Search {
  readonly files: FileReader;
  /** Whether every image must have labels. */
  readonly labelled: boolean;
}
