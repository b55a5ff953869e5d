/**
 * Matrix products by shaders of our own, so that a device shows what it can do beside what TensorFlow.js gets
 * out of it. C = A B with square matrices of `side`, a multiple of 128.
 */

/** How a product is computed. */
export interface Product {
  readonly name: string;
  /** Features that the device must have been requested with. */
  readonly features: readonly string[];
  /** What A and B are stored as. */
  readonly stored: "f32" | "f16";
  readonly shader: string;
}

/** The name under which Dawn offers matrix units. */
export const MATRIX_UNITS = "chromium-experimental-subgroup-matrix";

/** Rows and columns of C that a workgroup computes. */
const TILE = 128;

/** A thread keeps 8 x 8 values of C in registers and reads its operands from workgroup memory. */
function registerTiled(stored: "f32" | "f16"): Product {
  const four = stored === "f32" ? "vec4f" : "vec4h";
  const depth = 16;
  return {
    name: `register tiles, ${stored} stored`,
    features: stored === "f16" ? ["shader-f16"] : [],
    stored,
    shader: `
${stored === "f16" ? "enable f16;" : ""}
@group(0) @binding(0) var<storage, read> a: array<${four}>;
@group(0) @binding(1) var<storage, read> b: array<${four}>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<uniform> side: vec4u;
var<workgroup> tileA: array<array<vec4f, ${TILE / 4}>, ${depth}>; // transposed: [k][row / 4]
var<workgroup> tileB: array<array<vec4f, ${TILE / 4}>, ${depth}>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let n = side.x;
  let row0 = group.y * ${TILE}u;
  let column0 = group.x * ${TILE}u;
  let myRow = (local / 16u) * 2u; // in vec4s of rows
  let myColumn = (local % 16u) * 2u;
  var sums: array<array<vec4f, 2>, 8>;
  for (var k0 = 0u; k0 < n; k0 += ${depth}u) {
    // A thread reads four rows at four depths and writes them turned round.
    if (local < 128u) {
      let rows = local % 32u;
      let deep = local / 32u;
      var read: array<vec4f, 4>;
      for (var i = 0u; i < 4u; i++) {
        read[i] = vec4f(a[((row0 + rows * 4u + i) * n + k0) / 4u + deep]);
      }
      for (var i = 0u; i < 4u; i++) {
        tileA[deep * 4u + i][rows] = vec4f(read[0][i], read[1][i], read[2][i], read[3][i]);
      }
    }
    for (var i = 0u; i < 2u; i++) {
      let at = local + i * 256u;
      tileB[at / 32u][at % 32u] = vec4f(b[((k0 + at / 32u) * n + column0) / 4u + at % 32u]);
    }
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k++) {
      let b0 = tileB[k][myColumn];
      let b1 = tileB[k][myColumn + 1u];
      let a0 = tileA[k][myRow];
      let a1 = tileA[k][myRow + 1u];
${
      Array.from({ length: 8 }, (_, i) => {
        const value = `a${i >> 2}[${i & 3}]`;
        return `      sums[${i}][0] += ${value} * b0; sums[${i}][1] += ${value} * b1;`;
      }).join("\n")
    }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 8u; i++) {
    let at = ((row0 + myRow * 4u + i) * n + column0) / 4u + myColumn;
    c[at] = sums[i][0];
    c[at + 1u] = sums[i][1];
  }
}`,
  };
}

/**
 * Four subgroups of 32 compute 64 x 64 values each on matrix units of 16 x 16, from workgroup memory in half
 * precision.
 */
function matrixUnits(stored: "f32" | "f16"): Product {
  const four = stored === "f32" ? "vec4f" : "vec4h";
  const depth = 32, unit = 16, mine = 64;
  const each = Array.from({ length: mine / unit }, (_, k) => k);
  return {
    name: `matrix units, ${stored} stored`,
    features: ["shader-f16", "subgroups", MATRIX_UNITS],
    stored,
    shader: `
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
// What differs between invocations is the same within a subgroup, which the compiler cannot know.
diagnostic(off, chromium.subgroup_matrix_uniformity);
@group(0) @binding(0) var<storage, read> a: array<${four}>;
@group(0) @binding(1) var<storage, read> b: array<${four}>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> side: vec4u;
var<workgroup> tileA: array<f16, ${TILE * depth}>;
var<workgroup> tileB: array<f16, ${depth * TILE}>;
@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let n = side.x;
  let row0 = group.y * ${TILE}u;
  let column0 = group.x * ${TILE}u;
  let subgroup = local / 32u;
  let myRow = (subgroup / 2u) * ${mine}u;
  let myColumn = (subgroup % 2u) * ${mine}u;
${
      each.flatMap((r) =>
        each.map((s) => `  var sum_${r}_${s} = subgroup_matrix_result<f32, ${unit}, ${unit}>();`)
      ).join("\n")
    }
  for (var k0 = 0u; k0 < n; k0 += ${depth}u) {
    for (var i = 0u; i < ${TILE * depth / 4 / 128}u; i++) {
      let at = i * 128u + local;
      let fromA = vec4h(a[((row0 + at / ${depth / 4}u) * n + k0) / 4u + at % ${depth / 4}u]);
      let fromB = vec4h(b[((k0 + at / ${TILE / 4}u) * n + column0) / 4u + at % ${TILE / 4}u]);
      for (var j = 0u; j < 4u; j++) {
        tileA[at * 4u + j] = fromA[j];
        tileB[at * 4u + j] = fromB[j];
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k += ${unit}u) {
${
      each.map((r) =>
        `      let left_${r} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${unit}, ${unit}>, row_major>(&tileA, (myRow + ${
          r * unit
        }u) * ${depth}u + k, ${depth}u);`
      ).join("\n")
    }
${
      each.map((s) =>
        [
          `      let right_${s} = subgroupMatrixLoad<subgroup_matrix_right<f16, ${unit}, ${unit}>, row_major>(&tileB, k * ${TILE}u + myColumn + ${
            s * unit
          }u, ${TILE}u);`,
          ...each.map((r) =>
            `      sum_${r}_${s} = subgroupMatrixMultiplyAccumulate(left_${r}, right_${s}, sum_${r}_${s});`
          ),
        ].join("\n")
      ).join("\n")
    }
    }
    workgroupBarrier();
  }
${
      each.flatMap((r) =>
        each.map((s) =>
          `  subgroupMatrixStore<row_major>(&c, (row0 + myRow + ${r * unit}u) * n + column0 + myColumn + ${
            s * unit
          }u, sum_${r}_${s}, n);`
        )
      ).join("\n")
    }
}`,
  };
}

