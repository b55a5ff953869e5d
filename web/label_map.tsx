/**
 * Labels of an image as a picture: each pixel in its class's colour and pattern, or only the pixels that are
 * labelled wrongly.
 *
 * A report holds label images as train ids, one byte a pixel, compressed by zlib and in base64, not as
 * coloured PNGs. So one copy serves any choice of colours, and the class under the pointer can be named.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ClassStyle } from "./palette.ts";

/** Train ids of an image, row by row. */
export interface LabelPlane {
  readonly width: number;
  readonly height: number;
  /** Of length width · height. */
  readonly ids: Uint8Array;
}

/** What {@linkcode LabelMap} draws. */
export interface LabelMapProps {
  readonly plane: LabelPlane;
  /** By train id; other ids stay black. */
  readonly styles: readonly ClassStyle[];
  /** Says what the picture shows. */
  readonly label: string;
  /**
   * The labels to compare with. With it, pixels that agree with it are pale, and so are pixels that it gives
   * no class.
   */
  readonly mistakesAgainst?: LabelPlane | undefined;
  /** Called with the pixel under the pointer; with undefined when the pointer leaves. */
  readonly onPoint?: ((pixel: number | undefined) => void) | undefined;
}

/**
 * The least width of the canvas in its own pixels: smaller planes are drawn larger, so that patterns have
 * room.
 */
const DRAWN_WIDTH = 480;

/** A canvas whose sides are a whole multiple of the plane's, at least {@linkcode DRAWN_WIDTH} wide. */
export function LabelMap({ plane, styles, label, mistakesAgainst, onPoint }: LabelMapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = plane;
  const scale = Math.max(1, Math.ceil(DRAWN_WIDTH / width));
  useEffect(() => {
    const context = canvas.current!.getContext("2d", { willReadFrequently: true })!;
    const image = context.createImageData(width * scale, height * scale);
    paint(image, { plane, styles, mistakesAgainst, scale });
    context.putImageData(image, 0, 0);
  }, [plane, styles, mistakesAgainst]);
  const onMove = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left) / box.width * width);
    const y = Math.floor((event.clientY - box.top) / box.height * height);
    onPoint?.(x >= 0 && y >= 0 && x < width && y < height ? y * width + x : undefined);
  };
  return (
    <canvas
      ref={canvas}
      class="labels"
      width={width * scale}
      height={height * scale}
      role="img"
      aria-label={label}
      onPointerMove={onMove}
      onPointerLeave={() => onPoint?.(undefined)}
    />
  );
}

/** What is painted; see {@linkcode LabelMapProps}. */
interface Painting {
  readonly plane: LabelPlane;
  readonly styles: readonly ClassStyle[];
  readonly mistakesAgainst: LabelPlane | undefined;
  readonly scale: number;
}

/** The colour of what is not of interest. */
const PALE = [200, 204, 210] as const;

/**
 * Fills the image, each pixel of the plane as a square of `scale` pixels. Patterns follow the canvas, not the
 * plane, so their lines are equally wide on every plane.
 */
function paint(image: ImageData, { plane, styles, mistakesAgainst, scale }: Painting): void {
  const { data, width, height } = image;
  const inks = styles.map(({ colour: [red, green, blue] }) =>
    0.299 * red + 0.587 * green + 0.114 * blue > 140 ? 0 : 255
  );
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const pixel = Math.floor(y / scale) * plane.width + Math.floor(x / scale);
      const id = plane.ids[pixel]!;
      data[at + 3] = 255;
      const style = styles[id];
      if (!style) continue;
      const truth = mistakesAgainst?.ids[pixel];
      const pale = truth !== undefined && (truth === id || !styles[truth]);
      const inked = !pale &&
        (style.pattern === "lines" ? (x + y) % 8 < 2 : style.pattern === "dots" && x % 8 < 3 && y % 8 < 3);
      for (let channel = 0; channel < 3; channel++) {
        data[at + channel] = pale ? PALE[channel]! : inked ? inks[id]! : style.colour[channel]!;
      }
    }
  }
}

/**
 * The bytes behind base64 of zlib data. Decompressing is asynchronous in a browser.
 * @returns undefined until they are there; null when they are damaged or not of this length
 */
export function useInflated(base64: string, length: number): Uint8Array | undefined | null {
  const [bytes, setBytes] = useState<Uint8Array | undefined | null>(undefined);
  useEffect(() => {
    let current = true;
    inflated(base64).then(
      (made) => current && setBytes(made.length === length ? made : null),
      () => current && setBytes(null),
    );
    return () => {
      current = false;
    };
  }, [base64, length]);
  return bytes;
}

/** Decodes base64 and undoes zlib. @throws when either is damaged */
async function inflated(base64: string): Promise<Uint8Array> {
  const shortened = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  const stream = new Blob([shortened]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
