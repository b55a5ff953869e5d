/** Lowerings of the operators of transformers: they work on rows of channels. */
import { fixedNumber, type Lowering } from "./maps.ts";

const linear: Lowering = (emit, { inputs, outputs: [y] }) => {
  emit.set(y!, { rows: emit.node("Gemm", inputs.map((one) => emit.rows(one))) });
};

const layerNorm: Lowering = (emit, step) => {
  const rows = emit.node("LayerNormalization", step.inputs.map((one) => emit.rows(one)), {
    axis: -1,
    epsilon: { float: fixedNumber(step, "epsilon") },
  });
  emit.set(step.outputs[0]!, { rows });
};

/** 0.5 x (1 + erf(x / sqrt 2)), in the nodes that ONNX Runtime recognises and fuses. */
const gelu: Lowering = (emit, { inputs: [x], outputs: [y] }) => {
  const form = emit.inPlanes(x!) ? "planes" : "rows";
  const name = emit[form](x!);
  const erf = emit.node("Erf", [emit.node("Div", [name, emit.scalar(Math.SQRT2)])]);
  const twice = emit.node("Mul", [name, emit.node("Add", [erf, emit.scalar(1)])]);
  emit.set(y!, { [form]: emit.node("Mul", [twice, emit.scalar(0.5)]) });
};

const attention: Lowering = (emit, step) => {
  const [query, key, value] = step.inputs, [y] = step.outputs;
  const heads = fixedNumber(step, "heads"), channels = y!.sides[2]![0]!;
  const split = (name: string, perm: readonly number[]) => {
    const shape = emit.integers([0, 0, heads, channels / heads]);
    return emit.node("Transpose", [emit.node("Reshape", [name, shape])], { perm });
  };
  const scaled = emit.node("Mul", [emit.rows(query!), emit.scalar((channels / heads) ** -0.5)]);
  const scores = emit.node("MatMul", [split(scaled, [0, 2, 1, 3]), split(emit.rows(key!), [0, 2, 3, 1])]);
  const mixed = emit.node("MatMul", [
    emit.node("Softmax", [scores], { axis: -1 }),
    split(emit.rows(value!), [0, 2, 1, 3]),
  ]);
  const beside = emit.node("Transpose", [mixed], { perm: [0, 2, 1, 3] });
  emit.set(y!, { rows: emit.node("Reshape", [beside, emit.integers([0, 0, channels])]) });
};

/** The lowerings, by operator. */
export const TOKENS: Readonly<Record<string, Lowering>> = { linear, layerNorm, gelu, attention };
