/** The vocabulary of datasets: where images and labels come from, and how they reach the disk. */
import type { ConfigPath, DataError } from "./errors.ts";
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
  /** Streams of the step whose images it takes ({@linkcode DatasetSetup.stream}); absent: none. */
  readonly streams?: readonly StreamUse[];
  /** What it may mean when some classes never occur; said by whoever looked at all labels. */
  readonly absence?: AbsenceHint;
  /** Reads lists and folders, no image. @throws DataError when the root, a list or a folder is missing or empty */
  open(setup: DatasetSetup): Promise<Dataset>;
}

/** A stream that a dataset takes images from. */
export interface StreamUse {
  /** Its name. */
  readonly stream: string;
  /** Where the recipe names it. */
  readonly at: ConfigPath;
}

/** Classes of which pictures of this kind always show some. */
export interface AbsenceHint {
  /** Train ids. */
  readonly classes: readonly number[];
  /** What is said when none of them has a pixel in any image. */
  readonly meaning: string;
}

/** Of which classes crops rather show a pixel. */
export interface CropPreference {
  /** Train ids. */
  readonly classes: readonly number[];
  /** How often a crop of an image that has such pixels is centred on one of them, in 0..1. */
  readonly chance: number;
}

/** What a dataset may use. */
export interface DatasetSetup {
  /** Absolute folder that holds the data; "" when the recipe has none. */
  readonly root: string;
  /** The run's seed; procedural datasets depend on it. */
  readonly seed: number;
  /** Names what it draws at random: another stream or phase draws something else. Absent: "". */
  readonly draws?: string;
  /** Opens what is behind a stream that the plan names; absent where there is no step. @throws DataError */
  stream?(name: string): Promise<Dataset>;
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
  /** Sorted names of the files in a folder and its subfolders, relative to it, with `/`. @throws DataError */
  list(folder: string): Promise<readonly string[]>;
  /** Where a path leads after its symbolic links; undefined when nothing is there. Absent: there are no links. */
  realPath?(path: string): Promise<string | undefined>;
}

/** Plain bytes out: adapters never import the tensor library. */
export interface Dataset {
  /** Number of images. */
  readonly length: number;
  /** The ids of its samples in their order, where they are known without reading an image. */
  readonly ids?: readonly string[];
  /** Why none of its images has labels; absent: they have, as far as is known without reading one. */
  readonly unlabelled?: string;
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
  /** Distributions over the classes, `SOFT_BYTES` a pixel; absent: the labels are all that is known. */
  readonly soft?: Uint8Array;
  /** A factor for the terms that read the `mark` of images; absent: 1. */
  readonly mark?: number;
  /** Absent: its crops are placed alike. */
  readonly prefer?: CropPreference;
}
