/**
 * How the Python library transformers stores a network that it has as well. A model's plan carries this as
 * data, and `plca export --hub` writes a folder that transformers can load.
 *
 * models/mit_transformers.ts is the one that has it. Names and layout must be those of transformers to the
 * letter, since transformers begins a tensor that it does not find anew, with a warning at most.
 */

/**
 * A tensor as files of PyTorch have it: a convolution's weights are [out, in, height, width], a matrix [out,
 * in].
 */
export interface HubTensor {
  /** Sides, the slowest first. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array;
}

/** The counterpart of a network in transformers. */
export interface TransformersLayout {
  /** `config.json` but for the classes: `model_type`, `architectures` and the network's numbers. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What reads images for it, as `preprocessor_config.json` calls it. */
  readonly imageProcessor: string;
  /**
   * The network's tensors under the names and in the form of transformers.
   * @param own by the network's own state-dict names
   * @throws Error for a tensor that the layout has no place for
   */
  tensors(own: ReadonlyMap<string, HubTensor>): Map<string, HubTensor>;
}
