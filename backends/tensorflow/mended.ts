/**
 * Kernels of the tfjs-node package that fail where every other backend works, registered again with a repair
 * around them. The package's files stay as they were published.
 */
import * as tf from "@tensorflow/tfjs-core";

type Kernel = tf.KernelConfig["kernelFunc"];
type Call = Parameters<Kernel>[0];
/** Pixels of padding before and after, by axis. */
type Sides = readonly (readonly [number, number])[];

/** The padding of a maximum. */
const LOWEST = -Infinity;

/** Repairs all of them. Call it once, after the package has registered its kernels. */
export function mendKernels(): void {
  // These convert with chained operators, which tfjs-core does not have; the first frees its caller's tensor,
  // too.
  mend("Exp", (kernel, call) => kernel(converted(call, "int32", "float32")));
  mend("ArgMax", (kernel, call) => kernel(converted(call, "bool", "int32")));
  mend("ArgMin", (kernel, call) => kernel(converted(call, "bool", "int32")));
  mend("Prelu", (_, { inputs }) => {
    const { x, alpha } = inputs as { x: tf.Tensor; alpha: tf.Tensor };
    return tf.add(tf.relu(x), tf.mul(alpha, tf.minimum(x, 0)));
  });
  // These refuse padding in pixels: they pad first, and the padding is cut off a gradient.
  mendPadding("Conv2D", (kernel, call, sides) => kernel(padded(call, "x", { sides, value: 0 })));
  mendPadding(
    "Conv2DBackpropFilter",
    (kernel, call, sides) => kernel(padded(call, "x", { sides, value: 0 })),
  );
  mendPadding("Conv2DBackpropInput", (kernel, call, sides) => {
    const shape = call.attrs!["inputShape"] as unknown as number[];
    const inputShape = shape.map((side, axis) => side + sides[axis]![0] + sides[axis]![1]);
    return inside(kernel({ ...call, attrs: { ...call.attrs, pad: "valid", inputShape } }), shape, sides);
  });
  mendPadding("MaxPool", (kernel, call, sides) => kernel(padded(call, "x", { sides, value: LOWEST })));
  mendPadding("MaxPoolGrad", (kernel, call, sides) => {
    const { shape } = call.inputs["input"] as tf.TensorInfo;
    return inside(kernel(padded(call, "input", { sides, value: LOWEST })), shape, sides);
  });
}

/** Registers a kernel again as `made`, which gets the former one. */
function mend(name: string, made: (kernel: Kernel, call: Call) => ReturnType<Kernel>): void {
  const { kernelFunc, ...rest } = tf.getKernel(name, "tensorflow");
  tf.unregisterKernel(name, "tensorflow");
  tf.registerKernel({
    ...rest,
    kernelFunc: (call) => tf.tidy(() => made(kernelFunc, call) as tf.Tensor),
  });
}

/**
 * The same for calls with padding in pixels; other calls go to the former kernel. @param made gets the
 * padding of all four axes
 */
function mendPadding(
  name: string,
  made: (kernel: Kernel, call: Call, sides: Sides) => ReturnType<Kernel>,
): void {
  mend(name, (kernel, call) => {
    const pad = call.attrs?.["pad"] as unknown as number | string | Sides;
    if (typeof pad === "string" || pad === 0) return kernel(call);
    return made(kernel, call, typeof pad === "number" ? [[0, 0], [pad, pad], [pad, pad], [0, 0]] : pad);
  });
}

/** The call, with its `x` converted if it has the type `from`. */
function converted(call: Call, from: tf.DataType, to: "float32" | "int32"): Call {
  const x = call.inputs["x"] as tf.Tensor;
  return x.dtype === from ? { ...call, inputs: { ...call.inputs, x: tf.cast(x, to) } } : call;
}

/** The call, with one input padded already and no padding left to do. */
function padded(
  call: Call,
  key: string,
  { sides, value }: { readonly sides: Sides; readonly value: number },
): Call {
  const x = tf.pad(call.inputs[key] as tf.Tensor, sides as [number, number][], value);
  return { ...call, inputs: { ...call.inputs, [key]: x }, attrs: { ...call.attrs, pad: "valid" } };
}

/** Cuts the padding off a gradient. */
function inside(x: ReturnType<Kernel>, shape: number[], sides: Sides): tf.Tensor {
  return tf.slice(x as tf.Tensor, sides.map(([before]) => before), shape);
}
