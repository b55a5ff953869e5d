/**
 * Labelling of pictures for the page: of a file, a sample, or one frame of the camera after the other. A
 * network does one picture at a time, so pictures queue up. The camera asks for the next frame only after the
 * last was labelled: a slow machine labels fewer frames, but what it shows is never old.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { LabelPageData } from "../../export/label_page_data.ts";
import { type Camera, startCamera } from "./camera.ts";
import { pixelsOf } from "./picture.ts";
import { type Labels, type Network, openNetwork } from "./runtime.ts";

/** A picture with its labels by each network, in the order of the networks. */
export interface LabelledPicture {
  readonly picture: ImageData;
  readonly labels: readonly Labels[];
  /** Milliseconds that the last network took. */
  readonly time: number;
  /** The device that the networks ran on. */
  readonly device: Network["device"];
}

/** What the page is doing, or why that failed; undefined when it waits for the visitor. */
export type Doing = { readonly failure: string } | { readonly waiting: string } | undefined;

/** What {@linkcode useLabelling} gives. */
export interface Labelling {
  /** The last picture; undefined when there was none. */
  readonly labelled: LabelledPicture | undefined;
  readonly doing: Doing;
  /** Whether the camera is on. */
  readonly filming: boolean;
  /** Labels the picture in a file. */
  open(file: File): void;
  /** Labels the k-th sample, if there is one. */
  sample(k: number): void;
  /** Starts the camera, or stops it. */
  film(): void;
}

/**
 * Loads the networks, labels the first sample, and then what the visitor asks for. One hook of short functions,
 * which share the references and setters above them.
 */
export function useLabelling(data: LabelPageData): Labelling {
  const camera = useRef<Camera | undefined>(undefined);
  // A picture that comes before they are loaded waits for them, and fails with them.
  const networks = useRef<Promise<readonly Network[]> | undefined>(undefined);
  // Whether the visitor asked for a picture; until then the first sample is shown.
  const asked = useRef(false);
  const [labelled, setLabelled] = useState<LabelledPicture | undefined>(undefined);
  const [doing, setDoing] = useState<Doing>({ waiting: "The networks are loaded" });
  const [filming, setFilming] = useState(false);
  const queue = useRef<Promise<void>>(Promise.resolve());
  const label = (source: CanvasImageSource, sides: readonly [number, number]) => {
    const done = queue.current.then(async () => {
      setLabelled(await labelledBy(await networks.current!, pixelsOf(source, sides, data.size)));
    });
    queue.current = done.catch(() => {});
    return done;
  };
  const fail = (error: unknown) =>
    setDoing({ failure: error instanceof Error ? error.message : String(error) });
  const attempt = async (waiting: string, body: () => Promise<void>) => {
    setDoing({ waiting });
    try {
      await body();
      setDoing(undefined);
    } catch (error) {
      fail(error);
    }
  };
  const stop = () => {
    camera.current?.stop();
    camera.current = undefined;
    setFilming(false);
  };
  const open = (name: string, blob: () => Promise<Blob>) => {
    asked.current = true;
    return attempt("The picture is labelled", async () => {
      stop();
      const bitmap = await bitmapOf(name, blob);
      await label(bitmap, [bitmap.width, bitmap.height]);
    });
  };
  const film = () => {
    asked.current = true;
    return attempt("The camera is started", async () => {
      if (camera.current) return stop();
      const { video } = camera.current = await startCamera();
      setFilming(true);
      const next = async () => {
        if (camera.current?.video !== video) return;
        await label(video, [video.videoWidth, video.videoHeight]);
        requestAnimationFrame(() =>
          void next().catch((error) => {
            stop();
            fail(error);
          })
        );
      };
      try {
        await next();
      } catch (error) {
        stop();
        throw error;
      }
    });
  };
  useEffect(() => {
    networks.current = (async () => {
      const opened: Network[] = [];
      for (const { file } of data.networks) opened.push(await openNetwork(file, data.normalization));
      return opened;
    })();
    void attempt("The networks are loaded", async () => {
      await networks.current;
      const [first] = data.samples;
      if (!first || asked.current) return;
      const bitmap = await createImageBitmap(await fetched(first.file));
      await label(bitmap, [bitmap.width, bitmap.height]);
    });
    return stop;
  }, []);
  return {
    labelled,
    doing,
    filming,
    open: (file) => void open(file.name, () => Promise.resolve(file)),
    sample(k) {
      const one = data.samples[k];
      if (one) void open(one.name, () => fetched(one.file));
    },
    film: () => void film(),
  };
}

async function labelledBy(networks: readonly Network[], picture: ImageData): Promise<LabelledPicture> {
  const labels: Labels[] = [];
  let time = 0;
  for (const network of networks) {
    const start = performance.now();
    labels.push(await network.label(picture));
    time = performance.now() - start;
  }
  return { picture, labels, time, device: networks[0]!.device };
}

/** The decoded picture. @throws Error that names it when the browser cannot read it */
async function bitmapOf(name: string, blob: () => Promise<Blob>): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(await blob());
  } catch (cause) {
    throw new Error(`${name} is no picture that this browser reads`, { cause });
  }
}

async function fetched(file: string): Promise<Blob> {
  return await (await fetch(file)).blob();
}
