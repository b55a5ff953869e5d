/**
 * The vocabulary of datasets: where images and labels come from, and how they reach the disk.
 *
 * Three stages. A {@linkcode DatasetPlan} knows classes and paths and has touched no file. `open` reads lists
 * and folders and gives a {@linkcode Dataset}, which knows how many images there are. `read` decodes one
 * image, to plain bytes: no tensors, so that any thread can do it.
 *
 * A dataset reaches the disk only through the {@linkcode FileReader} it is given, which is how tests use
 * memory and lists from strangers are kept inside a folder (datasets/contained.ts).
 */
import type { ConfigPath, DataError } from "./errors.ts";
import type { LabelSpace } from "./label_space.ts";

/** A dataset whose options are valid; no file was touched yet. */
export interface DatasetPlan {
  /** The classes its labels speak about. */
  readonly labelSpace: LabelSpace;
  /** Whether it reads files below `data.root`. */
  readonly needsRoot: boolean;
  /**
   * The files and folders that the options name, as written: absolute, or below `data.root`. A run may read
   * these, what lies below `data.root` and nothing else. Absent: none.
   */
  readonly paths?: readonly string[];
  /** Streams of the step whose images it takes ({@linkcode DatasetSetup.stream}); absent: none. */
  readonly streams?: readonly StreamUse[];
  /** What it may mean when some classes never occur; said once all labels were looked at. */
  readonly absence?: AbsenceHint;
  /**
   * How its image files are decoded; other images that a network of it labels are read alike. Absent: as
   * stored.
   */
  readonly picture?: PictureReading;
  /**
   * Reads lists and folders, no image. @throws DataError when the root, a list or a folder is missing or
   * empty
   */
  open(setup: DatasetSetup): Promise<Dataset>;
}

/** How image files are decoded where their files leave a choice: rotation tags, and 16-bit samples. */
export interface PictureReading {
  /** `apply` turns it as its EXIF tag says. Absent: as `ignore`, as stored. */
  readonly rotation?: "apply" | "ignore" | undefined;
  /**
   * Of images of 16 bits: the samples that become 0 and 255, those between in proportion, those beyond cut
   * off. Absent: the high 8 bits count.
   */
  readonly range?: readonly [low: number, high: number] | undefined;
}

/** A stream that a dataset takes images from. */
export interface StreamUse {
  /** Its name. */
  readonly stream: string;
  /** Where the recipe names it. */
  readonly at: ConfigPath;
}

/** Classes that pictures of this kind always show; if none of them occurs, something is misread. */
export interface AbsenceHint {
  /** Train ids. */
  readonly classes: readonly number[];
  /** What is said when none of them has a pixel in any image. */
  readonly meaning: string;
}

/** Classes that crops of an image should show. */
export interface CropPreference {
  /** Train ids. */
  readonly classes: readonly number[];
  /** The probability, in 0..1, that a crop of an image with such pixels is centred on one of them. */
  readonly chance: number;
}

/** What a dataset may use when it is opened. */
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
   * Called with the pairs of image and labels that lack a file; they are then left out; absent: they are
   * one DataError together.
   */
  readonly onMissing?: (missing: readonly DataError[]) => void;
}

/** The only way a dataset reaches the disk. */
export interface FileReader {
  /** A whole file. @throws DataError when missing or unreadable */
  read(path: string): Promise<Uint8Array>;
  /**
   * The first bytes of a file, all of a shorter one. Absent: whole files are read. @throws DataError as
   * `read`
   */
  head?(path: string, bytes: number): Promise<Uint8Array>;
  /**
   * Sorted names of the files in a folder and its subfolders, relative to it, with `/`. Links are followed,
   * each folder is looked into once, and a link that leads nowhere is a name like any other: reading it says
   * so.
   * @param onUnlisted hears of what is there and could not be looked into
   * @throws DataError
   */
  list(folder: string, onUnlisted?: (entry: UnlistedEntry) => void): Promise<readonly string[]>;
  /**
   * Names of what lies directly in a folder: files, folders and links, hidden ones too; empty when it cannot
   * be read. Absent: known from `list`.
   */
  entries?(folder: string): Promise<readonly string[]>;
  /**
   * Where a path leads after its symbolic links; undefined when nothing is there. Absent: there are no links.
   */
  realPath?(path: string): Promise<string | undefined>;
  /** Sizes of files in bytes, without reading them; undefined where one is not there. Absent: unknown. */
  sizes?(paths: readonly string[]): Promise<readonly (number | undefined)[]>;
}

/** Something in a folder whose content is unknown or known already. */
export interface UnlistedEntry {
  /** Relative to the folder that is listed. */
  readonly name: string;
  /** As in "a link that leads nowhere". */
  readonly why: string;
}

/**
 * The account of a folder or list that a dataset was given: how much is used and why the rest is not, so that
 * a misspelt suffix does not silently halve a dataset.
 */
export interface TakenFiles {
  /** The folder or list, as the recipe writes it. */
  readonly place: string;
  /** What was looked for there. */
  readonly as: "images" | "label files" | "lines";
  /** Files or lines that are there; hidden ones do not count. */
  readonly of: number;
  /** Of these, how many are used. */
  readonly taken: number;
  /** The others, by reason. Files that are missing or compete for a name are errors and not among them. */
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
  /**
   * The files of its images and labels in their order, where that is known without reading one; absent: it
   * has none.
   */
  readonly files?: readonly string[];
  /** Why none of its images has labels; absent: they have, as far as is known without reading one. */
  readonly unlabelled?: string;
  /** Folders and lists that are used only in part; absent: nothing was passed over. */
  readonly taken?: readonly TakenFiles[];
  /**
   * What its files say of themselves by which labels may lie on the wrong pixels or mean the wrong classes,
   * while the options do not decide: sentences that say how many, which, and what to do. Reads the beginnings
   * of files, not of all where there are many. Absent: there is nothing to decide.
   */
  survey?(): Promise<readonly string[]>;
  /** One image, decoded. @throws DataError */
  read(index: number, want: SampleWant): Promise<Sample>;
}

/** What is wanted of an image beside its pixels. */
export interface SampleWant {
  /** When false, no label file is opened. */
  readonly labels: boolean;
  /** Whether {@linkcode Sample.facts} are; absent: no. */
  readonly facts?: boolean;
}

/** What the files of an image say of themselves, as far as the options do not decide on it. */
export interface SampleFacts {
  /** How they are named in findings. */
  readonly name: string;
  /** EXIF orientation, 2 to 8, that is not followed; absent: as stored. */
  readonly turned?: number;
  /** Of an image of 16 bits: the samples between which all but a thousandth at either end lie. */
  readonly deep?: readonly [low: number, high: number];
  /** Of palette labels: each index that occurs with its colour as 0xrrggbb. */
  readonly palette?: readonly (readonly [index: number, colour: number])[];
}

/** One image with its labels, decoded. All rasters have `width` x `height` pixels, row-major. */
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
  /** Absent when not wanted or when there are no files */
  readonly facts?: SampleFacts;
  /** Distributions over the classes, `SOFT_BYTES` a pixel; absent: the labels are all that is known. */
  readonly soft?: Uint8Array;
  /** A factor for the terms that read the `mark` of images; absent: 1. */
  readonly mark?: number;
  /** Absent: its crops are placed alike. */
  readonly prefer?: CropPreference;
}
