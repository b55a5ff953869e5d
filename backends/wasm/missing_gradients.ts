/**
 * Kernels that tfjs's WASM backend lacks although gradients of its public operators need them: `tf.conv2d`,
 * `tf.depthwiseConv2d` and `tf.gather` of a loss or model of the user's own. plca's own operators do not come
 * here. Each pads or splits its input until it is a case of ops/portable.ts, whose filters may have any sides
 * (those of this backend's own kernels are square).
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Shape4D, Window } from "../../ops/kernel_types.ts";
import { addAll } from "../../ops/add_all.ts";
import { portable } from "../../ops/portable.ts";

type Info = tf.backend_util.Conv2DInfo;

let registered = false;

/** Registers them. Repeating it changes nothing. */
export function registerMissingGradients(): void {
  if (registered) return;
  registered = true;
  register("Conv2DBackpropFilter", ({ inputs, attrs }) => {
    const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
    const { filterShape, strides, pad, dimRoundingMode } = attrs as unknown as tf.Conv2DBackpropFilterAttrs;
    const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
    return portable.conv2dFilterGradient(dy, padded(x, info), filterShape, windowOf(info));
  });
  register("DepthwiseConv2dNativeBackpropFilter", ({ inputs, attrs }) => {
    const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
    const { filterShape, ...rest } = attrs as unknown as tf.DepthwiseConv2dNativeBackpropFilterAttrs;
    const info = depthwiseInfo(x.shape, filterShape, rest);
    const [height, width, channels] = filterShape, image = padded(x, info), window = windowOf(info);
    const filters = multiples(dy, channels).map((slope) =>
      portable.depthwiseFilterGradient(slope, image, [height, width, channels, 1], window)
    );
    return tf.concat(filters, 3);
  });
  register("DepthwiseConv2dNativeBackpropInput", ({ inputs, attrs }) => {
    const { dy, filter } = inputs as { dy: tf.Tensor4D; filter: tf.Tensor4D };
    const { inputShape, ...rest } = attrs as unknown as tf.DepthwiseConv2dNativeBackpropInputAttrs;
    const info = depthwiseInfo(inputShape, filter.shape, rest);
    const [n, height, width, channels] = inputShape, { top, bottom, left, right } = info.padInfo;
    const shape: Shape4D = [n, height + top + bottom, width + left + right, channels];
    const filters = tf.split(filter, filter.shape[3], 3) as tf.Tensor4D[];
    const images = multiples(dy, channels).map((slope, k) =>
      portable.depthwiseInputGradient(slope, filters[k]!, shape, windowOf(info))
    );
    return tf.slice(addAll(images), [0, top, left, 0], inputShape);
  });
  register("UnsortedSegmentSum", ({ inputs, attrs }) => {
    const { x, segmentIds } = inputs as { x: tf.Tensor; segmentIds: tf.Tensor1D };
    const { numSegments } = attrs as unknown as tf.UnsortedSegmentSumAttrs;
    return segmentSums(x, segmentIds.dataSync(), numSegments);
  });
}

function register(
  kernelName: string,
  compute: (call: { inputs: tf.NamedTensorInfoMap; attrs: tf.NamedAttrMap }) => tf.Tensor,
): void {
  tf.registerKernel({
    kernelName,
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs }) => tf.tidy(() => compute({ inputs, attrs: attrs! })),
  });
}

type DepthwiseAttrs = Pick<
  tf.DepthwiseConv2dNativeBackpropFilterAttrs,
  "strides" | "dilations" | "pad" | "dimRoundingMode"
>;

function depthwiseInfo(
  inputShape: Shape4D,
  filterShape: Shape4D,
  { strides, dilations, pad, dimRoundingMode }: DepthwiseAttrs,
): Info {
  return tf.backend_util.computeConv2DInfo(
    inputShape,
    filterShape,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    true,
  );
}

/** The padding of tfjs may differ from side to side, so it is done before. */
function padded(x: tf.Tensor4D, { padInfo: { top, bottom, left, right } }: Info): tf.Tensor4D {
  return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]]);
}

/** @throws Error for strides or dilations that differ from side to side */
function windowOf(info: Info): Window {
  const { strideHeight: stride, strideWidth, dilationHeight: dilation, dilationWidth } = info;
  if (stride !== strideWidth || dilation !== dilationWidth) {
    throw new Error(
      `gradients of convolutions need equal strides and equal dilations of both sides here, found strides ` +
        `${stride}x${strideWidth} and dilations ${dilation}x${dilationWidth}`,
    );
  }
  return { stride, padding: 0, dilation };
}

/**
 * tfjs keeps the outputs of one input channel side by side: its first outputs, its second ones, and so on.
 */
function multiples(dy: tf.Tensor4D, channels: number): tf.Tensor4D[] {
  const [n, h, w, outputs] = dy.shape, each = outputs / channels;
  const apart = tf.reshape(dy, [n, h, w, channels, each]);
  return tf.split(apart, each, 4).map((part) => tf.reshape(part, [n, h, w, channels]));
}

/** Sums the rows of x, [rows, ...], whose id is the same; rows with negative ids count nowhere. */
function segmentSums(x: tf.Tensor, ids: ArrayLike<number>, segments: number): tf.Tensor {
  const values = x.dataSync(), width = x.size / Math.max(1, ids.length);
  const sums = new Float32Array(segments * width);
  for (let row = 0; row < ids.length; row++) {
    const id = ids[row]!;
    if (id < 0) continue;
    for (let k = 0; k < width; k++) sums[id * width + k]! += values[row * width + k]!;
  }
  return tf.tensor(sums, [segments, ...x.shape.slice(1)], x.dtype as "float32");
}
