/**
 * How files of weights name the tensors of a network: data that a model's plan carries.
 *
 * The same network is published by many people, and each calls its tensors otherwise:
 * `layer1.0.conv1.weight`, `backbone.layer1.0.conv1.weight`, `module.model.layer1...`. A model's plan
 * describes these ways as data, and `weights/mapping.ts` tries them. Three things can differ:
 *
 * - names ({@linkcode NameScheme}: rules from a file's name to the network's own);
 * - form ({@linkcode TensorForm}: one fused matrix that the network keeps as three, a 1x1 convolution kept
 *   as a matrix);
 * - the order of the classes ({@linkcode ClassOrder}), when the classifier was trained on another list.
 */

/** A file of weights that a network starts from, and which part of it is taken. */
export interface WeightsSource {
  /** Absolute. */
  readonly file: string;
  /**
   * Which of several networks in the file, by its prefix or key, as in `ema_model.`; absent: the only one
   * that fits.
   */
  readonly take?: string;
  /** Parts of the network that keep their fresh initialisation, as in `classifier`; absent: none. */
  readonly without?: readonly string[];
}

/** The names that files use for the tensors of one network. */
export interface WeightNames {
  /**
   * The ways of naming that are known. The one that explains most of a file's names is taken, the first of
   * equals.
   */
  readonly schemes: readonly NameScheme[];
  /** The network's own names of tensors whose first axis, as files store them, runs over the classes. */
  readonly perClass: RegExp;
  /** Orders of classes other than the label space's, by the name that schemes and `--class-order` use. */
  readonly classOrders: Readonly<Record<string, ClassOrder>>;
  /**
   * Tensors that files keep in another form than the network; applied before names are looked up. Absent:
   * none.
   */
  readonly forms?: readonly TensorForm[];
  /**
   * Where several networks in a file fit, the one under this prefix or key is taken, as in `model`; absent:
   * the person must choose.
   */
  readonly usual?: string;
  /** A notice for files that plca has not written, such as the licence of published ones; absent: none. */
  readonly notice?: string;
  /** What to tell the person when a file has a tensor, other than zero, that the network lacks. */
  readonly lacking: readonly { readonly pattern: RegExp; readonly message: string }[];
}

/** One way of naming: how one family of files calls the tensors. */
export interface NameScheme {
  /** As reports call it: "torchvision". */
  readonly name: string;
  /** Only files whose tensors lie in a dictionary under this key. */
  readonly wrapper?: string;
  /**
   * The order of the classifier's classes, one of {@linkcode WeightNames}' `classOrders`; absent: the label
   * space's.
   */
  readonly classOrder?: string;
  /**
   * The first rule whose pattern matches a name decides; a name without a rule belongs to another network.
   */
  readonly rules: readonly NameRule[];
}

/** From names in files to the network's own. */
export interface NameRule {
  /** Matches a name in the file, after a leading `module.`. */
  readonly pattern: RegExp;
  /**
   * The network's own name, with `$1` and so on as in String.replace; null: the tensor is known and not
   * needed.
   */
  readonly to: string | null;
}

/**
 * A form that files have and the network has not. Patterns match a name from its beginning or after a dot;
 * `$1` and so on stand for what they matched, as in String.replace.
 */
export type TensorForm =
  /** One tensor is several: rows of its first axis, `share` parts of all. */
  | {
    readonly kind: "split";
    readonly pattern: RegExp;
    readonly into: readonly { readonly to: string; readonly share: number }[];
  }
  /**
   * Several are one, put together along their first axis in the order in which the group `part` names them.
   */
  | {
    readonly kind: "join";
    readonly pattern: RegExp;
    readonly parts: readonly string[];
    readonly to: string;
  }
  /** A 1x1 convolution is a matrix. */
  | { readonly kind: "matrix"; readonly pattern: RegExp };

/** Class names; a file with fewer classes has the first of them. */
export type ClassOrder = readonly string[];
