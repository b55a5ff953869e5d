/** The exported page's parts, with a browser and an ONNX Runtime that are made up. */
import assert from "node:assert/strict";
import type { Normalization } from "../../../core/plan.ts";
import type { PageSize } from "../../../export/label_page_data.ts";
import { startCamera } from "../../../web/label/camera.ts";
import { draw, pixelsOf, sharesOf, type Showing } from "../../../web/label/picture.ts";
import { type Labels, openNetwork } from "../../../web/label/runtime.ts";

/** A picture as browsers hand it out. */
class Picture {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;

  constructor(first: Uint8ClampedArray | number, second: number, third?: number) {
    this.data = typeof first === "number" ? new Uint8ClampedArray(4 * first * second) : first;
    this.width = typeof first === "number" ? first : second;
    this.height = third ?? second;
  }
}

/** Sets globals while `body` runs. */
async function withGlobals(values: Readonly<Record<string, unknown>>, body: () => void | Promise<void>) {
  const all: Readonly<Record<string, unknown>> = { ImageData: Picture, ...values };
  const before = Object.keys(all).map((name) =>
    [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
  );
  try {
    for (const [name, value] of Object.entries(all)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
    await body();
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else Reflect.deleteProperty(globalThis, name);
    }
  }
}

const labelsOf = (ids: readonly number[], confidence: readonly number[] = ids.map(() => 1)): Labels => ({
  width: ids.length,
  height: 1,
  ids: Uint8Array.from(ids),
  confidence: Float32Array.from(confidence),
});

/** What is drawn of pixels in two columns, or of one, without their opacity. */
function drawn(
  pixels: readonly (readonly number[])[],
  found: readonly Labels[],
  showing: Partial<Showing>,
  width = pixels.length,
) {
  const put: Picture[] = [];
  const canvas = {
    width: 1,
    height: 1,
    getContext: (kind: string) => ({
      putImageData(image: Picture, x: number, y: number) {
        assert.deepEqual([kind, x, y], ["2d", 0, 0]);
        put.push(image);
      },
    }),
  };
  const picture = new Picture(
    Uint8ClampedArray.from(pixels.flatMap((rgb) => [...rgb, 7])),
    width,
    pixels.length / width,
  );
  const all: Showing = {
    shown: "labels",
    opacity: 0.5,
    split: 0.5,
    colours: [[100, 0, 0], [0, 200, 0]],
    ...showing,
  };
  draw(canvas as unknown as HTMLCanvasElement, picture as unknown as ImageData, found, all);
  assert.deepEqual([canvas.width, canvas.height], [width, pixels.length / width]);
  const { data } = put[0]!;
  assert.deepEqual([...data].filter((_, k) => k % 4 === 3), pixels.map(() => 255));
  return pixels.map((_, k) => [...data.subarray(4 * k, 4 * k + 3)]);
}

Deno.test("draw: colours over the picture by their opacity; the picture itself stays", () =>
  withGlobals({}, () => {
    const pixels = [[10, 20, 30], [50, 60, 70]];
    const found = [labelsOf([0, 1])];
    assert.deepEqual(drawn(pixels, found, {}), [[55, 10, 15], [25, 130, 35]]);
    assert.deepEqual(drawn(pixels, found, { opacity: 0 }), pixels);
    assert.deepEqual(drawn(pixels, found, { opacity: 1 }), [[100, 0, 0], [0, 200, 0]]);
    assert.deepEqual(drawn(pixels, found, { shown: "picture", opacity: 1 }), pixels);
    assert.deepEqual(drawn(pixels, [], {}), pixels);
    // An id without a colour is black.
    assert.deepEqual(drawn([[10, 20, 30]], [labelsOf([9])], { opacity: 1 }), [[0, 0, 0]]);
  }));

Deno.test("draw: the confidence in grey, whatever the opacity", () =>
  withGlobals({}, () => {
    const found = [labelsOf([0, 1], [0, 0.5])];
    assert.deepEqual(drawn([[9, 9, 9], [9, 9, 9]], found, { shown: "confidence", opacity: 0 }), [
      [0, 0, 0],
      [128, 128, 128],
    ]);
  }));

Deno.test("draw: of two networks the first left of the line, the second from there on", () =>
  withGlobals({}, () => {
    const pixels = Array.from({ length: 4 }, () => [0, 0, 0]);
    const found = [labelsOf([0, 0, 0, 0]), labelsOf([1, 1, 1, 1])];
    const firsts = (split: number) => drawn(pixels, found, { opacity: 1, split }).map(([red]) => red === 100);
    assert.deepEqual(firsts(0.5), [true, true, false, false]);
    assert.deepEqual(firsts(0), [false, false, false, false]);
    assert.deepEqual(firsts(1), [true, true, true, true]);
    assert.deepEqual(firsts(0.3), [true, false, false, false]);
    assert.deepEqual(firsts(0.4), [true, true, false, false]);
    // The line runs down through all rows.
    const rows = drawn(pixels, found, { opacity: 1, split: 0.5 }, 2);
    assert.deepEqual(rows.map(([red]) => red === 100), [true, false, true, false]);
    // A network alone has the whole picture.
    assert.deepEqual(drawn(pixels, found.slice(0, 1), { opacity: 1, split: 0 })[3], [100, 0, 0]);
  }));

Deno.test("sharesOf: of the pixels, by class, those that are nowhere too", () => {
  assert.deepEqual(sharesOf(labelsOf([0, 2, 2, 2]), 4), [0.25, 0, 0.75, 0]);
});

/** At which size a picture is handed to the network. */
async function seen(width: number, height: number, size: PageSize): Promise<[number, number]> {
  let sides: [number, number] = [0, 0];
  class Canvas {
    constructor(readonly width: number, readonly height: number) {}
    getContext() {
      return {
        drawImage: (_: unknown, x: number, y: number, wide: number, tall: number) =>
          assert.deepEqual([x, y, wide, tall], [0, 0, this.width, this.height]),
        getImageData(x: number, y: number, wide: number, tall: number) {
          assert.deepEqual([x, y], [0, 0]);
          sides = [wide, tall];
        },
      };
    }
  }
  await withGlobals(
    { OffscreenCanvas: Canvas },
    () => void pixelsOf({} as CanvasImageSource, [width, height], size),
  );
  return sides;
}

Deno.test("pixelsOf: the fixed size, else the shorter side as wanted, but no side longer than the longest", async () => {
  assert.deepEqual(await seen(100, 80, { fixed: [40, 56], longest: 10 }), [56, 40]);
  assert.deepEqual(await seen(100, 80, { longest: 640 }), [100, 80]);
  assert.deepEqual(await seen(1280, 640, { longest: 640 }), [640, 320]);
  assert.deepEqual(await seen(640, 1280, { longest: 640 }), [320, 640]);
  assert.deepEqual(await seen(100, 80, { shortSide: 160, longest: 640 }), [200, 160]);
  assert.deepEqual(await seen(1000, 100, { shortSide: 200, longest: 640 }), [640, 64]);
  assert.deepEqual(await seen(4000, 100, { longest: 640 }), [640, 32]);
  // What is not resized keeps its sides, however small.
  assert.deepEqual(await seen(20, 10, { longest: 640 }), [20, 10]);
});

const NORMALIZATION: Normalization = { order: "bgr", scale: 0.5, mean: [1, 2, 3], deviation: [1, 2, 4] };

interface World {
  readonly status?: number;
  /** What computes a picture; undefined: it cannot be started. */
  readonly providers: Readonly<
    Record<string, ((data: Float32Array, dims: readonly number[]) => Float32Array) | undefined>
  >;
  readonly gpu?: boolean;
}

/** Opens a network in a browser with these. */
async function opened(
  { status = 200, providers, gpu = false }: World,
  body: (network: Awaited<ReturnType<typeof openNetwork>>) => Promise<void>,
) {
  const started: string[] = [], env = { logLevel: "", wasm: { wasmPaths: "", numThreads: 8 } };
  const ort = {
    env,
    Tensor: class {
      constructor(readonly type: string, readonly data: Float32Array, readonly dims: readonly number[]) {}
    },
    InferenceSession: {
      create(model: Uint8Array, { executionProviders: [provider] }: { executionProviders: string[] }) {
        started.push(provider!);
        assert.deepEqual([...model], [1, 2, 3]);
        const run = providers[provider!];
        if (run === undefined) return Promise.reject(new Error("no such operator"));
        return Promise.resolve({
          inputNames: ["images"],
          outputNames: ["probabilities"],
          run: ({ images }: { images: { data: Float32Array; dims: readonly number[] } }) => {
            const data = run(images.data, images.dims);
            return Promise.resolve({ probabilities: { data, dims: [1, 3, ...images.dims.slice(2)] } });
          },
        });
      },
    },
  };
  const values = {
    ort,
    document: { baseURI: "http://localhost/x/index.html" },
    fetch: () => Promise.resolve(new Response(Uint8Array.of(1, 2, 3), { status })),
    navigator: { gpu: { requestAdapter: () => Promise.resolve(gpu ? {} : null) } },
  };
  await withGlobals(values, async () => body(await openNetwork("networks/a.onnx", NORMALIZATION)));
  assert.deepEqual([env.wasm.wasmPaths, env.wasm.numThreads, env.logLevel], [
    "http://localhost/x/runtime/",
    1,
    "error",
  ]);
  return started;
}

/** Three classes on two rows of two pixels: each wins once, and at the last the second and the third are equal. */
const probabilities = () =>
  Float32Array.from([[0.75, 0.25, 0.25, 0], [0.125, 0.5, 0.25, 0.5], [0.125, 0.25, 0.5, 0.5]].flat());

Deno.test("openNetwork: normalises planes in the network's order, and takes the first of the highest", async () => {
  const given: number[][] = [];
  const wasm = (data: Float32Array, dims: readonly number[]) => {
    given.push([...data], [...dims]);
    return probabilities();
  };
  const started = await opened({ providers: { wasm } }, async (network) => {
    assert.equal(network.device, "WebAssembly");
    const pixels = [2, 4, 6, 255, 10, 20, 30, 0, 0, 0, 0, 255, 2, 2, 2, 255];
    const picture = new Picture(Uint8ClampedArray.from(pixels), 2, 2);
    const { width, height, ids, confidence } = await network.label(picture as unknown as ImageData);
    assert.deepEqual([width, height, [...ids], [...confidence]], [2, 2, [0, 1, 2, 1], [0.75, 0.5, 0.5, 0.5]]);
  });
  // Blue, green, red: (6 / 2 - 1) / 1 and (30 / 2 - 1) / 1, then (4 / 2 - 2) / 2, ...
  assert.deepEqual(given, [[2, 14, -1, 0, 0, 4, -1, -0.5, -0.5, 0.5, -0.75, -0.5], [1, 3, 2, 2]]);
  assert.deepEqual(started, ["wasm"]);
});

Deno.test("openNetwork: the GPU where it runs, the processor where an operator fails only when it runs", async () => {
  const many = (_: Float32Array, dims: readonly number[]) => new Float32Array(3 * dims[2]! * dims[3]!);
  const fast = await opened({ gpu: true, providers: { webgpu: many } }, (network) => {
    assert.equal(network.device, "WebGPU");
    return Promise.resolve();
  });
  assert.deepEqual(fast, ["webgpu"]);
  const failing = (): never => {
    throw new Error("only when it runs");
  };
  const slow = await opened({ gpu: true, providers: { webgpu: failing, wasm: many } }, (network) => {
    assert.equal(network.device, "WebAssembly");
    return Promise.resolve();
  });
  assert.deepEqual(slow, ["webgpu", "wasm"]);
});

Deno.test("openNetwork: says what is wrong with the file or the folder", async () => {
  const nothing = () => Promise.resolve();
  await assert.rejects(opened({ status: 404, providers: {} }, nothing), {
    message: "networks/a.onnx cannot be fetched (404): copy the whole folder",
  });
  await assert.rejects(opened({ providers: {} }, nothing), {
    message: "networks/a.onnx is damaged or no network that this page can run (no such operator)",
  });
  await assert.rejects(openNetwork("networks/a.onnx", NORMALIZATION), {
    message: "runtime/ is not beside this page: copy the whole folder",
  });
});

Deno.test("startCamera: why there is no picture", async () => {
  await withGlobals({ navigator: {} }, () =>
    assert.rejects(startCamera(), {
      message: "the browser gives a camera only to https pages and to localhost",
    }));
  const mediaDevices = { getUserMedia: () => Promise.reject(new Error("Permission denied")) };
  await withGlobals(
    { navigator: { mediaDevices } },
    () => assert.rejects(startCamera(), { message: "there is no picture of a camera (Permission denied)" }),
  );
});
