/** The vocabulary of datasets: where images and labels come from, and how they reach the disk. */
import type { DataError } from "./errors.ts";
import type { LabelSpace } from "./label_space.ts";

/** A dataset whose options are valid; no file was touched yet. */
export interface DatasetPlan {
  /** The classes its labels speak about. */
  readonly labelSpace: LabelSpace;
  /** Whether it reads files below `data.root`. */
  readonly needsRoot: boolean;
  /**
   * The files and folders that the options name, as written: absolute, or below `data.root`. A run may read these, what
   * lies below `data.root` and nothing else. Absent: none.
   */
  readonly paths?: readonly string[];
  /** What it may mean when some classes never occur; said by whoever looked at all labels. */
  readonly absence?: AbsenceHint;
  /** Reads lists and folders, no image. @throws DataError when the root, a list or a folder is missing or empty */
  open(setup: DatasetSetup): Promise<Dataset>;
}

/** Classes of which pictures of this kind always show some. */
export interface AbsenceHint {
  /** Train ids. */
  readonly classes: readonly number[];
  /** What is said when none of them has a pixel in any image. */
  readonly meaning: string;
}

/** What a dataset may use. */
export interface DatasetSetup {
  /** Absolute folder that holds the data; "" when the recipe has none. */
  readonly root: string;
  /** The run's seed; procedural datasets depend on it. */
  readonly seed: number;
  /** How files are read. */
  readonly files: FileReader;
  /** Whether labels will be asked for; absent: yes. When false, no label file needs to be there. */
  readonly labels?: boolean;
  /**
   * Hears of the images and labels of which a file is missing, which are then left out; absent: they are one
   * DataError together.
   */
  readonly onMissing?: (missing: readonly DataError[]) => void;
}

/** The only way a dataset reaches the disk. */
export interface FileReader {
  /** A whole file. @throws DataError when missing or unreadable */
  read(path: string): Promise<Uint8Array>;
  /**
   * Sorted names of the files in a folder and its subfolders, relative to it, with `/`. Links are followed, each folder is
   * looked into once, and a link that leads nowhere is a name like any other: reading it says so.
   * @param onUnlisted hears of what is there and could not be looked into
   * @throws DataError
   */
  list(folder: string, onUnlisted?: (entry: UnlistedEntry) => void): Promise<readonly string[]>;
  /**
   * Names of what lies directly in a folder: files, folders and links, hidden ones too; empty when it cannot be read. Absent:
   * known from `list`.
   */
  entries?(folder: string): Promise<readonly string[]>;
  /** Where a path leads after its symbolic links; undefined when nothing is there. Absent: there are no links. */
  realPath?(path: string): Promise<string | undefined>;
}

/** Something in a folder whose content is unknown or known already. */
export interface UnlistedEntry {
  /** Relative to the folder that is listed. */
  readonly name: string;
  /** As in "a link that leads nowhere". */
  readonly why: string;
}

/** What became of the files of a folder or the lines of a list that a dataset was given. */
export interface TakenFiles {
  /** The folder or list, as the recipe writes it. */
  readonly place: string;
  /** What was looked for there. */
  readonly as: "images" | "label files" | "lines";
  /** Files or lines that are there; hidden ones do not count. */
  readonly of: number;
  /** Of these, how many are used. */
  readonly taken: number;
  /** The others, by reason; those of which a file is missing or competes are errors and not among them. */
  readonly passedOver: readonly PassedOver[];
  /** What may be meant otherwise than it was understood. */
  readonly doubt?: string;
}

/** Files that are not used, for one reason. */
export interface PassedOver {
  /** Follows the number, as in "no JPEG, PNG, TIFF or WebP". */
  readonly why: string;
  /** How many they are. */
  readonly count: number;
  /** The first of them. */
  readonly named: readonly string[];
  /** Whether the recipe or the dataset's layout says so, as by a suffix; absent: no. */
  readonly meant?: boolean;
}

/** Plain bytes out: adapters never import the tensor library. */
export interface Dataset {
  /** Number of images. */
  readonly length: number;
  /** The ids of its samples in their order, where they are known without reading an image. */
  readonly ids?: readonly string[];
  /** Why none of its images has labels; absent: they have, as far as is known without reading one. */
  readonly unlabelled?: string;
  /** Folders and lists of which not everything is used; absent: nothing was passed over. */
  readonly files?: readonly TakenFiles[];
  /** One image, decoded. @param want whether labels are wanted; when false, no label file is opened. @throws DataError */
  read(index: number, want: { readonly labels: boolean }): Promise<Sample>;
}

/** One image with its labels. */
export interface Sample {
  /** Unique in its dataset; used in errors and file names. */
  readonly id: string;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** RGB, row-major, 3 bytes a pixel */
  readonly image: Uint8Array;
  /** Train ids, 1 byte a pixel; absent when not wanted or not there */
  readonly labels?: Uint8Array;
}
