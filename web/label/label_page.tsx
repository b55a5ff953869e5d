/**
 * The page of `plca export --page`: labels a picture, a sample or the camera by networks that lie beside it.
 * All of it happens in the visitor's browser; no picture is sent anywhere.
 *
 * A network does one picture at a time, so pictures queue up. The camera asks for the next frame only after
 * the last was labelled: a slow machine labels fewer frames, but what it shows is never old.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Camera, startCamera } from "./camera.ts";
import { Controls, Legend, Samples } from "./parts.tsx";
import { draw, pixelsOf, type Shown } from "./picture.ts";
import { type Labels, type Network, openNetwork } from "./runtime.ts";
import type { LabelPageData } from "../../export/label_page_data.ts";

/** A picture and what each network says of it, in the order of the networks. */
interface Found {
  readonly picture: ImageData;
  readonly labels: readonly Labels[];
  /** Milliseconds that the last network took. */
  readonly time: number;
  /** What computed. */
  readonly device: Network["device"];
}

/** What the page is doing or why it failed; undefined: nothing is going on. */
type State = { readonly failure: string } | { readonly waiting: string } | undefined;

/** The whole page. */
export function LabelPage({ data }: { readonly data: LabelPageData }) {
  const canvas = useRef<HTMLCanvasElement>(null), file = useRef<HTMLInputElement>(null);
  const camera = useRef<Camera | undefined>(undefined);
  // A picture that comes before they are loaded waits for them, and fails with them.
  const networks = useRef<Promise<readonly Network[]> | undefined>(undefined);
  // Whether the visitor wanted a picture; until then the first sample is shown.
  const asked = useRef(false);
  const [found, setFound] = useState<Found | undefined>(undefined);
  const [state, setState] = useState<State>({ waiting: "The networks are loaded" });
  const [filming, setFilming] = useState(false);
  const [shown, setShown] = useState<Shown>("labels");
  const [opacity, setOpacity] = useState(0.6), [split, setSplit] = useState(0.5);
  const [pointed, setPointed] = useState<number | undefined>(undefined);
  const colours = data.classes.map(({ colour }) => colour);

  // A network does one picture at a time.
  const queue = useRef<Promise<void>>(Promise.resolve());
  const labelled = (source: CanvasImageSource, sides: readonly [number, number]) => {
    const done = queue.current.then(() => labelNow(source, sides));
    queue.current = done.catch(() => {});
    return done;
  };
  const labelNow = async (source: CanvasImageSource, sides: readonly [number, number]) => {
    const loaded = await networks.current!;
    const picture = pixelsOf(source, sides, data.size);
    const labels: Labels[] = [];
    let time = 0;
    for (const network of loaded) {
      const start = performance.now();
      labels.push(await network.label(picture));
      time = performance.now() - start;
    }
    setFound({ picture, labels, time, device: loaded[0]!.device });
    setPointed(undefined);
  };
  const attempt = async (waiting: string, body: () => Promise<void>) => {
    setState({ waiting });
    try {
      await body();
      setState(undefined);
    } catch (error) {
      setState({ failure: error instanceof Error ? error.message : String(error) });
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
      let bitmap: ImageBitmap;
      try {
        bitmap = await createImageBitmap(await blob());
      } catch (cause) {
        throw new Error(`${name} is no picture that this browser reads`, { cause });
      }
      await labelled(bitmap, [bitmap.width, bitmap.height]);
    });
  };
  const sample = (k: number) => {
    const one = data.samples[k];
    if (one) void open(one.name, async () => await (await fetch(one.file)).blob());
  };
  const film = () => {
    asked.current = true;
    return attempt("The camera is started", async () => {
      if (camera.current) return stop();
      const { video } = camera.current = await startCamera();
      setFilming(true);
      const next = async () => {
        if (camera.current?.video !== video) return;
        await labelled(video, [video.videoWidth, video.videoHeight]);
        requestAnimationFrame(() => void next().catch(fail));
      };
      const fail = (error: unknown) => {
        stop();
        setState({ failure: error instanceof Error ? error.message : String(error) });
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
      for (const one of data.networks) opened.push(await openNetwork(one.file, data.normalization));
      return opened;
    })();
    void attempt("The networks are loaded", async () => {
      await networks.current;
      const [first] = data.samples;
      if (!first || asked.current) return;
      const bitmap = await createImageBitmap(await (await fetch(first.file)).blob());
      await labelled(bitmap, [bitmap.width, bitmap.height]);
    });
    return stop;
  }, []);
  useEffect(() => {
    if (found) draw(canvas.current!, found.picture, found.labels, { shown, opacity, split, colours });
  }, [found, shown, opacity, split]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      // Arrows belong to a slider that has the focus.
      const onSlider = event.target instanceof HTMLInputElement;
      const move = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.key];
      if (move !== undefined && !onSlider) setSplit((before) => Math.min(1, Math.max(0, before + move)));
      else if (event.key === "l") setShown("labels");
      else if (event.key === "f") setShown("confidence");
      else if (event.key === "p") setShown("picture");
      else if (event.key === "c") void film();
      else if (event.key === "o") file.current?.click();
      else if (/^[1-9]$/.test(event.key)) sample(Number(event.key) - 1);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  const onPoint = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect(), { width, height } = found!.picture;
    const x = Math.floor((event.clientX - box.left) / box.width * width);
    const y = Math.floor((event.clientY - box.top) / box.height * height);
    setPointed(x >= 0 && y >= 0 && x < width && y < height ? y * width + x : undefined);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    const [dropped] = event.dataTransfer?.files ?? [];
    if (dropped) void open(dropped.name, () => Promise.resolve(dropped));
  };
  const said = pointed === undefined || !found
    ? undefined
    : found.labels.map(({ ids, confidence }, k) =>
      `${data.networks[k]!.name}: ${data.classes[ids[pointed]!]!.name}, ${
        Math.round(100 * confidence[pointed]!)
      } % sure`
    ).join("; ");
  return (
    <main onDragOver={(event) => event.preventDefault()} onDrop={onDrop}>
      <header>
        <div>
          <h1>{data.title}</h1>
          <p class="note">Pictures stay in this browser: nothing is sent anywhere.</p>
        </div>
      </header>
      <div class="sources">
        <button type="button" onClick={() => file.current!.click()}>Choose a picture</button>
        <button type="button" aria-pressed={filming} onClick={() => void film()}>
          {filming ? "Stop the camera" : "Use the camera"}
        </button>
        <span class="note wide">or drop one on the page</span>
        <input
          ref={file}
          type="file"
          accept="image/*"
          hidden
          onChange={({ currentTarget }) => {
            const [chosen] = currentTarget.files ?? [];
            if (chosen) void open(chosen.name, () => Promise.resolve(chosen));
            currentTarget.value = "";
          }}
        />
      </div>
      <Samples samples={data.samples} onChoose={sample} />
      <p class="doing" role="status" aria-live="polite">
        {state === undefined
          ? found && `Labelled in ${Math.round(found.time)} ms by ${found.device}`
          : "failure" in state
          ? <strong class="failure">{state.failure}</strong>
          : `${state.waiting} …`}
      </p>
      <div class="stage" hidden={found === undefined}>
        <canvas
          ref={canvas}
          role="img"
          aria-label="The picture with a colour for each pixel's class"
          onPointerMove={onPoint}
          onPointerLeave={() => setPointed(undefined)}
        />
        {data.networks.length > 1 && shown !== "picture" && (
          <div class="line" style={{ left: `${100 * split}%` }} aria-hidden="true" />
        )}
      </div>
      {found && (
        <>
          <p class="said">{said ?? "Point at a pixel to read its class."}</p>
          <Controls {...{ data, shown, setShown, opacity, setOpacity, split, setSplit }} />
          <Legend data={data} labels={found.labels} />
        </>
      )}
      <footer>
        <dl>
          {data.facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </footer>
    </main>
  );
}
