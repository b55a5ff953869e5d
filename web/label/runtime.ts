/**
 * Networks in the browser, by ONNX Runtime Web, whose script stands in the page before this one. The exported
 * file takes normalised images and gives probabilities, [1, 3, H, W] to [1, classes, H, W]; normalising and
 * choosing the winner happen here.
 *
 * The GPU is tried first and *tried out*, since some operators fail only when they run; what fails there runs
 * on the processor.
 */
import type { Normalization } from "../../core/plan.ts";

/** The part of ONNX Runtime's tensor that is used. */
interface OrtTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** The part of its session that is used. */
interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Readonly<Record<string, OrtTensor>>>;
}

/** The part of its global object that is used. */
interface Ort {
  readonly env: { logLevel: string; readonly wasm: { wasmPaths: string; numThreads: number } };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: { readonly executionProviders: readonly string[] },
    ): Promise<OrtSession>;
  };
}

/** Undefined where the script was not loaded. */
declare const ort: Ort | undefined;

/** What a network found in a picture; both lists are row by row. */
export interface Labels {
  readonly width: number;
  readonly height: number;
  /** Train ids. */
  readonly ids: Uint8Array;
  /** The winner's probability, in [0, 1]. */
  readonly confidence: Float32Array;
}

/** A network that is ready to label. */
export interface Network {
  /** What computes. */
  readonly device: "WebGPU" | "WebAssembly";
  /** @param picture of any opacity, which is ignored */
  label(picture: ImageData): Promise<Labels>;
}

/** Where the runtime's files lie, relative to the page. */
const RUNTIME = "runtime/";

/** Whether this browser computes on a GPU. */
async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<unknown> } };
  try {
    return Boolean(await gpu?.requestAdapter());
  } catch {
    return false;
  }
}

/**
 * Fetches a network and starts it, on the GPU if it runs there. @param file relative to the page @throws
 * Error that says what is wrong with the file or the folder
 */
export async function openNetwork(file: string, normalization: Normalization): Promise<Network> {
  if (typeof ort === "undefined") {
    throw new Error(`${RUNTIME} is not beside this page: copy the whole folder`);
  }
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} cannot be fetched (${response.status}): copy the whole folder`);
  const model = new Uint8Array(await response.arrayBuffer());
  ort.env.logLevel = "error";
  ort.env.wasm.wasmPaths = new URL(RUNTIME, document.baseURI).href;
  // More need headers that a plain server of files does not send.
  ort.env.wasm.numThreads = 1;
  const start = (provider: string) => ort!.InferenceSession.create(model, { executionProviders: [provider] });
  if (await hasGpu()) {
    try {
      const session = await start("webgpu");
      const network: Network = {
        device: "WebGPU",
        label: (picture) => labelled(session, picture, normalization),
      };
      // Some operators fail only when they run.
      await network.label(new ImageData(64, 64));
      return network;
    } catch {
      // The processor can do everything.
    }
  }
  let session: OrtSession;
  try {
    session = await start("wasm");
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${file} is damaged or no network that this page can run (${words})`, { cause });
  }
  return { device: "WebAssembly", label: (picture) => labelled(session, picture, normalization) };
}

/** The labels of a picture: for each pixel the class of the highest probability, the first of equal ones. */
async function labelled(
  session: OrtSession,
  { width, height, data }: ImageData,
  normalization: Normalization,
): Promise<Labels> {
  const images = new ort!.Tensor("float32", planes(data, normalization), [1, 3, height, width]);
  const made = await session.run({ [session.inputNames[0]!]: images });
  const { data: probabilities, dims } = made[session.outputNames[0]!]!;
  const pixels = width * height, classes = dims[1]!;
  const ids = new Uint8Array(pixels), confidence = new Float32Array(pixels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if (probabilities[k * pixels + pixel]! > probabilities[best * pixels + pixel]!) best = k;
    }
    ids[pixel] = best;
    confidence[pixel] = probabilities[best * pixels + pixel]!;
  }
  return { width, height, ids, confidence };
}

/** float32 [3, H, W] of RGBA bytes: (pixel * scale - mean) / deviation. */
function planes(rgba: Uint8ClampedArray, { order, scale, mean, deviation }: Normalization): Float32Array {
  const pixels = rgba.length / 4, out = new Float32Array(3 * pixels);
  for (let channel = 0; channel < 3; channel++) {
    const from = order === "bgr" ? 2 - channel : channel;
    for (let pixel = 0; pixel < pixels; pixel++) {
      out[channel * pixels + pixel] = (rgba[4 * pixel + from]! * scale - mean[channel]!) /
        deviation[channel]!;
    }
  }
  return out;
}
