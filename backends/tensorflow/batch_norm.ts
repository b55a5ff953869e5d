/**
 * Batch normalisation by TensorFlow's fused operators, for the processor. What these keep for their gradient
 * depends on the device, so on a GPU the portable kernels are used.
 */
import * as tf from "@tensorflow/tfjs-core";
import type {
  BatchStatistics,
  NormCall,
  NormGradient,
  NormGradientCall,
  NormResult,
} from "../../ops/kernel_types.ts";
import { portable } from "../../ops/portable.ts";
import { run } from "./operator.ts";

/** The attributes of both operators. @param training whether they take the statistics of the batch */
function attributes(epsilon: number, training: boolean) {
  return {
    floats: { epsilon },
    bools: { is_training: training },
    texts: { data_format: "NHWC" },
    types: { T: "float32", U: "float32" },
  } as const;
}

/** The parts of a batch. */
function partsOf(x: tf.Tensor4D, parts: readonly number[]): tf.Tensor4D[] {
  if (parts.length === 1) return [x];
  return tf.split(x, [...parts], 0);
}

/** The parts as one batch again. */
function joined(parts: readonly tf.Tensor[]): tf.Tensor4D {
  return (parts.length === 1 ? parts[0]! : tf.concat([...parts])) as tf.Tensor4D;
}

/** See {@linkcode Kernels.batchNorm}. */
export function fusedBatchNorm(call: NormCall): NormResult {
  // The fused operators know one process only.
  if (call.shared) return portable.batchNorm(call);
  const { x, gamma, beta, given, residual, relu, epsilon } = call;
  const none = tf.tensor1d([], "float32");
  const statistics: BatchStatistics[] = [];
  const normal = partsOf(x, call.parts).map((part) => {
    const inputs = [part, gamma, beta, given?.mean ?? none, given?.variance ?? none];
    const outputs = run("FusedBatchNormV3", inputs, {
      attributes: attributes(epsilon, given === undefined),
      outputs: 6,
    });
    // The fourth and fifth output are, on the processor, the mean and the biased variance that the gradient
    // needs.
    statistics.push(given ?? { mean: outputs[3] as tf.Tensor1D, variance: outputs[4] as tf.Tensor1D });
    return outputs[0]!;
  });
  const whole = joined(normal);
  const sum = residual ? tf.add(whole, residual) as tf.Tensor4D : whole;
  return { y: relu ? tf.relu(sum) : sum, statistics };
}

/** See {@linkcode Kernels.batchNormGradient}. */
export function fusedBatchNormGradient(dy: tf.Tensor4D, call: NormGradientCall): NormGradient {
  if (call.shared) return portable.batchNormGradient(dy, call);
  const counted = call.y
    ? run("ReluGrad", [dy, call.y], { attributes: { types: { T: "float32" } } })[0] as tf.Tensor4D
    : dy;
  const none = tf.tensor1d([], "float32");
  const slopes = partsOf(counted, call.parts);
  const gradients = partsOf(call.x, call.parts).map((part, k) => {
    const { mean, variance } = call.statistics[k]!;
    return run("FusedBatchNormGradV3", [slopes[k]!, part, call.gamma, mean, variance, none], {
      attributes: attributes(call.epsilon, !call.given),
      outputs: 5,
    });
  });
  return {
    dx: joined(gradients.map((outputs) => outputs[0]!)),
    dGamma: tf.addN(gradients.map((outputs) => outputs[1]!)) as tf.Tensor1D,
    dBeta: tf.addN(gradients.map((outputs) => outputs[2]!)) as tf.Tensor1D,
    ...(call.residual ? { dResidual: counted } : {}),
  };
}
