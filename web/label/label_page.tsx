/**
 * The page of `plca export --page`: labels a picture, a sample or the camera by networks that lie beside it.
 * All of it happens in the visitor's browser; no picture is sent anywhere.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { LabelPageData } from "../../export/label_page_data.ts";
import { type LabelledPicture, type Labelling, useLabelling } from "./labelling.ts";
import { Controls, Legend, Samples } from "./parts.tsx";
import { draw, type Shown } from "./picture.ts";

/** The whole page. */
export function LabelPage({ data }: { readonly data: LabelPageData }) {
  const canvas = useRef<HTMLCanvasElement>(null), file = useRef<HTMLInputElement>(null);
  const labelling = useLabelling(data), { labelled, open, sample, film } = labelling;
  const [shown, setShown] = useState<Shown>("labels");
  const [opacity, setOpacity] = useState(0.6), [split, setSplit] = useState(0.5);
  const [pointed, setPointed] = useState<{ readonly of: LabelledPicture; readonly pixel: number }>();
  const colours = data.classes.map(({ colour }) => colour);
  useEffect(() => {
    if (labelled) {
      draw(canvas.current!, labelled.picture, labelled.labels, { shown, opacity, split, colours });
    }
  }, [labelled, shown, opacity, split]);
  useKeys({ setShown, setSplit, film, sample, choose: () => file.current?.click() });
  const onPoint = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect(), { width, height } = labelled!.picture;
    const x = Math.floor((event.clientX - box.left) / box.width * width);
    const y = Math.floor((event.clientY - box.top) / box.height * height);
    const inside = x >= 0 && y >= 0 && x < width && y < height;
    setPointed(inside ? { of: labelled!, pixel: y * width + x } : undefined);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    const [dropped] = event.dataTransfer?.files ?? [];
    if (dropped) open(dropped);
  };
  return (
    <main onDragOver={(event) => event.preventDefault()} onDrop={onDrop}>
      <header>
        <div>
          <h1>{data.title}</h1>
          <p class="note">Pictures stay in this browser: nothing is sent anywhere.</p>
        </div>
      </header>
      <Sources file={file} labelling={labelling} />
      <Samples samples={data.samples} onChoose={sample} />
      <Progress {...labelling} />
      <div class="stage" hidden={labelled === undefined}>
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
      {labelled && (
        <>
          <p class="said">
            {pointed?.of === labelled
              ? pointText(data, labelled, pointed.pixel)
              : "Point at a pixel to read its class."}
          </p>
          <Controls {...{ data, shown, setShown, opacity, setOpacity, split, setSplit }} />
          <Legend data={data} labels={labelled.labels} />
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

/** Buttons for a file and for the camera. */
function Sources(
  { file, labelling: { open, film, filming } }: {
    readonly file: { readonly current: HTMLInputElement | null };
    readonly labelling: Labelling;
  },
) {
  return (
    <div class="sources">
      <button type="button" onClick={() => file.current!.click()}>Choose a picture</button>
      <button type="button" aria-pressed={filming} onClick={film}>
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
          if (chosen) open(chosen);
          currentTarget.value = "";
        }}
      />
    </div>
  );
}

/** What the page is doing, or how long the last picture took. */
function Progress({ doing, labelled }: Labelling) {
  return (
    <p class="doing" role="status" aria-live="polite">
      {doing === undefined
        ? labelled && `Labelled in ${Math.round(labelled.time)} ms by ${labelled.device}`
        : "failure" in doing
        ? <strong class="failure">{doing.failure}</strong>
        : `${doing.waiting} …`}
    </p>
  );
}

/** What each network says of a pixel. */
function pointText({ networks, classes }: LabelPageData, { labels }: LabelledPicture, pixel: number): string {
  return labels.map(({ ids, confidence }, k) =>
    `${networks[k]!.name}: ${classes[ids[pixel]!]!.name}, ${Math.round(100 * confidence[pixel]!)} % sure`
  ).join("; ");
}

/** What keys do on the page. */
interface KeyActions extends Pick<Labelling, "film" | "sample"> {
  setShown(shown: Shown): void;
  setSplit(change: (before: number) => number): void;
  /** Opens the browser's choice of a file. */
  choose(): void;
}

/** Listens to keys; `sample` and `film` must work as they were in the first rendering. */
function useKeys({ setShown, setSplit, film, sample, choose }: KeyActions): void {
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
      else if (event.key === "c") film();
      else if (event.key === "o") choose();
      else if (/^[1-9]$/.test(event.key)) sample(Number(event.key) - 1);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}
