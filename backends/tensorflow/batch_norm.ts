/** Batch normalisation by TensorFlow's fused operators, for the processor. */
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

function attributes(epsilon: number, training: boolean) {
  return {
    floats: { epsilon },
    bools: { is_training: training },
    texts: { data_format: "NHWC" },
    types: { T: "float32", U: "float32" },
  } as const;
}

/** The parts of a batch, each with statistics of its own. */
function partsOf(x: tf.Tensor4D, parts: readonly number[]): tf.Tensor4D[] {
  if (parts.length === 1) return [x];
  return tf.split(x, [...parts], 0);
}

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
    const made = run("FusedBatchNormV3", inputs, {
      attributes: attributes(epsilon, given === undefined),
      outputs: 6,
    });
    // The fifth output is the biased variance here, as the gradient wants it.
    statistics.push(given ?? { mean: made[3] as tf.Tensor1D, variance: made[4] as tf.Tensor1D });
    return made[0]!;
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
  const made = partsOf(call.x, call.parts).map((part, k) => {
    const { mean, variance } = call.statistics[k]!;
    return run("FusedBatchNormGradV3", [slopes[k]!, part, call.gamma, mean, variance, none], {
      attributes: attributes(call.epsilon, !call.given),
      outputs: 5,
    });
  });
  return {
    dx: joined(made.map((outputs) => outputs[0]!)),
    dGamma: tf.addN(made.map((outputs) => outputs[1]!)) as tf.Tensor1D,
    dBeta: tf.addN(made.map((outputs) => outputs[2]!)) as tf.Tensor1D,
    ...(call.residual ? { dResidual: counted } : {}),
  };
}