/** Every way, the plainest first. */
export const PRODUCTS: readonly Product[] = [
  registerTiled("f32"),
  registerTiled("f16"),
  matrixUnits("f32"),
  matrixUnits("f16"),
];

/** What a product took. */
export interface ProductTimes {
  readonly name: string;
  /** Of several runs, each between two waits for the device; with `repeats` products in it. */
  readonly seconds: readonly number[];
  readonly teraflops: number;
  /** Largest difference from the product in double precision over its largest value, at some places. */
  readonly error: number;
}

/** Runs a product on a device. @throws Error when the shader is refused */
export async function timeProduct(device: GPUDevice, product: Product, side: number): Promise<ProductTimes> {
  const module = device.createShaderModule({ code: product.shader });
  const refusal = (await module.getCompilationInfo()).messages.find(({ type }) => type === "error");
  if (refusal) throw new Error(`line ${refusal.lineNum}: ${refusal.message}`);
  device.pushErrorScope("validation");
  const values = (seed: number) => Float32Array.from({ length: side * side }, (_, k) => noise(seed, k));
  const a = values(1), b = values(2);
  const inputs = [a, b].map((x) => upload(device, product.stored === "f32" ? x : halves(x)));
  const bytes = side * side * 4;
  const output = device.createBuffer({
    size: bytes,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
  });
  const uniform = upload(device, Uint32Array.of(side, 0, 0, 0), GPUBufferUsage.UNIFORM);
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module, entryPoint: "main" },
  });
  const bindings = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [...inputs, output, uniform].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const run = (times: number) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindings);
    for (let k = 0; k < times; k++) {
      pass.dispatchWorkgroups(side / TILE, side / TILE);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    return device.queue.onSubmittedWorkDone();
  };
  try {
    await run(1);
    const refused = await device.popErrorScope();
    if (refused) throw new Error(refused.message);
    const first = performance.now();
    await run(1);
    // Long enough that the wait for the device does not count.
    const repeats = Math.max(1, Math.min(50, Math.ceil(100 / Math.max(0.2, performance.now() - first))));
    const seconds: number[] = [];
    for (let round = 0; round < 3; round++) {
      const started = performance.now();
      await run(repeats);
      seconds.push((performance.now() - started) / 1000 / repeats);
    }
    return {
      name: product.name,
      seconds,
      teraflops: 2 * side ** 3 / Math.min(...seconds) / 1e12,
      error: error(a, b, await download(device, output)),
    };
  } finally {
    [...inputs, output, uniform].forEach((buffer) => buffer.destroy());
  }
}

/** Values in [-1, 1) that repeat. */
function noise(seed: number, k: number): number {
  let x = Math.imul(k + seed * 0x9E3779B1, 0x85EBCA6B);
  x = Math.imul(x ^ (x >>> 13), 0xC2B2AE35);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
}

function halves(values: Float32Array): Uint16Array<ArrayBuffer> {
  return new Uint16Array(new Float16Array(values).buffer as ArrayBuffer);
}

function upload(
  device: GPUDevice,
  values: ArrayBufferView<ArrayBuffer>,
  usage: number = GPUBufferUsage.STORAGE,
): GPUBuffer {
  const buffer = device.createBuffer({ size: values.byteLength, usage: usage | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(buffer, 0, values as BufferSource);
  return buffer;
}

async function download(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array> {
  const read = device.createBuffer({
    size: buffer.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, read, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const values = new Float32Array(read.getMappedRange().slice(0));
  read.destroy();
  return values;
}

function error(a: Float32Array, b: Float32Array, c: Float32Array): number {
  const side = Math.sqrt(a.length);
  let difference = 0, largest = 0;
  for (let place = 0; place < 64; place++) {
    const row = (place * 37 + 11) % side, column = (place * 101 + 7) % side;
    let sum = 0;
    for (let k = 0; k < side; k++) sum += a[row * side + k]! * b[k * side + column]!;
    difference = Math.max(difference, Math.abs(sum - c[row * side + column]!));
    largest = Math.max(largest, Math.abs(sum));
  }
  return difference / largest;
}
